//! Versions of agents that are tried on real questions before anybody is answered by them. Their answers are kept where
//! those of proposed documents are.

use super::{Actor, Page, PageRequest, ProposalState, TenantStore, audit::read_actor};
use crate::{
    db,
    error::{store_error, unreadable},
    ports::small,
    records::AgentRecord,
    sql::agents as sql,
};
use colloquy_domain::{
    agent::AgentProfile,
    ids::{AgentId, ProposalId, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq)]
pub struct AgentDraft {
    pub id: ProposalId,
    /// What the agent would be.
    pub profile: AgentProfile,
    /// The agent's version when this was drafted.
    pub version: u32,
    pub by: Actor,
    /// Never `Building`.
    pub state: ProposalState,
    /// Real questions that are asked again, at most.
    pub questions: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    agent_id: Uuid,
    version: i64,
    name: String,
    enabled: bool,
    profile: String,
    author_kind: String,
    author_id: Option<Uuid>,
    state: String,
    questions: i64,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn draft(self, tenant: TenantId) -> Result<AgentDraft, StoreError> {
        let agent = AgentId::new(self.agent_id);
        Ok(AgentDraft {
            id: ProposalId::new(self.id),
            profile: AgentRecord::parse((tenant, agent, self.name, self.enabled), &self.profile)?,
            version: small(self.version),
            by: read_actor(&self.author_kind, self.author_id)?,
            state: ProposalState::named(&self.state).ok_or_else(|| unreadable("state of a draft"))?,
            questions: small(self.questions),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

impl TenantStore {
    /// Keeps what the agent `profile` names could become.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such agent, or the store's.
    pub async fn draft_agent(
        &self,
        profile: AgentProfile,
        questions: u32,
        by: Actor,
    ) -> Result<AgentDraft, StoreError> {
        let version = self.agent(profile.id).await?.version;
        let (id, now, json) = (self.store.uuid(), self.store.now().millis(), AgentRecord::json(&profile)?);
        let (kind, author) = by.parts();
        let query =
            db::query(sql::ADD_DRAFT).bind(self.key()).bind(id).bind(profile.id.uuid()).bind(i64::from(version));
        let query = query.bind(profile.name).bind(profile.enabled).bind(json).bind(kind).bind(author);
        let query = query.bind(i64::from(questions)).bind(now);
        self.tell(move |conn| {
            let query = query.clone();
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await?;
        self.agent_draft(ProposalId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn agent_draft(&self, id: ProposalId) -> Result<AgentDraft, StoreError> {
        let row: Option<Row> = self.one(sql::DRAFT, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("draft"))?.draft(self.tenant)
    }

    /// Of one agent, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn agent_drafts(&self, agent: AgentId, request: PageRequest) -> Result<Page<AgentDraft>, StoreError> {
        let query = db::query_as(sql::DRAFTS).bind(self.key()).bind(request.sql_limit()).bind(request.sql_offset());
        let rows: Vec<Row> = query.bind(agent.uuid()).fetch_all(self.reads()).await.map_err(store_error)?;
        let query = db::query_scalar(sql::COUNT_DRAFTS).bind(self.key()).bind(agent.uuid());
        let total: i64 = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Page::new(rows, request, total).try_map(|row| row.draft(self.tenant))
    }

    /// # Errors
    /// [`StoreError::Conflict`] if it was promoted or dropped, or if there is no such draft; or the store's.
    pub async fn move_draft(&self, id: ProposalId, state: ProposalState) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::MOVE_DRAFT).bind(tenant).bind(id.uuid()).bind(state.name()).bind(now);
                let moved = query.execute(conn).await.map_err(store_error)?.rows_affected();
                if moved == 0 { Err(StoreError::Conflict("draft")) } else { Ok(()) }
            }
            .boxed()
        })
        .await
    }
}
