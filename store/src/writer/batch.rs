//! The writes of one transaction.

use super::{
    append::{self, Append},
    commits::{self, Commit},
    job::{Job, Ran},
};
use crate::error::db;
use colloquy_domain::ports::StoreError;
use sqlx::SqliteConnection;

#[derive(Default)]
pub(super) struct Batch {
    pub(super) appends: Vec<Append>,
    pub(super) commits: Vec<Commit>,
    pub(super) jobs: Vec<Box<dyn Job>>,
    log_end: Option<u64>,
}

/// Nothing of the batch is durable.
pub(super) struct Failed {
    pub(super) error: StoreError,
    /// Whether the transaction began; if not, trying the writes one by one would fare no better.
    pub(super) begun: bool,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.appends.len() + self.commits.len() + self.jobs.len()
    }

    /// The last offset that the batch appended.
    pub(super) fn log_end(&self) -> Option<u64> {
        self.log_end
    }

    /// Runs all in one transaction. Refusals that leave no trace are kept as answers; anything else fails the batch,
    /// and the caller rolls back.
    pub(super) async fn attempt(&mut self, conn: &mut SqliteConnection) -> Result<(), Failed> {
        execute(conn, "BEGIN IMMEDIATE").await.map_err(|error| Failed { error, begun: false })?;
        self.run(conn).await.map_err(|error| {
            self.log_end = None;
            Failed { error, begun: true }
        })
    }

    async fn run(&mut self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        let alone = self.len() == 1;
        self.log_end = append::write(conn, &self.appends).await?;
        commits::write(conn, &mut self.commits).await?;
        for job in &mut self.jobs {
            if job.savepoint() && !alone {
                guarded(conn, job.as_mut()).await?;
            } else if let Ran::Dirty(error) = job.run(conn).await {
                return Err(error);
            }
        }
        execute(conn, "COMMIT").await
    }

    pub(super) fn refuse(&mut self, error: &StoreError) {
        self.log_end = None;
        for append in &mut self.appends {
            append.result = Err(error.clone());
        }
        for commit in &mut self.commits {
            commit.result = Err(error.clone());
        }
        for job in &mut self.jobs {
            job.refuse(error.clone());
        }
    }

    pub(super) fn answer(self) {
        self.appends.into_iter().for_each(Append::answer);
        self.commits.into_iter().for_each(Commit::answer);
        self.jobs.into_iter().for_each(Job::answer);
    }

    pub(super) fn split(self) -> impl Iterator<Item = Self> {
        let appends = self.appends.into_iter().map(|a| Self { appends: vec![a], ..Self::default() });
        let commits = self.commits.into_iter().map(|c| Self { commits: vec![c], ..Self::default() });
        let jobs = self.jobs.into_iter().map(|j| Self { jobs: vec![j], ..Self::default() });
        appends.chain(commits).chain(jobs)
    }
}

/// Runs one job so that its refusal undoes what it wrote and nothing else.
async fn guarded(conn: &mut SqliteConnection, job: &mut dyn Job) -> Result<(), StoreError> {
    execute(conn, "SAVEPOINT one_write").await?;
    if let Ran::Dirty(error) = job.run(conn).await {
        if error.is_retry() {
            return Err(error);
        }
        execute(conn, "ROLLBACK TO one_write").await?;
        job.refuse(error);
    }
    execute(conn, "RELEASE one_write").await
}

async fn execute(conn: &mut SqliteConnection, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement).execute(&mut *conn).await.map(|_| ()).map_err(db)
}
