//! The directories that the actors and the API look accounts and agents up in: the store's rows, remembered.

use async_trait::async_trait;
use colloquy_api::Catalogue;
use colloquy_channels::Registry;
use colloquy_domain::{
    agent::{AgentProfile, Refusal},
    channel::{ChannelAccount, ChannelKind},
    failure::Failure,
    http_tool::{Imported, Operation},
    ids::{AgentId, ChannelId, TenantId},
    model::ModelChoice,
    ports::{AgentDirectory, ChannelDirectory, ChannelDriver, StoreError, Toolbox},
    time::Timestamp,
    tool::{ToolInvocation, ToolResult, ToolSpec},
};
use colloquy_llm::Models;
use colloquy_rag::pipeline::{ModelStatus, Rag};
use colloquy_store::Store;
use colloquy_tools::{Tools, http};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// What the tenant is called that an installation begins with.
const FIRST_TENANT: &str = "Default";

/// Accounts and agents of all tenants.
pub struct Directory {
    store: Store,
    drivers: Registry,
    /// Every webhook looks its account up: they are remembered until they change.
    accounts: RwLock<HashMap<ChannelId, Arc<ChannelAccount>>>,
}

impl Directory {
    pub fn new(store: Store, drivers: Registry) -> Self {
        Self { store, drivers, accounts: RwLock::default() }
    }

    /// The tenant's name. The first tenant has none of its own until it is renamed.
    async fn company(&self, tenant: TenantId) -> Result<Option<String>, StoreError> {
        let found = self.store.installation().tenant(tenant).await?;
        Ok((found.name != FIRST_TENANT).then_some(found.name))
    }

    fn remembered(&self, channel: ChannelId) -> Option<Arc<ChannelAccount>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&channel).cloned()
    }
}

#[async_trait]
impl ChannelDirectory for Directory {
    async fn account(&self, channel: ChannelId) -> Result<Option<Arc<ChannelAccount>>, StoreError> {
        if let Some(account) = self.remembered(channel) {
            return Ok(Some(account));
        }
        let found = self.store.installation().channel(channel).await?;
        let Some(account) = found.map(|c| Arc::new(c.account)) else { return Ok(None) };
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(channel, Arc::clone(&account));
        Ok(Some(account))
    }

    async fn enabled(&self) -> Result<Vec<Arc<ChannelAccount>>, StoreError> {
        Ok(self.store.installation().enabled_channels().await?.into_iter().map(|c| Arc::new(c.account)).collect())
    }

    fn driver(&self, kind: &ChannelKind) -> Option<Arc<dyn ChannelDriver>> {
        self.drivers.get(kind)
    }

    fn changed(&self, channel: ChannelId) {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner).remove(&channel);
    }
}

#[async_trait]
impl AgentDirectory for Directory {
    async fn profile(&self, tenant: TenantId, agent: AgentId) -> Result<Option<AgentProfile>, StoreError> {
        match self.store.tenant(tenant).agent(agent).await {
            Ok(agent) => Ok(Some(AgentProfile { company: self.company(tenant).await?, ..agent.profile })),
            Err(StoreError::NotFound(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn barred(&self, tenant: TenantId, now: Timestamp) -> Result<Option<Refusal>, StoreError> {
        self.store.tenant(tenant).barred(now).await
    }
}

/// What agents and channels may name.
pub struct Names {
    pub models: Arc<Models>,
    pub tools: Arc<Tools>,
    pub drivers: Registry,
    pub rag: Arc<Rag>,
}

#[async_trait]
impl Catalogue for Names {
    fn check_model(&self, choice: &ModelChoice) -> Result<(), Failure> {
        self.models.check(choice)
    }

    async fn check_tools(&self, tenant: TenantId, names: &[String]) -> Result<(), Failure> {
        self.tools.check(tenant, names).await
    }

    async fn tools(&self, tenant: TenantId, names: &[String]) -> Result<Vec<ToolSpec>, Failure> {
        self.tools.specs(tenant, names).await
    }

    async fn all_tools(&self, tenant: TenantId) -> Result<Vec<ToolSpec>, Failure> {
        self.tools.all(tenant).await
    }

    fn tells_amount(&self, tool: &str) -> bool {
        self.tools.tells_amount(tool)
    }

    async fn try_tool(&self, invocation: ToolInvocation) -> ToolResult {
        self.tools.run(invocation).await
    }

    fn check_operations(&self, operations: &[Operation]) -> Vec<(String, String)> {
        http::check(operations)
    }

    fn read_openapi(&self, document: &str) -> Result<Imported, Failure> {
        http::read_openapi(document)
    }

    fn channel_kinds(&self) -> Vec<ChannelKind> {
        self.drivers.kinds().cloned().collect()
    }

    fn retrieval(&self) -> (&'static str, Option<String>) {
        match self.rag.model_state() {
            ModelStatus::Ready { .. } => ("hybrid", None),
            ModelStatus::WordsOnly { what, hint } => ("words_only", Some(format!("{what}: {hint}"))),
        }
    }
}
