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
    /// Counts the uploads.
    revision: u32,
    /// The upload that was taken last: what is reported of an earlier one is of no consequence.
    taken: u32,
    progress: IngestProgress,
    result: Option<Result<IngestReport, IngestFailure>>,
}

impl MemoryStore {
    /// Puts a document into the queue; one that is there gets new content.
    pub fn register_document(&self, job: IngestJob) {
        let documents = &mut self.state().documents;
        let revision = documents.row(job.tenant, job.document).map_or(0, |r| r.revision + 1);
        documents.rows.retain(|r| r.job.document != job.document);
        documents.rows.push(Row { job, revision, taken: 0, progress: IngestProgress::default(), result: None });
    }

    /// Puts a document in that was ingested elsewhere.
    pub fn put_ready_document(&self, job: IngestJob, report: IngestReport) {
        let chunks = report.chunks;
        let progress = IngestProgress { status: DocumentStatus::Ready, pages: 1, chunks, indexed: chunks };
        self.state().documents.rows.push(Row { job, revision: 0, taken: 0, progress, result: Some(Ok(report)) });
    }

    /// Whether there was such a document.
    pub fn remove_document(&self, tenant: TenantId, document: DocumentId) -> bool {
        let documents = &mut self.state().documents;
        let found = documents.row(tenant, document).is_some();
        documents.rows.retain(|r| r.job.tenant != tenant || r.job.document != document);
        found
    }

    /// As [`DocumentQueue::take`], for a process that has taken `taken` already and may take those that are `mine`.
    pub fn take_documents(
        &self,
        limit: usize,
        taken: &mut BTreeSet<DocumentId>,
        mine: impl Fn(DocumentId) -> bool,
    ) -> Vec<IngestJob> {
        self.state().documents.take(limit, taken, mine)
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
        let documents = &mut self.state().documents;
        let mut taken = std::mem::take(&mut documents.taken);
        let jobs = documents.take(limit, &mut taken, |_| true);
        documents.taken = taken;
        Ok(jobs)
    }

    async fn progress(
        &self,
        tenant: TenantId,
        document: DocumentId,
        progress: IngestProgress,
    ) -> Result<(), StoreError> {
        let documents = &mut self.state().documents;
        let row = documents.row(tenant, document).filter(|r| r.result.is_none() && r.taken == r.revision);
        if let Some(row) = row {
            // Only `finish` ends it: a progress that says so already is still one of the way.
            let over = matches!(progress.status, DocumentStatus::Ready | DocumentStatus::Failed);
            row.progress = progress;
            if over {
                row.progress.status = DocumentStatus::Indexing;
            }
        }
        Ok(())
    }

    async fn finish(
        &self,
        tenant: TenantId,
        document: DocumentId,
        result: Result<IngestReport, IngestFailure>,
    ) -> Result<bool, StoreError> {
        let documents = &mut self.state().documents;
        // Another tenant takes nothing from who is at it.
        let Some(row) = documents.row(tenant, document) else { return Ok(false) };
        if row.taken == row.revision {
            row.progress.status = if result.is_ok() { DocumentStatus::Ready } else { DocumentStatus::Failed };
            row.result = Some(result);
        }
        documents.taken.remove(&document);
        Ok(true)
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
    fn take(
        &mut self,
        limit: usize,
        taken: &mut BTreeSet<DocumentId>,
        mine: impl Fn(DocumentId) -> bool,
    ) -> Vec<IngestJob> {
        let free = self.rows.iter_mut().filter(|r| {
            !matches!(r.progress.status, DocumentStatus::Ready | DocumentStatus::Failed)
                && !taken.contains(&r.job.document)
                && mine(r.job.document)
        });
        let take = |row: &mut Row| {
            row.taken = row.revision;
            let job = row.job.clone();
            row.job.attempt += 1;
            job
        };
        let jobs: Vec<IngestJob> = free.take(limit).map(take).collect();
        taken.extend(jobs.iter().map(|j| j.document));
        jobs
    }

    fn row(&mut self, tenant: TenantId, document: DocumentId) -> Option<&mut Row> {
        self.rows.iter_mut().find(|r| r.job.tenant == tenant && r.job.document == document)
    }
}
