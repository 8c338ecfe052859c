//! Work that takes longer than a request and goes on after a restart.

use super::{Installation, TenantStore, found};
use crate::{
    db,
    error::{store_error, unreadable},
    sql::jobs as sql,
};
use colloquy_domain::{
    ids::{JobId, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::time::Duration;
use uuid::Uuid;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Reads the pages of a sitemap.
    Sitemap,
    /// Indexes an agent's documents again.
    Train,
    /// Builds and reviews a proposal.
    Proposal,
    /// Runs a scenario.
    Simulation,
}

impl JobKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sitemap => "sitemap",
            Self::Train => "train",
            Self::Proposal => "proposal",
            Self::Simulation => "simulation",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    Running,
    Done,
    Failed,
}

impl JobState {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub tenant: TenantId,
    pub kind: JobKind,
    pub state: JobState,
    /// What there is to do and how far it came: JSON of whoever does it.
    pub detail: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

type Row = (Uuid, Uuid, String, String, String, i64, i64);

fn job((id, tenant, kind, state, detail, created_at, updated_at): Row) -> Result<Job, StoreError> {
    let kinds = [JobKind::Sitemap, JobKind::Train, JobKind::Proposal, JobKind::Simulation];
    let states = [JobState::Running, JobState::Done, JobState::Failed];
    Ok(Job {
        id: JobId::new(id),
        tenant: TenantId::new(tenant),
        kind: kinds.into_iter().find(|k| k.name() == kind).ok_or_else(|| unreadable("kind of a job"))?,
        state: states.into_iter().find(|s| s.name() == state).ok_or_else(|| unreadable("state of a job"))?,
        detail,
        created_at: Timestamp(created_at),
        updated_at: Timestamp(updated_at),
    })
}

impl TenantStore {
    /// # Errors
    /// The store's.
    pub async fn create_job(&self, kind: JobKind, detail: &str) -> Result<Job, StoreError> {
        let (id, tenant, now, text) = (self.store.uuid(), self.key(), self.store.now().millis(), detail.to_owned());
        self.tell(move |conn| {
            let query = db::query(sql::ADD).bind(id).bind(tenant).bind(kind.name()).bind(text.clone()).bind(now);
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await?;
        self.job(JobId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        let row: Option<Row> = self.one(sql::GET, id.uuid()).await?;
        job(row.ok_or(StoreError::NotFound("job"))?)
    }

    /// Writes down how far a job came; it is not worked at for `pause`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it is not running any more, or the store's.
    pub async fn save_job(&self, id: JobId, state: JobState, detail: &str, pause: Duration) -> Result<(), StoreError> {
        let (tenant, now, text) = (self.key(), self.store.now(), detail.to_owned());
        let until = (now + pause).millis();
        self.tell(move |conn| {
            let query = db::query(sql::SAVE).bind(tenant).bind(id.uuid()).bind(state.name()).bind(text.clone());
            let query = query.bind(until).bind(now.millis());
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "job") }.boxed()
        })
        .await
    }
}

impl Installation {
    /// A job of any tenant that nobody works at, for `lease`; the one that waits longest. Clocks of nodes that differ by
    /// more than the lease make two work at it: steps of jobs are safe to repeat.
    ///
    /// # Errors
    /// The store's.
    pub async fn lease_job(&self, lease: Duration) -> Result<Option<Job>, StoreError> {
        let row: Option<Row> = self.leased(sql::DUE, sql::LEASE, lease).await?;
        row.map(job).transpose()
    }
}
