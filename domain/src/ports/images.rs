use crate::ids::{ConversationId, Seq, TenantId};
use async_trait::async_trait;
use std::time::Duration;

/// An image that a person sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageOf {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    /// The message that it came with, by its number in the inbox.
    pub message: Seq,
}

/// Why there are no bytes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// It has more bytes than were asked for.
    TooLarge,
    /// Its provider has not given it out in time.
    Late,
    /// It was refused, or is kept no longer, or cannot be read.
    Gone,
}

/// The bytes of images that people sent, for models that see them.
#[async_trait]
pub trait Images: Send + Sync {
    /// The image, if it has at most `most` bytes; one that is still being brought is waited for, `patience` at most.
    ///
    /// # Errors
    /// Why it cannot be shown.
    async fn image(&self, of: ImageOf, most: u64, patience: Duration) -> Result<Vec<u8>, Unseen>;
}
