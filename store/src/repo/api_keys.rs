use super::{Installation, Page, PageRequest, TenantStore, found};
use crate::{
    db,
    error::{conflict_on, store_error},
    records,
    sql::platform as sql,
};
use colloquy_domain::{ids::TenantId, ports::StoreError, time::Timestamp};
use futures::FutureExt;
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// What is kept of an API key: its SHA-256. Keys are long and random, so no slow hash is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(***)")
    }
}

/// An API key as it is listed; the key itself is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// Whose key it is, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOwner {
    pub key: Uuid,
    pub tenant: TenantId,
    pub scopes: Vec<String>,
}

impl TenantStore {
    /// # Errors
    /// [`StoreError::Conflict`] if the same key exists, or the store's.
    pub async fn create_api_key(&self, name: &str, hash: KeyHash, scopes: &[String]) -> Result<ApiKey, StoreError> {
        let (id, tenant, now) = (self.store.uuid(), self.key(), self.store.now());
        let row = (name.to_owned(), records::write(&scopes)?);
        self.tell(move |conn| {
            let (name, scopes) = row.clone();
            async move {
                let query = db::query(sql::ADD_KEY).bind(id).bind(tenant).bind(name);
                let query = query.bind(hash.0.to_vec()).bind(scopes).bind(now.millis());
                query.execute(conn).await.map(|_| ()).map_err(conflict_on("API key"))
            }
            .boxed()
        })
        .await?;
        Ok(ApiKey { id, name: name.to_owned(), scopes: scopes.to_vec(), created_at: now, revoked_at: None })
    }

    /// # Errors
    /// The store's.
    pub async fn api_keys(&self, request: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        type Row = (Uuid, String, String, i64, Option<i64>);
        let page: Page<Row> = self.page(sql::KEYS, sql::COUNT_KEYS, request).await?;
        page.try_map(|(id, name, scopes, created_at, revoked_at)| {
            let scopes = records::read("scopes", &scopes)?;
            let revoked_at = revoked_at.map(Timestamp);
            Ok(ApiKey { id, name, scopes, created_at: Timestamp(created_at), revoked_at })
        })
    }

    /// The key opens nothing from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    pub async fn revoke_api_key(&self, id: Uuid) -> Result<(), StoreError> {
        let (tenant, now) = (self.key(), self.store.now().millis());
        self.tell(move |conn| {
            async move {
                let query = db::query(sql::REVOKE_KEY).bind(tenant).bind(id).bind(now);
                found(query.execute(conn).await.map_err(store_error)?.rows_affected(), "API key")
            }
            .boxed()
        })
        .await
    }
}

impl Installation {
    /// The owner of a key that was not revoked.
    ///
    /// # Errors
    /// The store's.
    pub async fn api_key(&self, hash: KeyHash) -> Result<Option<KeyOwner>, StoreError> {
        let query = db::query_as(sql::KEY_BY_HASH).bind(hash.0.to_vec());
        let row: Option<(Uuid, Uuid, String)> =
            query.fetch_optional(self.store.readers()).await.map_err(store_error)?;
        row.map(|(key, tenant, scopes)| {
            Ok(KeyOwner { key, tenant: TenantId::new(tenant), scopes: records::read("scopes", &scopes)? })
        })
        .transpose()
    }
}
