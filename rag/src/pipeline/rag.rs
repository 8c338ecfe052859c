//! Everything that a program needs of knowledge, opened together.

use super::{Extract, Pipeline};
use crate::{
    embed::{Embedder, Slot},
    index::{DocumentKey, Index, VectorStore},
    models::{ModelState, Models, manifest::DEFAULT_MODEL},
    retrieve::Retriever,
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{IngestFailure, IngestJob, IngestReport, KnowledgeQuery, Passage},
    ports::{DocumentPipeline, Knowledge, ProgressSink},
};
use std::sync::{Arc, Mutex, PoisonError};

/// What to open.
pub struct RagOptions {
    pub store: VectorStore,
    pub models: Models,
    pub extractor: Arc<dyn Extract>,
}

/// How passages are found at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelStatus {
    /// By words and meaning, with this model.
    Ready { model: &'static str },
    /// By words alone, and what to do about it.
    WordsOnly { what: String, hint: String },
}

/// The knowledge of all tenants: retrieval and ingestion over one index.
pub struct Rag {
    index: Index,
    models: Models,
    embedder: Slot,
    status: Mutex<ModelStatus>,
    retriever: Retriever,
    pipeline: Pipeline,
}

impl Rag {
    /// Opens the index and loads the model if it is installed; without one it works by words alone.
    ///
    /// # Errors
    /// The index's, see [`Index::open`]. A missing or broken model is none; see [`Rag::model_state`].
    pub async fn open(options: RagOptions) -> Result<Self, Failure> {
        let RagOptions { store, models, extractor } = options;
        let index = Index::open(store).await?;
        let embedder = Slot::default();
        let rag = Self {
            retriever: Retriever::new(index.clone(), embedder.clone()),
            pipeline: Pipeline::new(index.clone(), embedder.clone(), extractor),
            status: Mutex::new(ModelStatus::WordsOnly { what: String::new(), hint: String::new() }),
            index,
            models,
            embedder,
        };
        rag.load_model().await;
        Ok(rag)
    }

    /// How passages are found at present.
    #[must_use]
    pub fn model_state(&self) -> ModelStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for the model again (after an installation) and loads it if it was not. Documents that were ingested
    /// without it are then listed by [`Rag::outdated`].
    pub async fn load_model(&self) -> ModelStatus {
        let status = match (self.embedder.get(), self.models.locate()) {
            (Some(embedder), _) => ModelStatus::Ready { model: embedder.spec().id },
            (None, ModelState::Missing { what, hint }) => ModelStatus::WordsOnly { what, hint },
            (None, ModelState::Ready(files)) => match Embedder::load(files, DEFAULT_MODEL).await {
                Ok(embedder) => {
                    self.embedder.set(embedder);
                    ModelStatus::Ready { model: DEFAULT_MODEL.id }
                }
                Err(failure) => {
                    let hint = "install the models again, or correct ORT_DYLIB_PATH".to_owned();
                    ModelStatus::WordsOnly { what: failure.detail, hint }
                }
            },
        };
        match &status {
            ModelStatus::Ready { model } => tracing::info!(embedding.model = model, "embedding model loaded"),
            ModelStatus::WordsOnly { what, hint } => tracing::warn!(what, hint, "retrieval works by words alone"),
        }
        status.clone_into(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
        status
    }

    /// Documents whose passages lack the present model's vectors: to be ingested again. Empty without a model.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn outdated(&self) -> Result<Vec<DocumentKey>, Failure> {
        match self.embedder.get() {
            Some(embedder) => self.index.outdated(embedder.spec().id).await,
            None => Ok(Vec::new()),
        }
    }

    /// Passages in the store, of all tenants, those being written included.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn passages(&self) -> Result<usize, Failure> {
        self.index.count().await
    }

    /// Makes everything written so far survive a power loss. Finished documents do already, and a server sees to it.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn flush(&self) -> Result<(), Failure> {
        self.index.flush().await
    }

    /// Housekeeping of the store; the owner calls it now and then (minutes). Searches go on, ingestion waits. Returns
    /// whether there was anything to do.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn maintain(&self) -> Result<bool, Failure> {
        self.index.maintain().await
    }

    /// Flushes and closes an embedded store and unlocks its folder; later calls fail with `index.closed`.
    ///
    /// # Errors
    /// When flushing failed.
    pub async fn close(&self) -> Result<(), Failure> {
        self.index.close().await
    }
}

#[async_trait]
impl Knowledge for Rag {
    async fn search(&self, query: KnowledgeQuery) -> Result<Vec<Passage>, Failure> {
        self.retriever.search(query).await
    }
}

#[async_trait]
impl DocumentPipeline for Rag {
    async fn ingest(&self, job: &IngestJob, sink: &dyn ProgressSink) -> Result<IngestReport, IngestFailure> {
        self.pipeline.ingest(job, sink).await
    }

    async fn forget(&self, tenant: TenantId, base: KnowledgeBaseId, document: DocumentId) -> Result<(), Failure> {
        self.pipeline.forget(tenant, base, document).await
    }
}
