//! How long the longest lists are. Triggers of the schema note what comes and goes, the notes are added up with those of
//! the other figures, and both are read.

use super::TenantStore;
use crate::{db, error::store_error, sql::sizes as sql};
use colloquy_domain::ports::StoreError;

/// Of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub contacts: i64,
    conversations: i64,
    /// Of the conversations.
    closed: i64,
}

impl Sizes {
    /// All conversations, or those that are closed, or open.
    pub(super) const fn conversations(self, closed: Option<bool>) -> i64 {
        match closed {
            None => self.conversations,
            Some(true) => self.closed,
            Some(false) => self.conversations - self.closed,
        }
    }
}

impl TenantStore {
    pub(super) async fn sizes(&self) -> Result<Sizes, StoreError> {
        let query = db::query_as(sql::SIZES).bind(self.key());
        let (contacts, conversations, closed) = query.fetch_one(self.reads()).await.map_err(store_error)?;
        Ok(Sizes { contacts, conversations, closed })
    }
}
