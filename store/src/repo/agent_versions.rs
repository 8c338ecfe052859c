//! What an agent was configured as, one version for each change.

use super::{Actor, Page, PageRequest, TenantStore, audit::read_actor};
use crate::{
    db::{self, Conn},
    error::store_error,
    ports::small,
    records::AgentRecord,
    sql::agents as sql,
};
use colloquy_domain::{
    agent::AgentProfile,
    ids::{AgentId, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct AgentVersion {
    /// Counted from 1.
    pub version: u32,
    pub profile: AgentProfile,
    pub by: Actor,
    /// The version that it took back.
    pub restores: Option<u32>,
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    version: i64,
    name: String,
    enabled: bool,
    profile: String,
    author_kind: String,
    author_id: Option<Uuid>,
    restores: Option<i64>,
    created_at: i64,
}

impl Row {
    fn version(self, tenant: TenantId, agent: AgentId) -> Result<AgentVersion, StoreError> {
        Ok(AgentVersion {
            version: small(self.version),
            profile: AgentRecord::parse((tenant, agent, self.name, self.enabled), &self.profile)?,
            by: read_actor(&self.author_kind, self.author_id)?,
            restores: self.restores.map(small),
            created_at: Timestamp(self.created_at),
        })
    }
}

/// Keeps what the agent is from now on, unless that is what it was.
pub(super) async fn keep_version(
    conn: &mut Conn,
    profile: &AgentProfile,
    (json, now): (&str, i64),
    (by, restores): (Actor, Option<u32>),
) -> Result<(), StoreError> {
    let (tenant, agent) = (profile.tenant.uuid(), profile.id.uuid());
    let query = db::query_as(sql::LAST).bind(tenant).bind(agent);
    let last: Option<(i64, String, bool, String)> = query.fetch_optional(&mut *conn).await.map_err(store_error)?;
    let next = match last {
        Some((_, name, enabled, kept))
            if (name.as_str(), enabled, kept.as_str()) == (&profile.name, profile.enabled, json) =>
        {
            return Ok(());
        }
        Some((version, ..)) => version + 1,
        None => 1,
    };
    let (kind, author) = by.parts();
    let query = db::query(sql::ADD).bind(tenant).bind(agent).bind(next).bind(profile.name.clone());
    let query = query.bind(profile.enabled).bind(json.to_owned()).bind(kind).bind(author);
    let query = query.bind(restores.map(i64::from)).bind(now);
    query.execute(conn).await.map(|_| ()).map_err(store_error)
}

impl TenantStore {
    /// The newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn agent_versions(&self, agent: AgentId, request: PageRequest) -> Result<Page<AgentVersion>, StoreError> {
        let query = db::query_as(sql::VERSIONS).bind(self.key()).bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<Row> = query.bind(agent.uuid()).fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_VERSIONS).bind(self.key()).bind(agent.uuid());
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(|row| row.version(self.tenant, agent))
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn agent_version(&self, agent: AgentId, version: u32) -> Result<AgentVersion, StoreError> {
        let query = db::query_as(sql::VERSION).bind(self.key()).bind(agent.uuid()).bind(i64::from(version));
        let row: Option<Row> = query.fetch_optional(self.reads()).await.map_err(store_error)?;
        row.ok_or(StoreError::NotFound("version"))?.version(self.tenant, agent)
    }
}
