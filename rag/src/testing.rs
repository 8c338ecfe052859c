//! What several test modules need.

use crate::{
    embed::{Embedder, ModelElsewhere},
    models::{
        ModelState, Models, default_dir, default_sources, install,
        manifest::{DEFAULT_MODEL, ModelSpec},
    },
};
use async_trait::async_trait;
use colloquy_domain::{failure::Failure, meaning::Embedded, ports::Embeddings};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The real model: this machine's if there is one, otherwise installed once below the target folder.
pub(crate) async fn real_models() -> Models {
    real_models_of(DEFAULT_MODEL).await
}

/// The same of this one.
pub(crate) async fn real_models_of(spec: ModelSpec) -> Models {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let machine = Models::from_env(default_dir()).with(spec);
    if matches!(machine.locate(), ModelState::Ready(_)) {
        return machine;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join("target"), PathBuf::from);
    let models = Models::from_env(target.join("test-models")).with(spec);
    install(&models, &default_sources(), &|_| {}).await.expect("the model can be installed");
    models
}

pub(crate) async fn real_embedder() -> Embedder {
    match real_models().await.locate() {
        ModelState::Ready(files) => Embedder::load(files, DEFAULT_MODEL).await.expect("the model loads"),
        ModelState::Missing { what, .. } => panic!("{what}"),
    }
}

/// An embedding server of a test: a text's vector counts its words, each at a place that follows from its letters, so that
/// texts that share words lie near each other.
pub(crate) struct EndpointWords {
    dimension: AtomicUsize,
    fails: AtomicBool,
    asked: AtomicUsize,
}

impl EndpointWords {
    pub(crate) const fn new(dimension: usize) -> Self {
        let (dimension, fails, asked) = (AtomicUsize::new(dimension), AtomicBool::new(false), AtomicUsize::new(0));
        Self { dimension, fails, asked }
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }

    pub(crate) fn widen(&self, dimension: usize) {
        self.dimension.store(dimension, Ordering::Relaxed);
    }

    /// How often.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Embeddings for EndpointWords {
    async fn embed(&self, texts: Vec<String>, _: Duration) -> Result<Embedded, Failure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) {
            return Err(Failure::retry("model.unavailable", "the embedding server cannot be reached"));
        }
        let dimension = self.dimension.load(Ordering::Relaxed);
        let vector = |text: &String| {
            let mut vector = vec![0.0; dimension];
            for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
                let place = word.bytes().fold(7_usize, |sum, b| sum.wrapping_mul(31).wrapping_add(usize::from(b)));
                vector[place % dimension] += 1.0;
            }
            vector
        };
        let tokens = texts.iter().map(|t| t.len() as u64).sum();
        Ok(Embedded { model: "words".to_owned(), vectors: texts.iter().map(vector).collect(), tokens })
    }
}

/// The model of such a server.
pub(crate) fn at(server: &Arc<EndpointWords>, name: &str) -> ModelElsewhere {
    ModelElsewhere {
        embeddings: Arc::clone(server) as Arc<dyn Embeddings>,
        name: name.to_owned(),
        question_prefix: String::new(),
        passage_prefix: String::new(),
        cosines: (0.0, 1.0),
    }
}
