use crate::{
    call::{CallAnswer, CallDocument, CallNews, CallRequest, CallStanding, LineEvent, LineWord},
    channel::{ChannelAccount, WebhookRejection},
    ports::WebCall,
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

    /// How the provider is asked what has become of a call; none where it cannot be, or not with what is set.
    fn question(&self, _account: &ChannelAccount, _call: &str) -> Option<WebCall> {
        None
    }

    /// What it answers to that; none if this says nothing of a call.
    fn standing(&self, _body: &[u8]) -> Option<CallStanding> {
        None
    }

    /// Verifies a request for a line, on which words go both ways as they are spoken; not all providers have them.
    ///
    /// # Errors
    /// [`WebhookRejection`], which says how to answer.
    fn admit(&self, _account: &ChannelAccount, _request: &CallRequest<'_>) -> Result<(), WebhookRejection> {
        Err(WebhookRejection::NotSupported)
    }

    /// Reads what came on a line. Its [`LineEvent::Opened`] is verified.
    ///
    /// # Errors
    /// [`WebhookRejection`]: what came is passed over, or, if it is not authentic, the line is closed.
    fn hear(&self, _account: &ChannelAccount, _frame: &str) -> Result<LineEvent, WebhookRejection> {
        Err(WebhookRejection::NotSupported)
    }

    /// Writes what is said on a line as the provider reads it.
    fn speak(&self, _account: &ChannelAccount, _word: &LineWord) -> String {
        String::new()
    }
}
