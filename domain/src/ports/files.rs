use crate::ids::{ConversationId, Seq, TenantId};
use async_trait::async_trait;
use std::time::Duration;

/// A file that a person sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileOf {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    /// The message that it came with, by its number in the inbox.
    pub message: Seq,
}

/// Why there are no bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It has more bytes than were asked for.
    TooLarge,
    /// Its provider has not given it out in time.
    Late,
    /// It was refused, or is kept no longer, or cannot be read.
    Gone,
}

/// The bytes of files that people sent, for models that see or listen.
#[async_trait]
pub trait SentFiles: Send + Sync {
    /// The file, if it has at most `most` bytes; one that is still being brought is waited for, `patience` at most.
    ///
    /// # Errors
    /// Why it is not there.
    async fn file(&self, of: FileOf, most: u64, patience: Duration) -> Result<Vec<u8>, Missing>;
}
