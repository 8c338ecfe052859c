use crate::model::{CompletionRequest, CompletionResult};
use async_trait::async_trait;

/// Takes the pieces of an answer while it is made.
pub trait TokenSink: Send + Sync {
    fn delta(&self, text: &str);
}

/// Makes completions.
#[async_trait]
pub trait Model: Send + Sync {
    /// Makes one completion, passing its words to `sink` as they come. Dropping the future cancels the request.
    /// Retries that are safe (before the first byte) are the implementation's own business.
    ///
    /// # Errors
    /// A failure whose verdict says whether the same request may succeed later; `model.unknown_provider` for a provider
    /// that is not registered.
    async fn complete(&self, request: CompletionRequest, sink: &dyn TokenSink) -> CompletionResult;
}
