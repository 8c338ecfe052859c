//! The writes of one transaction.

use super::{
    append::{self, Append},
    fence::Fencing,
    job::{Job, Ran},
    marks::Marks,
    merged::Merged,
};
use crate::{
    db::{self, Conn, Dialect, Trouble},
    error::store_error,
    ports::{Claim, Prepared, Sent, TakeIn},
};
use colloquy_domain::{placement::Partition, ports::StoreError};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The first half of the numbers of tenants' locks.
const TENANT_LOCKS: i32 = 0x636f_6c02;

#[derive(Default)]
pub(super) struct Batch {
    pub(super) appends: Vec<Append>,
    pub(super) take_ins: Merged<TakeIn>,
    pub(super) commits: Merged<Prepared>,
    pub(super) sent: Merged<Sent>,
    pub(super) claims: Merged<Claim>,
    pub(super) jobs: Vec<Box<dyn Job>>,
    log_end: Option<u64>,
    stage: Stage,
}

/// How far a batch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stage {
    /// No transaction: trying the writes one by one would fare no better.
    #[default]
    Beginning,
    /// Nothing of it is durable.
    Running,
    /// Its end was asked for.
    Committing,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        let merged = self.take_ins.len() + self.commits.len() + self.sent.len() + self.claims.len();
        self.appends.len() + merged + self.jobs.len()
    }

    /// The last offset that the batch appended.
    pub(super) fn log_end(&self) -> Option<u64> {
        self.log_end
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// Runs all in one transaction. Refusals that leave no trace are kept as answers; anything else fails the batch,
    /// and the caller rolls back.
    pub(super) async fn attempt(
        &mut self,
        conn: &mut Conn,
        marks: &mut Marks,
        fencing: &Fencing,
    ) -> Result<(), StoreError> {
        (self.stage, self.log_end) = (Stage::Beginning, None);
        conn.calm();
        self.begin(conn, marks, fencing).await?;
        self.stage = Stage::Running;
        self.run(conn).await?;
        if conn.trouble().is_some() {
            // PostgreSQL would answer such a COMMIT with a rollback, and no error.
            return Err(StoreError::Broken("a write went on after an error".to_owned()));
        }
        self.stage = Stage::Committing;
        execute(conn, "COMMIT").await
    }

    async fn begin(&self, conn: &mut Conn, marks: &mut Marks, fencing: &Fencing) -> Result<(), StoreError> {
        if conn.dialect() == Dialect::Sqlite {
            return execute(conn, "BEGIN IMMEDIATE").await;
        }
        // One round trip; the locks come first, because the marks of a writer that waits concern nobody.
        let mut text = "BEGIN".to_owned();
        for statement in fencing.statements(&self.partitions()).into_iter().chain([marks.next()]) {
            text.push_str("; ");
            text.push_str(&statement);
        }
        let rows = conn.script(text).await.map_err(store_error)?;
        let owned = rows.iter().map(db::Row::read).collect::<Result<_, _>>().map_err(store_error)?;
        conn.fence = fencing.fence(owned);
        Ok(())
    }

    fn partitions(&self) -> BTreeSet<Partition> {
        let of_jobs = self.jobs.iter().flat_map(|j| j.partitions());
        let of_outboxes = self.sent.partitions().chain(self.claims.partitions());
        self.take_ins.partitions().chain(self.commits.partitions()).chain(of_outboxes).chain(of_jobs).collect()
    }

    async fn run(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let alone = self.len() == 1;
        self.log_end = append::write(conn, &self.appends).await?;
        self.take_ins.write(conn).await?;
        self.commits.write(conn).await?;
        // What is sent lets the next reply of its conversation be claimed, and a commit adds some.
        self.sent.write(conn).await?;
        self.claims.write(conn).await?;
        for job in &mut self.jobs {
            let tenant = job.tenant().filter(|_| conn.dialect() == Dialect::Postgres);
            if job.savepoint() && !alone {
                guarded(conn, job.as_mut(), tenant).await?;
                continue;
            }
            if let Some(tenant) = tenant {
                conn.script(walled(tenant)).await.map_err(store_error)?;
            }
            if let Ran::Dirty(error) = job.run(conn).await {
                return Err(error);
            }
            if tenant.is_some() && !alone {
                conn.script(UNWALLED.to_owned()).await.map_err(store_error)?;
            }
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, error: &StoreError) {
        self.log_end = None;
        for append in &mut self.appends {
            append.result = Err(error.clone());
        }
        self.take_ins.refuse(error);
        self.commits.refuse(error);
        self.sent.refuse(error);
        self.claims.refuse(error);
        for job in &mut self.jobs {
            job.refuse(error.clone());
        }
    }

    pub(super) fn answer(self) {
        self.appends.into_iter().for_each(Append::answer);
        self.take_ins.answer();
        self.commits.answer();
        self.sent.answer();
        self.claims.answer();
        self.jobs.into_iter().for_each(Job::answer);
    }

    pub(super) fn split(self) -> impl Iterator<Item = Self> {
        let appends = self.appends.into_iter().map(|a| Self { appends: vec![a], ..Self::default() });
        let take_ins = self.take_ins.split().map(|take_ins| Self { take_ins, ..Self::default() });
        let commits = self.commits.split().map(|commits| Self { commits, ..Self::default() });
        let sent = self.sent.split().map(|sent| Self { sent, ..Self::default() });
        let claims = self.claims.split().map(|claims| Self { claims, ..Self::default() });
        let jobs = self.jobs.into_iter().map(|j| Self { jobs: vec![j], ..Self::default() });
        appends.chain(take_ins).chain(commits).chain(sent).chain(claims).chain(jobs)
    }
}

/// From here on the transaction sees one tenant's rows; what is configured for a tenant is changed by one at a time, on
/// whichever node.
fn walled(tenant: Uuid) -> String {
    format!(
        "SELECT set_config('colloquy.tenant', '{tenant}', true); \
         SELECT pg_advisory_xact_lock({TENANT_LOCKS}, hashtext('{tenant}'))"
    )
}

const UNWALLED: &str = "SELECT set_config('colloquy.tenant', '*', true)";

/// Runs one job so that its refusal undoes what it wrote and nothing else. A tenant's job sees that tenant's rows only.
async fn guarded(conn: &mut Conn, job: &mut dyn Job, tenant: Option<Uuid>) -> Result<(), StoreError> {
    match tenant {
        None => execute(conn, "SAVEPOINT one_write").await?,
        Some(tenant) => {
            let text = format!("SAVEPOINT one_write; {}", walled(tenant));
            conn.script(text).await.map(|_| ()).map_err(store_error)?;
        }
    }
    if let Ran::Dirty(error) = job.run(conn).await {
        if error.is_retry() || matches!(conn.trouble(), Some(Trouble::Lost | Trouble::Again)) {
            return Err(error);
        }
        execute(conn, "ROLLBACK TO one_write").await?;
        conn.calm();
        job.refuse(error);
    }
    match tenant {
        None => execute(conn, "RELEASE one_write").await,
        Some(_) => {
            let text = format!("{UNWALLED}; RELEASE one_write");
            conn.script(text).await.map(|_| ()).map_err(store_error)
        }
    }
}

async fn execute(conn: &mut Conn, statement: &'static str) -> Result<(), StoreError> {
    db::query(statement).execute(conn).await.map(|_| ()).map_err(store_error)
}
