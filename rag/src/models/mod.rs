//! Models on this machine: where they live, what is there, and how to get what is missing.
//!
//! Nothing is loaded here; [`crate::embed`] does that with the paths of [`ModelState::Ready`].

mod fetch;
mod install;
pub mod manifest;
mod packed;
#[cfg(test)]
pub(crate) use packed::judge_of_length;
mod wheel;

pub use install::{InstallEvent, Source, default_sources, install};

use manifest::{DEFAULT_MODEL, EMBEDDING_MODELS, Item, ModelSpec, runtime_library};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The models folder of this machine, with the library that the environment names and the embedding model in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Models {
    dir: PathBuf,
    /// A library chosen by the operator instead of the installed one.
    library: Option<PathBuf>,
    spec: ModelSpec,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelState {
    Ready(ModelFiles),
    /// Retrieval works by words alone until this is installed.
    Missing {
        what: String,
        /// What to do about it.
        hint: String,
    },
}

/// Paths of a complete installation. Existing and of the expected size; not yet loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    pub library: PathBuf,
    pub weights: PathBuf,
    pub tokenizer: PathBuf,
}

/// One line of `models list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub name: String,
    pub path: PathBuf,
    pub installed: bool,
    /// Bytes; 0 when not installed.
    pub size: u64,
    /// Whether the content has an accepted SHA-256.
    pub verified: bool,
}

impl Models {
    /// Models below `dir`, which need not exist; `library` is an ONNX Runtime to use instead of the installed one.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, library: Option<PathBuf>) -> Self {
        Self { dir: dir.into(), library, spec: DEFAULT_MODEL }
    }

    /// The same folder for another embedding model.
    #[must_use]
    pub fn with(self, spec: ModelSpec) -> Self {
        Self { spec, ..self }
    }

    /// The embedding model in use.
    #[must_use]
    pub const fn spec(&self) -> ModelSpec {
        self.spec
    }

    /// As [`Models::new`], with the library that `ORT_DYLIB_PATH` names, if it does.
    #[must_use]
    pub fn from_env(dir: impl Into<PathBuf>) -> Self {
        let library = std::env::var_os("ORT_DYLIB_PATH").filter(|v| !v.is_empty()).map(PathBuf::from);
        Self::new(dir, library)
    }

    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The files that this installation still takes from its folder.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let library = if self.library.is_some() { None } else { runtime_library() };
        library.into_iter().chain([self.spec.weights, self.spec.tokenizer]).collect()
    }

    /// Looks, without reading whole files: existence and size (contents were verified when they were installed).
    #[must_use]
    pub fn locate(&self) -> ModelState {
        let library = match (&self.library, runtime_library()) {
            (Some(path), _) if path.is_file() => path.clone(),
            (Some(path), _) => {
                return missing(
                    format!("ORT_DYLIB_PATH names {}, which is not a file", path.display()),
                    "correct or unset ORT_DYLIB_PATH",
                );
            }
            (None, Some(item)) => item.target(&self.dir),
            (None, None) => {
                return missing(
                    format!("no ONNX Runtime is listed for {} on {}", std::env::consts::OS, std::env::consts::ARCH),
                    "set ORT_DYLIB_PATH to a libonnxruntime of version 1.24 or later",
                );
            }
        };
        for item in self.items() {
            let path = item.target(&self.dir);
            match std::fs::metadata(&path) {
                Ok(meta) if item.variants.iter().any(|v| v.size == meta.len()) => {}
                Ok(_) => {
                    return missing(format!("{} at {} is damaged", item.name, path.display()), self.install_hint());
                }
                Err(_) => return missing(format!("{} is not installed", item.name), self.install_hint()),
            }
        }
        ModelState::Ready(ModelFiles {
            library,
            weights: self.spec.weights.target(&self.dir),
            tokenizer: self.spec.tokenizer.target(&self.dir),
        })
    }

    fn install_hint(&self) -> String {
        let which = if self.spec == DEFAULT_MODEL { String::new() } else { format!(" {}", self.spec.name) };
        let command = format!("colloquy models install{which}");
        format!("run `{command}`, or `{command} --from DIR` without a network")
    }

    /// Every installable file with its state; reads the files to verify them, so call it from a blocking thread.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        let of = |item: Item| {
            let path = item.target(&self.dir);
            let size = std::fs::metadata(&path).map_or(0, |m| m.len());
            let verified = fetch::sha256_file(&path).is_ok_and(|sum| item.accepts(&sum));
            Listed { name: item.name.to_owned(), installed: path.is_file(), path, size, verified }
        };
        let others = EMBEDDING_MODELS.into_iter().filter(|m| *m != self.spec).flat_map(|m| [m.weights, m.tokenizer]);
        let mut listed: Vec<Listed> = self.items().into_iter().chain(others).map(of).collect();
        if let Some(path) = &self.library {
            let (installed, size) = (path.is_file(), std::fs::metadata(path).map_or(0, |m| m.len()));
            let name = "ONNX Runtime (ORT_DYLIB_PATH)".to_owned();
            listed.insert(0, Listed { name, path: path.clone(), installed, size, verified: false });
        }
        listed
    }
}

fn missing(what: impl Into<String>, hint: impl Into<String>) -> ModelState {
    ModelState::Missing { what: what.into(), hint: hint.into() }
}

/// Where models live when nothing else is said: `COLLOQUY_MODELS_DIR`, else `colloquy/models` in the cache folder that
/// is customary here, else below the current directory.
#[must_use]
pub fn default_dir() -> PathBuf {
    let env = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(dir) = env("COLLOQUY_MODELS_DIR") {
        return dir;
    }
    let cache = match std::env::consts::OS {
        "windows" => env("LOCALAPPDATA"),
        "macos" => env("HOME").map(|h| h.join("Library").join("Caches")),
        _ => env("XDG_CACHE_HOME").or_else(|| env("HOME").map(|h| h.join(".cache"))),
    };
    cache.unwrap_or_else(|| PathBuf::from(".cache")).join("colloquy").join("models")
}

#[cfg(test)]
mod tests;
