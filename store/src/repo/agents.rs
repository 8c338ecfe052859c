use super::{
    Actor, AgentDraft, Page, PageRequest, ProposalState, TenantStore, agent_versions::keep_version, found,
    subscriptions::Room,
};
use crate::{
    db::{self, Conn, Sql},
    error::{conflict_on, store_error},
    ports::small,
    records::AgentRecord,
    sql::{agents as versions, platform as sql},
};
use colloquy_domain::{
    agent::AgentProfile,
    ids::{AgentId, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use uuid::Uuid;

/// An agent as it is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub profile: AgentProfile,
    /// Counted from 1; each change is the next one.
    pub version: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    enabled: bool,
    profile: String,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl Row {
    fn agent(self, tenant: TenantId) -> Result<Agent, StoreError> {
        let profile = AgentRecord::parse((tenant, AgentId::new(self.id), self.name, self.enabled), &self.profile)?;
        let (created_at, updated_at) = (Timestamp(self.created_at), Timestamp(self.updated_at));
        Ok(Agent { profile, version: small(self.version), created_at, updated_at })
    }
}

impl TenantStore {
    /// The profile's tenant is this one, whatever it says.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the name is taken, [`StoreError::NotFound`] if a knowledge base does not exist,
    /// [`StoreError::BeyondPlan`], or the store's.
    pub async fn create_agent(&self, profile: AgentProfile, by: Actor) -> Result<Agent, StoreError> {
        self.save_agent(sql::ADD_AGENT.into(), profile, (by, None)).await
    }

    /// What it was before stays as a version.
    ///
    /// # Errors
    /// As [`TenantStore::create_agent`]; [`StoreError::NotFound`] if there is no such agent, too.
    pub async fn update_agent(&self, profile: AgentProfile, by: Actor) -> Result<Agent, StoreError> {
        self.agent(profile.id).await?;
        self.save_agent(sql::SET_AGENT.into(), profile, (by, None)).await
    }

    /// The agent is again what it was in `version`; that is its next version.
    ///
    /// # Errors
    /// As [`TenantStore::update_agent`]; [`StoreError::NotFound`] if there is no such version, too.
    pub async fn restore_agent(&self, id: AgentId, version: u32, by: Actor) -> Result<Agent, StoreError> {
        let profile = self.agent_version(id, version).await?.profile;
        self.save_agent(sql::SET_AGENT.into(), profile, (by, Some(version))).await
    }

    /// The agent becomes what was drafted, if it still is what it was then.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with `draft` if that is over, with `version` if the agent was changed meanwhile; those of
    /// [`TenantStore::update_agent`].
    pub async fn promote_draft(&self, draft: &AgentDraft, by: Actor) -> Result<Agent, StoreError> {
        let profile = draft.profile.clone();
        let (tenant, json, now) = (self.key(), AgentRecord::json(&profile)?, self.store.now().millis());
        let (id, agent, version) = (draft.id.uuid(), profile.id, i64::from(draft.version));
        self.tell(move |conn| {
            let (profile, json) = (profile.clone(), json.clone());
            async move {
                let state = ProposalState::Promoted.name();
                let query = db::query(versions::MOVE_DRAFT).bind(tenant).bind(id).bind(state).bind(now);
                if query.execute(&mut *conn).await.map_err(store_error)?.rows_affected() == 0 {
                    return Err(StoreError::Conflict("draft"));
                }
                // Written first, so that whoever else changes the agent waits; all of it is taken back otherwise.
                save(conn, sql::SET_AGENT.into(), profile, (json, now), (by, None)).await?;
                let query = db::query_scalar(versions::CHANGED_SINCE).bind(tenant).bind(agent.uuid()).bind(version);
                let others: i64 = query.fetch_one(conn).await.map_err(store_error)?;
                if others > 1 { Err(StoreError::Conflict("version")) } else { Ok(()) }
            }
            .boxed()
        })
        .await?;
        self.agent(agent).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn agent(&self, id: AgentId) -> Result<Agent, StoreError> {
        let row: Option<Row> = self.one(sql::AGENT, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("agent"))?.agent(self.tenant)
    }

    /// # Errors
    /// The store's.
    pub async fn agent_by_name(&self, name: &str) -> Result<Option<Agent>, StoreError> {
        let row: Option<Row> = self.one(sql::AGENT_BY_NAME, name.to_owned()).await?;
        row.map(|r| r.agent(self.tenant)).transpose()
    }

    /// # Errors
    /// The store's.
    pub async fn agents(&self, request: PageRequest) -> Result<Page<Agent>, StoreError> {
        let page: Page<Row> = self.page(sql::AGENTS, sql::COUNT_AGENTS, request).await?;
        page.try_map(|row| row.agent(self.tenant))
    }

    /// # Errors
    /// [`StoreError::Conflict`] while a channel is answered by it, [`StoreError::NotFound`], or the store's.
    pub async fn delete_agent(&self, id: AgentId) -> Result<(), StoreError> {
        let (tenant, id, now) = (self.key(), id.uuid(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::AGENT_ANSWERS).bind(tenant).bind(id);
                if query.fetch_optional(&mut *conn).await.map_err(store_error)?.is_some() {
                    return Err(StoreError::Conflict("agent"));
                }
                let query = db::query(sql::DELETE_AGENT).bind(tenant).bind(id).bind(now);
                found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "agent")
            }
            .boxed()
        })
        .await
    }

    async fn save_agent(
        &self,
        statement: Sql,
        profile: AgentProfile,
        origin: (Actor, Option<u32>),
    ) -> Result<Agent, StoreError> {
        let profile = AgentProfile { tenant: self.tenant, ..profile };
        let (json, now, id) = (AgentRecord::json(&profile)?, self.store.now().millis(), profile.id);
        self.tell(move |conn| {
            let (profile, json) = (profile.clone(), json.clone());
            async move { save(conn, statement, profile, (json, now), origin).await }.boxed()
        })
        .await?;
        self.agent(id).await
    }
}

async fn save(
    conn: &mut Conn,
    statement: Sql,
    profile: AgentProfile,
    (json, now): (String, i64),
    origin: (Actor, Option<u32>),
) -> Result<(), StoreError> {
    for base in &profile.knowledge {
        let query = db::query(sql::BASE).bind(profile.tenant.uuid()).bind(base.uuid());
        query.fetch_optional(&mut *conn).await.map_err(store_error)?.ok_or(StoreError::NotFound("knowledge base"))?;
    }
    let tenant = profile.tenant.uuid();
    let room = Room::before(conn, tenant).await?;
    let query = db::query(statement).bind(tenant).bind(profile.id.uuid()).bind(profile.name.clone());
    let query = query.bind(profile.enabled).bind(json.clone()).bind(now);
    let done = query.execute(&mut *conn).await.map_err(conflict_on("name"))?;
    found(done.rows_affected(), "agent")?;
    keep_version(conn, &profile, (&json, now), origin).await?;
    room.after(conn, tenant).await
}
