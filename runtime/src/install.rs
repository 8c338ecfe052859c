//! Getting the models of this machine, with words for the person who waits.

use crate::{config::Config, out};
use colloquy_domain::failure::Failure;
use colloquy_rag::models::{InstallEvent, ModelState, Models, Source, default_sources, install};

/// What works without a model.
const WORDS_ONLY: &str = "documents are searched by their words alone (BM25); the index is upgraded when a model is \
                          installed (`colloquy models install`)";

/// Installs what is missing from the sources that are tried in turn, telling each step.
///
/// # Errors
/// No source has a file, or the models folder cannot be written.
pub async fn install_all(models: &Models, sources: &[Source]) -> Result<ModelState, Failure> {
    Box::pin(install(models, sources, &|event| out::note(sentence(&event)))).await
}

/// At a first start where somebody waits: installs what is missing; without success, says what that means.
pub async fn if_missing(config: &Config) {
    if is_elsewhere(config) {
        return;
    }
    let ModelState::Missing { what, .. } = config.models().locate() else { return };
    if !config.install_models {
        return out::note(format_args!("{what}: {WORDS_ONLY}"));
    }
    out::note(format_args!("{what}: installing it in {} (once, for all data folders)", config.models_dir.display()));
    match install_all(&config.models(), &default_sources()).await {
        Ok(ModelState::Ready(_)) => out::note("The embedding model is installed."),
        Ok(ModelState::Missing { what, hint }) => out::note(format_args!("{what} ({hint}): {WORDS_ONLY}")),
        Err(failure) => out::note(format_args!("{}\nWithout it {WORDS_ONLY}.", failure.detail)),
    }
}

/// As [`if_missing`], in a server's log. Returns whether a model is there that was not before.
pub async fn in_background(config: &Config) -> bool {
    let models = config.models();
    if is_elsewhere(config) || !config.install_models || matches!(models.locate(), ModelState::Ready(_)) {
        return false;
    }
    tracing::info!(models.dir = %config.models_dir.display(), "installing the embedding model");
    let log = |event: InstallEvent| tracing::info!("{}", sentence(&event));
    match Box::pin(install(&models, &default_sources(), &log)).await {
        Ok(ModelState::Ready(_)) => true,
        Ok(ModelState::Missing { what, hint }) => {
            tracing::warn!(hint, "{what}: {WORDS_ONLY}");
            false
        }
        Err(failure) => {
            tracing::warn!(error = %failure, "no embedding model: {WORDS_ONLY}");
            false
        }
    }
}

/// For commands that ask once: a word, no download.
pub fn warn_if_missing(config: &Config) {
    if is_elsewhere(config) {
        return;
    }
    if let ModelState::Missing { what, hint } = config.models().locate() {
        out::note(format_args!("{what}: documents are searched by their words alone ({hint})"));
    }
}

/// Whether the embedding model is at an address: none of this machine is needed then.
const fn is_elsewhere(config: &Config) -> bool {
    config.embedding.model.is_some()
}

fn sentence(event: &InstallEvent) -> String {
    match event {
        InstallEvent::Present { item } => format!("{item}: already there"),
        InstallEvent::Trying { item, source } => format!("{item}: from the {source} …"),
        InstallEvent::Failed { item, source, cause } => format!("{item}: not from the {source}: {cause}"),
        InstallEvent::Installed { item, bytes } => format!("{item}: installed ({})", megabytes(*bytes)),
    }
}

/// As people read sizes.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
