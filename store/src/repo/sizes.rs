//! How long the longest lists are. Triggers of the schema note what comes and goes, the notes are added up with those of
//! the other figures, and both are read.

use super::TenantStore;
use crate::{db, error::store_error, sql::sizes as sql};
use colloquy_domain::ports::StoreError;

/// Of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub contacts: i64,
    pub conversations: i64,
    /// Of the conversations.
    pub closed: i64,
}

impl TenantStore {
    pub(super) async fn sizes(&self) -> Result<Sizes, StoreError> {
        let query = db::query_as(sql::SIZES).bind(self.key());
        let (contacts, conversations, closed) = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Ok(Sizes { contacts, conversations, closed })
    }
}
