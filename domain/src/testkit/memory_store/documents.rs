use super::MemoryStore;
use crate::{
    ids::{DocumentId, TenantId},
    knowledge::{DocumentStatus, IngestFailure, IngestJob, IngestProgress, IngestReport},
    ports::{DocumentQueue, StoreError},
};
use async_trait::async_trait;
use std::collections::BTreeSet;

#[derive(Default)]
pub(super) struct Documents {
    /// Oldest first.
    rows: Vec<Row>,
    taken: BTreeSet<DocumentId>,
}

struct Row {
    job: IngestJob,
    progress: IngestProgress,
    result: Option<Result<IngestReport, IngestFailure>>,
}

impl MemoryStore {
    /// Puts a document into the queue.
    pub fn register_document(&self, job: IngestJob) {
        self.state().documents.rows.push(Row { job, progress: IngestProgress::default(), result: None });
    }

    /// How far a document is, and what came of it.
    #[must_use]
    pub fn document(
        &self,
        document: DocumentId,
    ) -> Option<(IngestProgress, Option<Result<IngestReport, IngestFailure>>)> {
        let state = self.state();
        let row = state.documents.rows.iter().find(|r| r.job.document == document)?;
        Some((row.progress.clone(), row.result.clone()))
    }
}

#[async_trait]
impl DocumentQueue for MemoryStore {
    async fn take(&self, limit: usize) -> Result<Vec<IngestJob>, StoreError> {
        let Documents { rows, taken } = &mut self.state().documents;
        let free = rows.iter_mut().filter(|r| {
            !matches!(r.progress.status, DocumentStatus::Ready | DocumentStatus::Failed)
                && !taken.contains(&r.job.document)
        });
        let jobs: Vec<IngestJob> = free
            .take(limit)
            .map(|row| {
                let job = row.job.clone();
                row.job.attempt += 1;
                job
            })
            .collect();
        taken.extend(jobs.iter().map(|j| j.document));
        Ok(jobs)
    }

    async fn progress(
        &self,
        tenant: TenantId,
        document: DocumentId,
        progress: IngestProgress,
    ) -> Result<(), StoreError> {
        if let Some(row) = self.state().documents.row(tenant, document).filter(|r| r.result.is_none()) {
            row.progress = progress;
        }
        Ok(())
    }

    async fn finish(
        &self,
        tenant: TenantId,
        document: DocumentId,
        result: Result<IngestReport, IngestFailure>,
    ) -> Result<(), StoreError> {
        let documents = &mut self.state().documents;
        let Some(row) = documents.row(tenant, document) else { return Ok(()) };
        row.progress.status = if result.is_ok() { DocumentStatus::Ready } else { DocumentStatus::Failed };
        row.result = Some(result);
        documents.taken.remove(&document);
        Ok(())
    }

    async fn put_back(&self, tenant: TenantId, document: DocumentId) -> Result<(), StoreError> {
        let documents = &mut self.state().documents;
        let Some(row) = documents.row(tenant, document) else { return Ok(()) };
        row.progress.status = DocumentStatus::Pending;
        row.result = None;
        documents.taken.remove(&document);
        Ok(())
    }
}

impl Documents {
    fn row(&mut self, tenant: TenantId, document: DocumentId) -> Option<&mut Row> {
        self.rows.iter_mut().find(|r| r.job.tenant == tenant && r.job.document == document)
    }
}
