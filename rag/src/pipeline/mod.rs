//! Ingestion: extract → chunk → analyse → embed → stage → switch.
//!
//! Safe to repeat: a generation is named by what it is made from (the file, its name, the model, this code's version),
//! so a repeat after a crash finds the passages that are already there and continues, and readers see a new generation
//! only when it is whole.

mod generation;
mod likeness;
mod prepare;
mod progress;
mod rag;
mod reembed;

pub use rag::{ModelStatus, Rag, RagOptions};

use crate::{
    document::Extraction,
    embed::{Embedder, Slot},
    extract::Extractor,
    index::{DocumentKey, Index, NewPassage},
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{DocumentStatus, IngestFailure, IngestJob, IngestProgress, IngestReport, PageReport},
    ports::{DocumentPipeline, ProgressSink},
};
use prepare::Prepared;
use progress::Running;
use std::{path::Path, sync::Arc, time::Duration};

/// Passages that are embedded and written together: what a crash can lose.
const WINDOW: usize = 64;

/// Reads a file in a child process.
#[async_trait]
pub trait Extract: Send + Sync {
    /// # Errors
    /// When there is no usable extraction at all.
    async fn extract(&self, path: &Path) -> Result<Extraction, Failure>;
}

#[async_trait]
impl Extract for Extractor {
    async fn extract(&self, path: &Path) -> Result<Extraction, Failure> {
        Self::extract(self, path).await
    }
}

/// The pipeline over one index.
#[derive(Clone)]
pub struct Pipeline {
    index: Index,
    embedder: Slot,
    extractor: Arc<dyn Extract>,
    running: Running,
}

impl Pipeline {
    #[must_use]
    pub fn new(index: Index, embedder: Slot, extractor: Arc<dyn Extract>) -> Self {
        Self { index, embedder, extractor, running: Running::default() }
    }

    async fn index_passages(
        &self,
        key: DocumentKey,
        prepared: Vec<Prepared>,
        pages: u32,
        embedder: Option<&Embedder>,
        sink: &dyn ProgressSink,
    ) -> Result<(), Failure> {
        let Some(generation) = prepared.first().map(|p| p.stored.generation.clone()) else {
            return Err(Failure::reject("document.empty", "the document holds no text"));
        };
        let chunks = count(prepared.len());
        let written = self.index.written(key, generation.clone()).await?;
        let mut waiting: Vec<Prepared> =
            prepared.into_iter().filter(|p| !written.contains(&p.stored.ordinal)).collect();
        let mut indexed = chunks - count(waiting.len());
        let say = |indexed, status| sink.progress(IngestProgress { status, pages, chunks, indexed });
        say(indexed, DocumentStatus::Indexing);
        // Texts of similar length share a batch; the longest first, as the embedder has it.
        waiting.sort_by_key(|p| std::cmp::Reverse(p.indexed.len()));
        let pace = self.running.begin(key, waiting.iter().map(|p| p.indexed.len() as u64).sum());
        while !waiting.is_empty() {
            let window: Vec<Prepared> = waiting.drain(..waiting.len().min(WINDOW)).collect();
            let size = count(window.len());
            let bytes = window.iter().map(|p| p.indexed.len() as u64).sum();
            self.index.stage(embed(window, embedder).await?).await?;
            indexed += size;
            pace.done(bytes);
            say(indexed, DocumentStatus::Indexing);
        }
        let now = self.embedder.answering();
        if now.as_ref().map(|e| &e.space().id) != embedder.map(|e| &e.space().id) {
            // Its vectors would say nothing to anybody.
            return Err(Failure::retry("document.model_changed", "the embedding model was exchanged meanwhile"));
        }
        self.index.switch(key, generation, chunks).await?;
        say(chunks, DocumentStatus::Ready);
        Ok(())
    }
}

#[async_trait]
impl DocumentPipeline for Pipeline {
    async fn ingest(&self, job: &IngestJob, sink: &dyn ProgressSink) -> Result<IngestReport, IngestFailure> {
        let fail = |pages: &[PageReport]| {
            let pages = pages.to_vec();
            move |failure| IngestFailure { failure, pages }
        };
        sink.progress(IngestProgress { status: DocumentStatus::Extracting, ..IngestProgress::default() });
        let content = generation::content_hash(job.path.clone()).await.map_err(fail(&[]))?;
        let extraction = self.extractor.extract(&job.path).await.map_err(fail(&[]))?;
        let pages = extraction.reports();
        if let Some(failure) = extraction.failure() {
            return Err(fail(&pages)(failure));
        }
        // One that is silent now is not waited for: the document is found by its words, and is made again later.
        let embedder = self.embedder.answering();
        let model = embedder.as_ref().map(|e| e.space().id.clone());
        let document = prepare::prepare(extraction, job.clone(), content, model).await.map_err(fail(&pages))?;
        let chunks = count(document.passages.len());
        let generation = document.passages.first().map(|p| p.stored.version().to_owned()).unwrap_or_default();
        let key = DocumentKey { tenant: job.tenant, base: job.base, document: job.document };
        self.index_passages(key, document.passages, count(pages.len()), embedder.as_deref(), sink)
            .await
            .map_err(fail(&pages))?;
        tracing::info!(
            tenant.id = %job.tenant, document.id = %job.document, document.chunks = chunks,
            document.embedded = embedder.is_some(), "document ingested"
        );
        Ok(IngestReport {
            pages,
            chunks,
            characters: document.characters,
            language: document.language,
            generation,
            embedded: embedder.is_some(),
        })
    }

    fn time_left(&self, tenant: TenantId, document: DocumentId) -> Option<Duration> {
        self.running.time_left(tenant, document)
    }

    async fn forget(&self, tenant: TenantId, base: KnowledgeBaseId, document: DocumentId) -> Result<(), Failure> {
        self.index.forget(DocumentKey { tenant, base, document }).await
    }
}

async fn embed(window: Vec<Prepared>, embedder: Option<&Embedder>) -> Result<Vec<NewPassage>, Failure> {
    let (mut passages, mut texts) = (Vec::with_capacity(window.len()), Vec::with_capacity(window.len()));
    for Prepared { stored, words, indexed } in window {
        passages.push(NewPassage { stored, words, dense: None });
        texts.push(indexed);
    }
    if let Some(embedder) = embedder {
        for (passage, vector) in passages.iter_mut().zip(embedder.embed_documents(&texts).await?) {
            passage.dense = Some(vector);
        }
    }
    Ok(passages)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
