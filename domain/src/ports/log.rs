use crate::{
    ids::{ChannelId, TenantId},
    message::Inbound,
    ports::StoreError,
    time::Timestamp,
};
use async_trait::async_trait;

/// Place of an entry in the log; grows.
pub type Offset = u64;

/// The offset up to which (inclusive) entries were moved into inboxes; 0 at first.
pub type Cursor = Offset;

/// A received message, about to be logged.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub received_at: Timestamp,
    pub inbound: Inbound,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    pub offset: Offset,
    pub entry: NewEntry,
}

/// The durable log that webhooks are written to before they are answered.
#[async_trait]
pub trait IngressLog: Send + Sync {
    /// Appends all entries or none, and returns once they are durable. Repeated entries are kept: the inbox sorts
    /// them out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Full`]: then nothing was accepted.
    async fn append(&self, entries: Vec<NewEntry>) -> Result<(), StoreError>;

    /// Up to `max` entries after `cursor`, in order.
    ///
    /// # Errors
    /// The store's.
    async fn read(&self, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError>;

    /// Returns when there may be entries after `cursor`; at the latest after an implementation-defined while.
    async fn wait(&self, cursor: Cursor);

    /// Forgets entries up to `cursor` that were received before `before`.
    ///
    /// # Errors
    /// The store's.
    async fn trim(&self, cursor: Cursor, before: Timestamp) -> Result<u64, StoreError>;
}
