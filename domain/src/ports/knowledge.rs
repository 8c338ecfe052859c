use crate::{
    failure::Failure,
    knowledge::{KnowledgeQuery, Passage},
};
use async_trait::async_trait;

/// Finds passages.
#[async_trait]
pub trait Knowledge: Send + Sync {
    /// The passages of the tenant's named bases that fit the question best, best first; never another tenant's.
    ///
    /// # Errors
    /// The vector store's or the embedder's.
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure>;
}
