use super::FileOf;
use crate::{
    failure::Failure,
    model::{CompletionRequest, CompletionResult, ModelChoice, Recording, Transcript},
};
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

    /// Whether a completion of this choice can be any text, as that of a language model; others only answer from passages.
    fn writes(&self, _choice: &ModelChoice) -> bool {
        false
    }

    /// Writes down what was said.
    ///
    /// # Errors
    /// `model.not_configured` where nothing can listen, or the provider's.
    async fn transcribe(&self, _recording: Recording) -> Result<Transcript, Failure> {
        Err(deaf())
    }

    /// The same of a recording that a person sent, whose bytes are in no state: one that is still being brought is waited
    /// for.
    ///
    /// # Errors
    /// As [`Model::transcribe`]; `recording.missing`, `recording.too_large` and `recording.unknown` for what cannot be
    /// listened to.
    async fn listen(&self, _recording: FileOf) -> Result<Transcript, Failure> {
        Err(deaf())
    }
}

fn deaf() -> Failure {
    Failure::fatal("model.not_configured", "no model that can listen is configured")
}
