//! What the API and the command line read and change.
//!
//! [`TenantStore`] is bound to one tenant and has no way to name another; [`Installation`] is the little that looks
//! across tenants, for start-up, webhooks and the look-up of API keys.

mod agents;
mod api_keys;
mod channels;
mod conversations;
mod dead_letters;
mod documents;
mod knowledge;
mod page;
mod received;
mod stats;
mod tenants;

pub use agents::Agent;
pub use api_keys::{ApiKey, KeyHash, KeyOwner};
pub use channels::Channel;
pub use conversations::{ConversationSummary, LastMessage, TranscriptLine};
pub use dead_letters::{DeadLetter, LostWhat, Replayed};
pub use documents::{Document, NewDocument, StoredDocument};
pub use knowledge::KnowledgeBase;
pub use page::{Page, PageRequest};
pub use received::Received;
pub use stats::{Backlog, Spending};
pub use tenants::Tenant;

use crate::sqlite::SqliteStore;
use colloquy_domain::{ids::TenantId, ports::StoreError};
use sqlx::{FromRow, sqlite::SqliteRow};
use uuid::Uuid;

/// One tenant's rows and nothing else.
#[derive(Clone)]
pub struct TenantStore {
    store: SqliteStore,
    tenant: TenantId,
}

/// What concerns all tenants.
#[derive(Clone)]
pub struct Installation {
    store: SqliteStore,
}

impl SqliteStore {
    /// The rows of one tenant. Whether it exists shows in what is found.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> TenantStore {
        TenantStore { store: self.clone(), tenant }
    }

    #[must_use]
    pub fn installation(&self) -> Installation {
        Installation { store: self.clone() }
    }
}

impl TenantStore {
    #[must_use]
    pub const fn id(&self) -> TenantId {
        self.tenant
    }

    fn key(&self) -> Uuid {
        self.tenant.uuid()
    }

    /// One row by the tenant and another key.
    async fn one<R, K>(&self, statement: &'static str, key: K) -> Result<Option<R>, StoreError>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
        K: for<'q> sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + Send + 'static,
    {
        let query = sqlx::query_as(statement).bind(self.key()).bind(key);
        query.fetch_optional(self.store.readers()).await.map_err(crate::error::db)
    }

    /// A page of the tenant's rows: `rows` takes tenant, limit and offset, `count` the tenant.
    async fn page<R>(
        &self,
        rows: &'static str,
        count: &'static str,
        request: PageRequest,
    ) -> Result<Page<R>, StoreError>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let query = sqlx::query_as(rows).bind(self.key()).bind(request.sql_limit()).bind(request.sql_offset());
        let items = query.fetch_all(self.store.readers()).await.map_err(crate::error::db)?;
        let query = sqlx::query_scalar(count).bind(self.key());
        let total: i64 = query.fetch_one(self.store.readers()).await.map_err(crate::error::db)?;
        Ok(Page::new(items, request, total))
    }
}

/// Whether a change found its row.
fn found(changed: u64, what: &'static str) -> Result<(), StoreError> {
    if changed == 0 { Err(StoreError::NotFound(what)) } else { Ok(()) }
}
