//! What the account uses of JetStream; read by ourselves, because servers before 2.10 leave fields out that the client
//! library insists on.

use super::error::chain;
use async_nats::jetstream::{Context, response::Response};
use serde::Deserialize;

/// What the account uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on disk.
    pub storage: u64,
    /// The account's limit in bytes, if it has one.
    pub storage_limit: Option<u64>,
    pub streams: usize,
}

#[derive(Debug, Deserialize)]
struct AccountRecord {
    storage: u64,
    streams: usize,
    limits: LimitsRecord,
}

#[derive(Debug, Deserialize)]
struct LimitsRecord {
    /// Negative: none.
    max_storage: i64,
}

/// Asks the server; the error is why JetStream cannot be used, in words.
pub(super) async fn usage(js: &Context) -> Result<Usage, String> {
    match js.request("INFO", &()).await.map_err(|e| chain(&e))? {
        Response::Err { error } => Err(error.to_string()),
        Response::Ok(AccountRecord { storage, streams, limits }) => {
            Ok(Usage { storage, storage_limit: u64::try_from(limits.max_storage).ok(), streams })
        }
    }
}
