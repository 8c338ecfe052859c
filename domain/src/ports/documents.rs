use crate::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{IngestFailure, IngestJob, IngestProgress, IngestReport},
    ports::StoreError,
};
use async_trait::async_trait;
use std::time::Duration;

/// Where a pipeline reports how far it is.
pub trait ProgressSink: Send + Sync {
    fn progress(&self, progress: IngestProgress);
}

/// Turns documents into searchable passages.
#[async_trait]
pub trait DocumentPipeline: Send + Sync {
    /// Extracts, chunks, embeds and indexes. Safe to call again after a crash: finished work is recognised, and readers
    /// see either the old passages of the document or the new ones.
    ///
    /// # Errors
    /// The cause with the verdict, and the pages as far as they are known.
    async fn ingest(&self, job: &IngestJob, sink: &dyn ProgressSink) -> Result<IngestReport, IngestFailure>;

    /// How long a document that is being ingested here still takes, by its pace so far; `None` when that cannot be told
    /// or another node has it.
    fn time_left(&self, _tenant: TenantId, _document: DocumentId) -> Option<Duration> {
        None
    }

    /// Removes every passage of a document.
    ///
    /// # Errors
    /// The vector store's; nothing is half removed that a repeat does not finish.
    async fn forget(
        &self,
        tenant: TenantId,
        base: KnowledgeBaseId,
        document: DocumentId,
    ) -> Result<(), crate::failure::Failure>;
}

/// The documents that wait for ingestion, durable.
#[async_trait]
pub trait DocumentQueue: Send + Sync {
    /// Up to `limit` documents that are not `ready` or `failed`, oldest first; each with its attempt counted up.
    /// A document is handed out again only after [`DocumentQueue::finish`] or a restart of the process.
    ///
    /// # Errors
    /// The store's.
    async fn take(&self, limit: usize) -> Result<Vec<IngestJob>, StoreError>;

    /// # Errors
    /// The store's.
    async fn progress(
        &self,
        tenant: TenantId,
        document: DocumentId,
        progress: IngestProgress,
    ) -> Result<(), StoreError>;

    /// Writes down what came of it; of no consequence where the document was uploaded anew since it was taken. `false`: the
    /// document was deleted meanwhile, and the passages that this ingestion made visible have to be forgotten.
    ///
    /// # Errors
    /// The store's.
    async fn finish(
        &self,
        tenant: TenantId,
        document: DocumentId,
        result: Result<IngestReport, IngestFailure>,
    ) -> Result<bool, StoreError>;

    /// Puts a document that failed for a passing cause back into the queue.
    ///
    /// # Errors
    /// The store's.
    async fn put_back(&self, tenant: TenantId, document: DocumentId) -> Result<(), StoreError>;
}
