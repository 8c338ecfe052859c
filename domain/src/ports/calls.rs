use crate::{
    call::{CallAnswer, CallDocument, CallNews, CallRequest},
    channel::{ChannelAccount, WebhookRejection},
};

/// A provider of telephone calls: how its requests are verified and read, and how it is answered.
pub trait CallDriver: Send + Sync {
    /// The provider's name, as a call keeps it.
    fn provider(&self) -> &'static str;

    /// Verifies the raw bytes, then decodes them. Unknown kinds are [`CallEvent::Ignored`](crate::call::CallEvent).
    ///
    /// # Errors
    /// [`WebhookRejection`], which says how to answer.
    fn receive(&self, account: &ChannelAccount, request: &CallRequest<'_>) -> Result<CallNews, WebhookRejection>;

    /// Writes an answer as the provider reads it.
    fn answer(&self, account: &ChannelAccount, answer: &CallAnswer) -> CallDocument;
}
