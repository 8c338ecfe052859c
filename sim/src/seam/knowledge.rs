//! Documents on their way to passages, and searches.

use super::Seam;
use crate::{
    fault::{Kind, Site},
    planted::Planted,
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{
        DocumentStatus, IngestFailure, IngestJob, IngestProgress, IngestReport, KnowledgeQuery, Passage, Stretch,
    },
    language::Language,
    meaning::in_words,
    ports::{DocumentPipeline, DocumentQueue, Knowledge, Meaning, ProgressSink, StoreError},
    testkit::{Piece, memory_knowledge::report},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long reading a document takes, writing some of its passages, and a search, in milliseconds.
const READS: (u64, u64) = (200, 1_500);
const WRITES: (u64, u64) = (50, 300);
const SEARCHES: (u64, u64) = (10, 80);
/// Passages that are written together.
const WINDOW: usize = 2;

/// The documents that this life of the node has taken: another life begins with none.
#[derive(Clone, Default)]
pub struct Taken(Arc<Mutex<BTreeSet<DocumentId>>>);

impl Taken {
    fn all(&self) -> MutexGuard<'_, BTreeSet<DocumentId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DocumentQueue for Seam {
    async fn take(&self, limit: usize) -> Result<Vec<IngestJob>, StoreError> {
        self.gate.pass().await;
        let mine = |document| self.ownership.owns(document) && self.may_write(document);
        Ok(self.core.store.take_documents(limit, &mut self.taken.all(), mine))
    }

    async fn progress(
        &self,
        tenant: TenantId,
        document: DocumentId,
        progress: IngestProgress,
    ) -> Result<(), StoreError> {
        self.gate.pass().await;
        if self.may_write(document) {
            self.core.store.progress(tenant, document, progress).await?;
        }
        Ok(())
    }

    async fn finish(
        &self,
        tenant: TenantId,
        document: DocumentId,
        result: Result<IngestReport, IngestFailure>,
    ) -> Result<bool, StoreError> {
        self.gate.pass().await;
        self.note("document", &self.core.library.called(document), told(&result));
        let found = if self.may_write(document) {
            self.core.store.finish(tenant, document, result).await?
        } else {
            // What is reported of a document that is another node's is of no consequence, but deleted is deleted.
            self.core.store.document(document).is_some()
        };
        self.taken.all().remove(&document);
        Ok(found || self.core.has(Planted::KeepOrphans))
    }

    async fn put_back(&self, tenant: TenantId, document: DocumentId) -> Result<(), StoreError> {
        self.gate.pass().await;
        if self.may_write(document) {
            self.core.store.put_back(tenant, document).await?;
        }
        self.taken.all().remove(&document);
        Ok(())
    }
}

fn told(result: &Result<IngestReport, IngestFailure>) -> String {
    match result {
        Ok(report) => format!("ready, {} passages", report.chunks),
        Err(failed) => format!("failed: {}", failed.failure.code),
    }
}

/// One node's pipeline: read, write some passages at a time, then show them all at once.
pub struct Pipeline(pub Seam);

#[async_trait]
impl DocumentPipeline for Pipeline {
    async fn ingest(&self, job: &IngestJob, sink: &dyn ProgressSink) -> Result<IngestReport, IngestFailure> {
        let knowledge = &self.0.core.library.knowledge;
        let pieces = self.step(job, READS, || knowledge.begin(job)).await?;
        let report = report(&pieces);
        let count = report.chunks;
        let numbered: Vec<(u32, Piece)> = (0..).zip(pieces).collect();
        for window in numbered.chunks(WINDOW) {
            let write = || {
                for (n, piece) in window.iter().cloned() {
                    knowledge.stage(job, n, piece);
                    if self.0.core.has(Planted::ShowStaged) {
                        knowledge.switch(job, n + 1)?;
                    }
                }
                Ok(())
            };
            self.step(job, WRITES, write).await?;
            let indexed = window.last().map_or(0, |(n, _)| n + 1);
            sink.progress(IngestProgress { status: DocumentStatus::Indexing, pages: 1, chunks: count, indexed });
        }
        self.step(job, WRITES, || knowledge.switch(job, count)).await?;
        Ok(report)
    }

    async fn forget(&self, tenant: TenantId, base: KnowledgeBaseId, document: DocumentId) -> Result<(), Failure> {
        self.0.gate.pass().await;
        self.0.core.library.knowledge.forget(tenant, base, document).await
    }
}

impl Pipeline {
    /// A part of an ingestion, during which the node can die.
    async fn step<T>(
        &self,
        job: &IngestJob,
        takes: (u64, u64),
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, IngestFailure> {
        let seam = &self.0;
        seam.gate.pass().await;
        let who = seam.core.library.called(job.document);
        let fault = seam.fault(Site::Ingest, &who);
        if let Some(fault) = fault {
            if fault.kind == Kind::Fail {
                return Err(failed(Failure::retry("index.simulated", "the vector store is away")));
            }
            seam.before(fault).await;
        }
        let nth = seam.core.asked(&who);
        tokio::time::sleep(Duration::from_millis(seam.core.seed.millis("ingest", &who, nth, takes))).await;
        seam.gate.pass().await;
        let done = work();
        if fault.is_some_and(|f| f.kind == Kind::CrashAfter) {
            return seam.die().await;
        }
        done.map_err(failed)
    }
}

fn failed(failure: Failure) -> IngestFailure {
    IngestFailure { failure, pages: Vec::new() }
}

/// One node's searches.
pub struct Searches(pub Seam);

#[async_trait]
impl Knowledge for Searches {
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
        let seam = &self.0;
        let core = &seam.core;
        seam.gate.pass().await;
        let who = core.library.bases_called(&query.bases);
        if let Some(fault) = seam.fault(Site::Knowledge, &who) {
            if fault.kind == Kind::Fail {
                return Err(Failure::retry("index.simulated", "the vector store is away"));
            }
            seam.before(fault).await;
        }
        let nth = core.asked(&who);
        tokio::time::sleep(Duration::from_millis(core.seed.millis("search", &who, nth, SEARCHES))).await;
        seam.gate.pass().await;
        let found = if core.has(Planted::MixBases) {
            everywhere(seam, query).await?
        } else {
            core.library.knowledge.search(query).await?
        };
        core.watch.found(core, &who, &found);
        seam.note("searched", &who, names(&found));
        Ok(found)
    }

    /// Only pages of the team ask for it, which are not simulated.
    async fn passages(&self, of: Stretch) -> Result<Vec<Passage>, Failure> {
        self.0.core.library.knowledge.passages(of).await
    }
}

/// By words alone: a world has no embedding model, and needs none to show that what was found is kept.
#[async_trait]
impl Meaning for Searches {
    async fn likeness(&self, text: &str, others: &[String], language: Language) -> Result<Vec<f32>, Failure> {
        let seam = &self.0;
        seam.gate.pass().await;
        let nth = seam.core.asked("likeness");
        tokio::time::sleep(Duration::from_millis(seam.core.seed.millis("likeness", "", nth, SEARCHES))).await;
        seam.gate.pass().await;
        Ok(in_words(text, others, language))
    }
}

/// The search of a planted defect: without its filter.
async fn everywhere(seam: &Seam, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
    let mut all = Vec::new();
    for (tenant, base) in seam.core.library.all_bases() {
        let query = KnowledgeQuery { tenant, bases: vec![base], ..query.clone() };
        all.extend(seam.core.library.knowledge.search(query).await?);
    }
    all.sort_by(|a, b| b.scores.bm25.total_cmp(&a.scores.bm25));
    all.truncate(query.limit);
    Ok(all)
}

fn names(found: &[Passage]) -> String {
    let names: Vec<String> = found.iter().map(|p| format!("{}@{} {:.2}", p.name, p.offset, p.scores.shown)).collect();
    names.join(" ")
}
