//! Stores to test.

use super::*;
use crate::testkit::{Standin, StandinOptions};
use futures::FutureExt;
use qdrant_client::Qdrant;
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    panic::AssertUnwindSafe,
};

/// A store and what keeps it alive.
pub(super) struct Bench {
    pub index: Index,
    store: VectorStore,
    _standin: Option<Standin>,
    _dir: tempfile::TempDir,
}

impl Bench {
    pub(super) async fn embedded() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let store = VectorStore::Embedded { dir: dir.path().to_owned() };
        Self { index: Index::open(store.clone()).await.expect("opens"), store, _standin: None, _dir: dir }
    }

    pub(super) async fn standin() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let standin = Standin::start(dir.path(), StandinOptions::default()).expect("starts");
        let store = VectorStore::Server { url: standin.url(), api_key: None, prefix: "test".to_owned() };
        Self { index: Index::open(store.clone()).await.expect("opens"), store, _standin: Some(standin), _dir: dir }
    }

    /// Another process' view of the same store; the embedded one has none, there it is another handle.
    pub(super) async fn other(&self) -> Index {
        match &self.store {
            VectorStore::Embedded { .. } => self.index.clone(),
            server @ VectorStore::Server { .. } => Index::open(server.clone()).await.expect("opens"),
        }
    }
}

/// Runs a test on the server that `QDRANT_URL` names, in collections of its own that are removed afterwards.
pub(super) async fn on_real_server(test: impl AsyncFnOnce(&Bench)) {
    let Ok(url) = std::env::var("QDRANT_URL") else {
        eprintln!("SKIPPED on a real Qdrant server: QDRANT_URL is not set");
        return;
    };
    let key = std::env::var("QDRANT_API_KEY").ok().filter(|k| !k.is_empty());
    let prefix = format!("colloquy-test-{:016x}", RandomState::new().build_hasher().finish());
    let api_key = key.clone().map(Secret::new);
    let store = VectorStore::Server { url: url.clone(), api_key, prefix: prefix.clone() };
    let dir = tempfile::tempdir().expect("temp dir");
    let index = Index::open(store.clone()).await.expect("opens");
    let bench = Bench { index, store, _standin: None, _dir: dir };
    let result = AssertUnwindSafe(test(&bench)).catch_unwind().await;
    let client = Qdrant::from_url(&url).api_key(key).skip_compatibility_check().build().expect("a client");
    for collection in client.list_collections().await.expect("listed").collections {
        if collection.name.starts_with(&prefix) {
            client.delete_collection(collection.name).await.expect("removed");
        }
    }
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}
