use crate::{failure::Failure, language::Language, meaning::Embedded};
use async_trait::async_trait;
use std::time::Duration;

/// Turns texts into vectors: a model at an address, or the one that the knowledge is found with.
#[async_trait]
pub trait Embeddings: Send + Sync {
    /// One vector for each text, in their order, after `within` at the latest.
    ///
    /// # Errors
    /// A failure whose verdict says whether the same texts may be embedded later.
    async fn embed(&self, texts: Vec<String>, within: Duration) -> Result<Embedded, Failure>;
}

/// Compares what people say with what somebody wrote down.
#[async_trait]
pub trait Meaning: Send + Sync {
    /// How alike a text is to each of the others, up to 1, in their order: by an embedding model on the scale of the default
    /// one, or by [`crate::meaning::in_words`] where there is none for this language.
    ///
    /// # Errors
    /// The embedder's.
    async fn likeness(&self, text: &str, others: &[String], language: Language) -> Result<Vec<f32>, Failure>;
}
