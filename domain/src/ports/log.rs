use crate::{
    ids::{ChannelId, TenantId},
    message::Inbound,
    placement::Lane,
    ports::StoreError,
    time::Timestamp,
};
use async_trait::async_trait;

/// Place of an entry in its lane; grows.
pub type Offset = u64;

/// The offset up to which (inclusive) a lane's entries were moved into inboxes; 0 at first.
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

/// The durable log that webhooks are written to before they are answered. It has one or more lanes, each in order;
/// [`lane_of`](crate::placement::lane_of) says which one a peer's messages are in.
#[async_trait]
pub trait IngressLog: Send + Sync {
    /// How many lanes there are: 1 to 255, the same for as long as the installation lives.
    fn lanes(&self) -> u8;

    /// Appends all entries or none, and returns once they are durable. Repeated entries are kept: the inbox sorts
    /// them out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Full`]: then nothing was accepted.
    async fn append(&self, entries: Vec<NewEntry>) -> Result<(), StoreError>;

    /// Up to `max` entries of the lane after `cursor`, in order; fewer where one cannot be read, which is the error of a read
    /// that begins with it.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if the lane ends before the cursor: it lost what it had promised to keep. Or the store's.
    async fn read(&self, lane: Lane, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError>;

    /// About how much of the lane lies after `cursor`, in entries or the log's own batches; 0 when nothing does.
    ///
    /// # Errors
    /// The store's.
    async fn behind(&self, lane: Lane, cursor: Cursor) -> Result<u64, StoreError>;

    /// Returns when there may be entries after `cursor`; at the latest after an implementation-defined while.
    async fn wait(&self, lane: Lane, cursor: Cursor);

    /// Forgets entries of the lane up to `cursor` that were received before `before`.
    ///
    /// # Errors
    /// The store's.
    async fn trim(&self, lane: Lane, cursor: Cursor, before: Timestamp) -> Result<u64, StoreError>;
}
