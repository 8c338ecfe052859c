use super::{Installation, Page, PageRequest, TenantStore, found};
use crate::{
    cipher::Cipher,
    db::{self, Conn},
    error::{conflict_on, store_error},
    records,
    sql::platform as sql,
};
use colloquy_domain::{
    channel::{ChannelAccount, ChannelKind, Secret},
    ids::{AgentId, ChannelId, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use futures::FutureExt;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A connected account as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub account: ChannelAccount,
    /// Replies are read by the client itself: nothing goes to the outbox.
    pub pull: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    tenant_id: Uuid,
    kind: String,
    name: String,
    agent_id: Uuid,
    external_id: Option<String>,
    pull: bool,
    settings: String,
    secrets: Vec<u8>,
    enabled: bool,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn channel(self, cipher: &Cipher) -> Result<Channel, StoreError> {
        let plain = cipher.open(self.id.as_bytes(), &self.secrets)?;
        let secrets: BTreeMap<String, String> =
            serde_json::from_slice(&plain).map_err(|_| crate::error::unreadable("secrets"))?;
        let account = ChannelAccount {
            tenant: TenantId::new(self.tenant_id),
            id: ChannelId::new(self.id),
            kind: ChannelKind::named(&self.kind),
            name: self.name,
            agent: AgentId::new(self.agent_id),
            external_id: self.external_id,
            settings: records::read("settings", &self.settings)?,
            secrets: secrets.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
            enabled: self.enabled,
        };
        let (created_at, updated_at) = (Timestamp(self.created_at), Timestamp(self.updated_at));
        Ok(Channel { account, pull: self.pull, created_at, updated_at })
    }
}

/// An account with what is stored of it in JSON.
#[derive(Clone)]
struct Sealed {
    account: ChannelAccount,
    settings: String,
    secrets: Vec<u8>,
    now: i64,
}

impl TenantStore {
    /// The account's tenant is this one, whatever it says. `pull`: replies are read by the client itself (what the
    /// channel's driver says).
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the agent does not exist, [`StoreError::Conflict`] if the provider's account is
    /// connected already, or the store's.
    pub async fn create_channel(&self, account: ChannelAccount, pull: bool) -> Result<Channel, StoreError> {
        let (id, sealed) = (account.id, self.seal(account)?);
        self.tell(move |conn| {
            let sealed = sealed.clone();
            async move { add(conn, sealed, pull).await }.boxed()
        })
        .await?;
        self.channel(id).await
    }

    /// All but the kind can change.
    ///
    /// # Errors
    /// As [`TenantStore::create_channel`]; [`StoreError::NotFound`] if there is no such channel, too.
    pub async fn update_channel(&self, account: ChannelAccount) -> Result<Channel, StoreError> {
        let (id, sealed) = (account.id, self.seal(account)?);
        self.tell(move |conn| {
            let sealed = sealed.clone();
            async move { set(conn, sealed).await }.boxed()
        })
        .await?;
        self.channel(id).await
    }

    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Broken`] if its secrets were encrypted with another key, or the store's.
    pub async fn channel(&self, id: ChannelId) -> Result<Channel, StoreError> {
        let row: Option<Row> = self.one(sql::CHANNEL, id.uuid()).await?;
        row.ok_or(StoreError::NotFound("channel"))?.channel(self.store.cipher())
    }

    /// # Errors
    /// The store's.
    pub async fn channels(&self, request: PageRequest) -> Result<Page<Channel>, StoreError> {
        let page: Page<Row> = self.page(sql::CHANNELS, sql::COUNT_CHANNELS, request).await?;
        page.try_map(|row| row.channel(self.store.cipher()))
    }

    /// Its secrets are erased; its conversations stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn delete_channel(&self, id: ChannelId) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::DELETE_CHANNEL).bind(tenant).bind(id.uuid()).bind(now);
                found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "channel")
            }
            .boxed()
        })
        .await
    }

    fn seal(&self, account: ChannelAccount) -> Result<Sealed, StoreError> {
        let account = ChannelAccount { tenant: self.tenant, ..account };
        let secrets: BTreeMap<&str, &str> = account.secrets.iter().map(|(n, s)| (n.as_str(), s.expose())).collect();
        let plain = records::write(&secrets)?;
        let secrets = self.store.cipher().seal(account.id.uuid().as_bytes(), plain.as_bytes())?;
        let settings = records::write(&account.settings)?;
        Ok(Sealed { account, settings, secrets, now: self.store.now().millis() })
    }
}

async fn agent_exists(conn: &mut Conn, account: &ChannelAccount) -> Result<(), StoreError> {
    let query = db::query(sql::AGENT).bind(account.tenant.uuid()).bind(account.agent.uuid());
    query.fetch_optional(conn).await.map_err(store_error)?.map(|_| ()).ok_or(StoreError::NotFound("agent"))
}

async fn add(conn: &mut Conn, sealed: Sealed, pull: bool) -> Result<(), StoreError> {
    let Sealed { account, settings, secrets, now } = sealed;
    agent_exists(conn, &account).await?;
    db::query(sql::ADD_CHANNEL)
        .bind(account.id.uuid())
        .bind(account.tenant.uuid())
        .bind(account.kind.as_str())
        .bind(&account.name)
        .bind(account.agent.uuid())
        .bind(&account.external_id)
        .bind(pull)
        .bind(settings)
        .bind(secrets)
        .bind(account.enabled)
        .bind(now)
        .execute(conn)
        .await
        .map(|_| ())
        .map_err(conflict_on("external id"))
}

async fn set(conn: &mut Conn, sealed: Sealed) -> Result<(), StoreError> {
    let Sealed { account, settings, secrets, now } = sealed;
    agent_exists(conn, &account).await?;
    let done = db::query(sql::SET_CHANNEL)
        .bind(account.tenant.uuid())
        .bind(account.id.uuid())
        .bind(&account.name)
        .bind(account.agent.uuid())
        .bind(&account.external_id)
        .bind(settings)
        .bind(secrets)
        .bind(account.enabled)
        .bind(now)
        .execute(conn)
        .await
        .map_err(conflict_on("external id"))?;
    found(done.rows_affected(), "channel")
}

impl Installation {
    /// A channel of any tenant, by the id in its webhook's address.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if its secrets were encrypted with another key, or the store's.
    pub async fn channel(&self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        let query = db::query_as(sql::ANY_CHANNEL).bind(id.uuid());
        let row: Option<Row> = query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        row.map(|r| r.channel(self.store.cipher())).transpose()
    }

    /// The account that a shared webhook means by the provider's id.
    ///
    /// # Errors
    /// As [`Installation::channel`].
    pub async fn channel_by_external(
        &self,
        kind: &ChannelKind,
        external_id: &str,
    ) -> Result<Option<Channel>, StoreError> {
        let query = db::query_as(sql::CHANNEL_BY_EXTERNAL).bind(kind.as_str()).bind(external_id);
        let row: Option<Row> = query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        row.map(|r| r.channel(self.store.cipher())).transpose()
    }

    /// All enabled channels of all tenants. One whose secrets cannot be read is left out and logged: the others work.
    ///
    /// # Errors
    /// The store's.
    pub async fn enabled_channels(&self) -> Result<Vec<Channel>, StoreError> {
        let rows: Vec<Row> =
            db::query_as(sql::ENABLED_CHANNELS).fetch_all(self.store.readers()).await.map_err(store_error)?;
        let readable = rows.into_iter().filter_map(|row| {
            let (tenant, id) = (row.tenant_id, row.id);
            row.channel(self.store.cipher())
                .inspect_err(|error| {
                    tracing::error!(tenant.id = %tenant, channel.id = %id, error = %error, "channel left out");
                })
                .ok()
        });
        Ok(readable.collect())
    }
}
