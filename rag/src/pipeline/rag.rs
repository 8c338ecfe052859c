//! Everything that a program needs of knowledge, opened together.

use super::{Extract, Pipeline, likeness::Likeness, reembed};
use crate::{
    embed::{Embedder, ModelElsewhere, Slot},
    index::{DocumentKey, Index, VectorStore},
    models::{ModelState, Models, manifest::model_by_id},
    retrieve::{Reranker, Retriever},
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{IngestFailure, IngestJob, IngestReport, KnowledgeQuery, Passage, Stretch},
    language::Language,
    meaning::Embedded,
    ports::{DocumentPipeline, Embeddings, Knowledge, Meaning, ProgressSink},
};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What to open.
pub struct RagOptions {
    pub store: VectorStore,
    pub models: Models,
    /// The embedding model at an address, instead of one of this machine.
    pub elsewhere: Option<ModelElsewhere>,
    pub extractor: Arc<dyn Extract>,
    /// The folder of a cross-encoder, see [`Reranker::load`].
    pub reranker: Option<PathBuf>,
}

/// How passages are found at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelStatus {
    /// By words and meaning, with this model.
    Ready { model: String },
    /// By words alone, and what to do about it.
    WordsOnly { what: String, hint: String },
}

/// Asked of a model at an address, to see whether it answers again.
const AWAKE: &str = "Does the model work?";
/// Of a token, by the rule of thumb.
const CHARACTERS: usize = 4;

/// The knowledge of all tenants: retrieval and ingestion over one index.
pub struct Rag {
    index: Index,
    models: Models,
    elsewhere: Option<ModelElsewhere>,
    embedder: Slot,
    /// The configured model, while passages of another one are still what is searched.
    next: Mutex<Option<Arc<Embedder>>>,
    status: Mutex<ModelStatus>,
    /// Documents were indexed by words alone while a model at an address was silent.
    owing: AtomicBool,
    likeness: Likeness,
    retriever: Retriever,
    pipeline: Pipeline,
}

impl Rag {
    /// Opens the index and loads the model if it is installed; without one it works by words alone.
    ///
    /// # Errors
    /// The index's, see [`Index::open`]; the cross-encoder's, if one is named. A missing or broken model is none; see [`Rag::model_state`].
    pub async fn open(options: RagOptions) -> Result<Self, Failure> {
        let RagOptions { store, models, elsewhere, extractor, reranker } = options;
        let index = Index::open(store).await?;
        let embedder = Slot::default();
        let mut retriever = Retriever::new(index.clone(), embedder.clone());
        if let Some(folder) = reranker {
            retriever = retriever.with(Reranker::load(folder, &models).await?);
        }
        let rag = Self {
            retriever,
            pipeline: Pipeline::new(index.clone(), embedder.clone(), extractor),
            status: Mutex::new(ModelStatus::WordsOnly { what: String::new(), hint: String::new() }),
            owing: AtomicBool::new(false),
            likeness: Likeness::new(embedder.clone()),
            index,
            models,
            elsewhere,
            embedder,
            next: Mutex::default(),
        };
        rag.load_model().await;
        Ok(rag)
    }

    /// How passages are found at present.
    #[must_use]
    pub fn model_state(&self) -> ModelStatus {
        if let Some(silence) = self.embedder.get().and_then(|e| e.silence()) {
            return silent(&silence);
        }
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for the model again (after an installation, or at its address) and takes it into use if it was not. Documents that were ingested
    /// without it are then listed by [`Rag::outdated`]; for those of another model see [`Rag::reembed`].
    pub async fn load_model(&self) -> ModelStatus {
        let status = match (self.embedder.get(), &self.elsewhere) {
            (Some(embedder), _) => ModelStatus::Ready { model: embedder.space().id.clone() },
            (None, Some(model)) => match Embedder::begin(model.clone()).await {
                Ok(embedder) => self.begin_with(embedder).await,
                Err(failure) => silent(&failure),
            },
            (None, None) => self.load_installed().await,
        };
        let before =
            std::mem::replace(&mut *self.status.lock().unwrap_or_else(PoisonError::into_inner), status.clone());
        match &status {
            // Said once: a model at an address is looked for again and again.
            same if *same == before => {}
            ModelStatus::Ready { model } => tracing::info!(embedding.model = model, "embedding model loaded"),
            ModelStatus::WordsOnly { what, hint } => tracing::warn!(what, hint, "retrieval works by words alone"),
        }
        status
    }

    async fn load_installed(&self) -> ModelStatus {
        let files = match self.models.locate() {
            ModelState::Ready(files) => files,
            ModelState::Missing { what, hint } => return ModelStatus::WordsOnly { what, hint },
        };
        match Embedder::load(files, self.models.spec()).await {
            Ok(embedder) => self.begin_with(embedder).await,
            Err(failure) => {
                let hint = "install the models again, or correct ORT_DYLIB_PATH".to_owned();
                ModelStatus::WordsOnly { what: failure.detail, hint }
            }
        }
    }

    /// The configured model is used at once, unless passages have vectors of another that can still be loaded.
    async fn begin_with(&self, embedder: Embedder) -> ModelStatus {
        let model = embedder.space().id.clone();
        if let Err(failure) = self.index.widen(embedder.space().dimension).await {
            let hint = "bring the vector store up to date, or choose a model with shorter vectors".to_owned();
            return ModelStatus::WordsOnly { what: failure.detail, hint };
        }
        if let Some(predecessor) = self.predecessor(&model).await {
            let present = predecessor.space().id.clone();
            tracing::info!(embedding.model = model, present, "passages will get vectors of the new model");
            self.embedder.set(predecessor);
            *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(embedder));
            return ModelStatus::Ready { model: present };
        }
        self.embedder.set(embedder);
        ModelStatus::Ready { model }
    }

    /// The other model whose vectors the embedded store holds, if it is installed.
    async fn predecessor(&self, model: &str) -> Option<Embedder> {
        let Index::Embedded(index) = &self.index else { return None };
        let spec = model_by_id(&index.predecessor(model).await.ok()??)?;
        match self.models.clone().with(spec).locate() {
            ModelState::Ready(files) => Embedder::load(files, spec).await.ok(),
            ModelState::Missing { .. } => None,
        }
    }

    /// Where the embedding model was exchanged: gives all passages vectors of the new one in the background, then
    /// switches to it in one step. Until then questions are answered with the old one. It may take hours; after a crash
    /// it continues. Returns whether there was anything to do.
    ///
    /// # Errors
    /// See [`Index`], and `embed.failed` (retry); calling again continues.
    pub async fn reembed(&self) -> Result<bool, Failure> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(next), Index::Embedded(index)) = (next, &self.index) else { return Ok(false) };
        reembed::run(index, &self.embedder, &next).await?;
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) =
            ModelStatus::Ready { model: next.space().id.clone() };
        Ok(true)
    }

    /// Documents whose passages lack the present model's vectors: to be ingested again. Empty without a model, and while
    /// [`Rag::reembed`] has work, which gives all passages what they lack.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn outdated(&self) -> Result<Vec<DocumentKey>, Failure> {
        let exchanging = self.next.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        match self.embedder.get() {
            Some(embedder) if !exchanging => self.index.outdated(&embedder.space().id).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Whether documents were indexed by words alone while the model at an address was silent, and it answers now: then they
    /// are among [`Rag::outdated`]. Each time is told once. A model that is silent is asked whether it still is.
    pub async fn owes(&self) -> bool {
        let ready = match self.embedder.get() {
            Some(_) if !self.owing.load(Ordering::Relaxed) => return false,
            Some(embedder) => embedder.embed_questions(vec![AWAKE.to_owned()]).await.is_ok(),
            None => self.elsewhere.is_some() && matches!(self.load_model().await, ModelStatus::Ready { .. }),
        };
        if ready {
            self.owing.store(false, Ordering::Relaxed);
        }
        ready
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

    async fn passages(&self, of: Stretch) -> Result<Vec<Passage>, Failure> {
        self.retriever.passages(of).await
    }
}

#[async_trait]
impl DocumentPipeline for Rag {
    async fn ingest(&self, job: &IngestJob, sink: &dyn ProgressSink) -> Result<IngestReport, IngestFailure> {
        let report = self.pipeline.ingest(job, sink).await?;
        if !report.embedded && self.elsewhere.is_some() {
            self.owing.store(true, Ordering::Relaxed);
        }
        Ok(report)
    }

    fn time_left(&self, tenant: TenantId, document: DocumentId) -> Option<Duration> {
        self.pipeline.time_left(tenant, document)
    }

    async fn forget(&self, tenant: TenantId, base: KnowledgeBaseId, document: DocumentId) -> Result<(), Failure> {
        self.pipeline.forget(tenant, base, document).await
    }
}

/// What is asked of the model as questions are: by routes, and by whoever wants vectors.
#[async_trait]
impl Embeddings for Rag {
    async fn embed(&self, texts: Vec<String>, within: Duration) -> Result<Embedded, Failure> {
        let Some(embedder) = self.embedder.get() else {
            return Err(Failure::retry(
                "embed.none",
                "no embedding model is in use: texts are compared by words alone",
            ));
        };
        let tokens = texts.iter().map(|t| t.chars().count().div_ceil(CHARACTERS) as u64).sum();
        let late = |_| Failure::retry("embed.timeout", "the embedding model did not answer in time");
        let vectors = tokio::time::timeout(within, embedder.embed_questions(texts)).await.map_err(late)??;
        Ok(Embedded { model: embedder.space().id.clone(), vectors, tokens })
    }
}

#[async_trait]
impl Meaning for Rag {
    async fn likeness(&self, text: &str, others: &[String], language: Language) -> Result<Vec<f32>, Failure> {
        self.likeness.of(text, others, language).await
    }
}

fn silent(why: &Failure) -> ModelStatus {
    let hint = "it is asked again every few seconds; see embeddings in the configuration".to_owned();
    ModelStatus::WordsOnly { what: why.detail.clone(), hint }
}
