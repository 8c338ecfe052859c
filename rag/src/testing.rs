//! What several test modules need.

use crate::{
    embed::Embedder,
    models::{
        ModelState, Models, default_dir, default_sources, install,
        manifest::{DEFAULT_MODEL, ModelSpec},
    },
};
use std::path::PathBuf;

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
