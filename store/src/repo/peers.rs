//! The server behind the store, and the nodes that share it.

use super::Installation;
use crate::{
    db,
    error::store_error,
    ports::{SessionRow, session, unsigned},
    sql::{placement, platform as sql},
};
use colloquy_domain::{placement::NodeSession, ports::StoreError, time::Timestamp};

/// A database server, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseServer {
    /// As people write it.
    pub version: String,
    pub major: u64,
    /// Its clock: heartbeats of nodes go by it.
    pub now: Timestamp,
}

impl Installation {
    /// The server; `None` where the database is a file.
    ///
    /// # Errors
    /// The store's.
    pub async fn database_server(&self) -> Result<Option<DatabaseServer>, StoreError> {
        if self.store.meeting().is_err() {
            return Ok(None);
        }
        let row: (i64, String, i64) =
            db::query_as(sql::SERVER).fetch_one(self.store.readers()).await.map_err(store_error)?;
        Ok(Some(DatabaseServer { version: row.1, major: unsigned(row.0) / 10_000, now: Timestamp::from_millis(row.2) }))
    }

    /// All nodes that were heard of within a day, without becoming one; none where the database is a file.
    ///
    /// # Errors
    /// The store's.
    pub async fn nodes(&self) -> Result<Vec<NodeSession>, StoreError> {
        if self.store.meeting().is_err() {
            return Ok(Vec::new());
        }
        let query = db::query_as(placement::SESSIONS);
        let rows: Vec<SessionRow> = query.fetch_all(self.store.readers()).await.map_err(store_error)?;
        Ok(rows.into_iter().map(session).collect())
    }
}
