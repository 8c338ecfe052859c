//! The JSON that lies in the database: shapes of its own, each with its version `v`, so that renaming a field in the
//! domain cannot make old rows unreadable. A new shape is a new version, and `read` keeps understanding the old one.
//!
//! The exception is [`colloquy_domain::conversation::Snapshot`], which is the domain's own versioned durable form; the
//! journal holds pieces of it under the same version.

mod agent;
mod approval;
mod content;
mod failure;
mod inbound;
mod journal;
mod order;
mod outcome;
mod reply;
mod rich;

pub use agent::AgentRecord;
pub use approval::{ApprovalsRecord, WhyRecord};
pub use content::ContentRecord;
pub use failure::FailureRecord;
pub use inbound::InboundRecord;
pub use journal::JournalRecord;
pub(crate) use journal::{journal, journalled};
pub use order::OrderRecord;
pub use outcome::OutcomeRecord;
pub use reply::{ChecksRecord, CitationRecord, PageRecord};
pub use rich::RichRecord;

use crate::error::unreadable;
use colloquy_domain::ports::StoreError;
use serde::{Serialize, de::DeserializeOwned};

pub(crate) fn write<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Broken(format!("a record cannot be written: {e}")))
}

/// The error names the record, never what is in it.
pub(crate) fn read<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| unreadable(what))
}
