//! Servers of tools that a tenant connected.

use super::{Page, PageRequest, TenantStore, found};
use crate::{
    cipher::Cipher,
    db,
    error::{conflict_on, store_error, unreadable},
    records,
    sql::tool_servers as sql,
};
use colloquy_domain::{
    channel::Secret,
    http_tool::Operation,
    ids::{TenantId, ToolServerId},
    ports::StoreError,
    time::Timestamp,
    tool_server::{OfferedTool, Speaks, ToolServer, ToolServerSettings},
};
use futures::FutureExt;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Servers that one tenant can connect.
pub const MOST_TOOL_SERVERS: u32 = 50;

/// Stands before the name of what is sent in the query: among the sealed values, as no header begins.
const IN_QUERY: char = '?';

/// The values that are sent with each request.
fn sealed(settings: &ToolServerSettings, cipher: &Cipher, id: Uuid) -> Result<Vec<u8>, StoreError> {
    let headers = settings.headers.iter().map(|(name, value)| (name.clone(), value.expose()));
    let query = settings.query.iter().map(|(name, value)| (format!("{IN_QUERY}{name}"), value.expose()));
    let all: BTreeMap<String, &str> = headers.chain(query).collect();
    cipher.seal(id.as_bytes(), records::write(&all)?.as_bytes())
}

/// None for those that say themselves what they offer.
fn operations(settings: &ToolServerSettings) -> Result<Option<String>, StoreError> {
    match &settings.speaks {
        Speaks::Mcp => Ok(None),
        Speaks::Http(operations) => records::write(operations).map(Some),
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    name: String,
    url: String,
    secrets: Vec<u8>,
    enabled: bool,
    trusted: bool,
    rules: String,
    tools: String,
    operations: Option<String>,
    asked_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn server(self, cipher: &Cipher) -> Result<ToolServer, StoreError> {
        let plain = cipher.open(self.id.as_bytes(), &self.secrets)?;
        let sent: BTreeMap<String, String> = serde_json::from_slice(&plain).map_err(|_| unreadable("secrets"))?;
        let (mut headers, mut query) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in sent {
            match name.strip_prefix(IN_QUERY) {
                Some(name) => query.insert(name.to_owned(), Secret::new(value)),
                None => headers.insert(name, Secret::new(value)),
            };
        }
        let operations: Option<Vec<Operation>> =
            self.operations.map(|text| records::read("operations", &text)).transpose()?;
        let tools = match &operations {
            Some(operations) => operations.iter().map(Operation::offered).collect(),
            None => records::read("tools", &self.tools)?,
        };
        Ok(ToolServer {
            tenant: TenantId::new(self.tenant_id),
            id: ToolServerId::new(self.id),
            settings: ToolServerSettings {
                name: self.name,
                url: self.url,
                speaks: operations.map_or(Speaks::Mcp, Speaks::Http),
                headers,
                query,
                enabled: self.enabled,
                trusted: self.trusted,
                rules: records::read("rules", &self.rules)?,
            },
            tools,
            asked_at: self.asked_at.map(Timestamp),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

impl TenantStore {
    /// Nothing is known of its tools before it was asked.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the tenant has one of this name, or the store's.
    pub async fn create_tool_server(&self, settings: &ToolServerSettings) -> Result<ToolServer, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now().millis());
        let (secrets, rules) = (sealed(settings, self.store.cipher(), id)?, records::write(&settings.rules)?);
        let (s, operations) = (settings.clone(), operations(settings)?);
        self.tell(move |conn| {
            let query = db::query(sql::ADD).bind(id).bind(tenant).bind(s.name.clone()).bind(s.url.clone());
            let query = query.bind(secrets.clone()).bind(s.enabled).bind(s.trusted).bind(rules.clone()).bind(now);
            let query = query.bind(operations.clone());
            async move { query.execute(conn).await.map(|_| ()).map_err(conflict_on("tool server")) }.boxed()
        })
        .await?;
        self.tool_server(ToolServerId::new(id)).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Broken`] if its headers were encrypted with another key, or the store's.
    pub async fn tool_server(&self, id: ToolServerId) -> Result<ToolServer, StoreError> {
        let row: Option<Row> = self.one(sql::SERVER, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("tool server"))?.server(self.store.cipher())
    }

    /// The oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn tool_servers(&self, request: PageRequest) -> Result<Page<ToolServer>, StoreError> {
        let page: Page<Row> = self.page(sql::SERVERS, sql::COUNT, request).await?;
        page.try_map(|row| row.server(self.store.cipher()))
    }

    /// What it offered stays known.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Conflict`] if the tenant has another of this name, or the store's.
    pub async fn update_tool_server(
        &self,
        id: ToolServerId,
        settings: &ToolServerSettings,
    ) -> Result<ToolServer, StoreError> {
        let (tenant, now, key) = (self.key(), self.store.now().millis(), id.uuid());
        let (secrets, rules) = (sealed(settings, self.store.cipher(), key)?, records::write(&settings.rules)?);
        let (s, operations) = (settings.clone(), operations(settings)?);
        self.tell(move |conn| {
            let query = db::query(sql::SET).bind(tenant).bind(key).bind(s.name.clone()).bind(s.url.clone());
            let query = query.bind(secrets.clone()).bind(s.enabled).bind(s.trusted).bind(rules.clone()).bind(now);
            let query = query.bind(operations.clone());
            async move {
                let done = query.execute(conn).await.map_err(conflict_on("tool server"))?;
                found(done.rows_affected(), "tool server")
            }
            .boxed()
        })
        .await?;
        self.tool_server(id).await
    }

    /// Writes down what a server said that it offers; of an address that is not this server's any more, nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn tool_server_told(&self, server: &ToolServer, tools: &[OfferedTool]) -> Result<(), StoreError> {
        let (tenant, id, now) = (self.key(), server.id.uuid(), self.store.now().millis());
        let (tools, url) = (records::write(&tools)?, server.settings.url.clone());
        self.tell(move |conn| {
            let query = db::query(sql::TOLD).bind(tenant).bind(id).bind(tools.clone()).bind(now).bind(url.clone());
            async move { query.execute(conn).await.map(|_| ()).map_err(store_error) }.boxed()
        })
        .await
    }

    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_tool_server(&self, id: ToolServerId) -> Result<(), StoreError> {
        let tenant = self.key();
        self.tell(move |conn| {
            let query = db::query(sql::DELETE).bind(tenant).bind(id.uuid());
            async move { found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "tool server") }.boxed()
        })
        .await
    }
}
