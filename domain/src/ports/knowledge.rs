use crate::{
    failure::Failure,
    knowledge::{KnowledgeQuery, Passage, Stretch},
};
use async_trait::async_trait;

/// Finds passages, and shows those of a document.
#[async_trait]
pub trait Knowledge: Send + Sync {
    /// The passages of the tenant's named bases that fit the question best, best first; never another tenant's.
    ///
    /// # Errors
    /// The vector store's or the embedder's.
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure>;

    /// What readers can find of a document, in its order and without scores; nothing of one that is not readable yet.
    ///
    /// # Errors
    /// The vector store's.
    async fn passages(&self, of: Stretch) -> Result<Vec<Passage>, Failure>;
}
