//! The data folder: one process at a time owns it, and others can find that process.
//!
//! Ownership is an operating system lock on `lock`, so it ends with the process however it ends. `server.json` says who
//! the owner is and, once it serves, where; it means nothing while the lock is free.

mod files;

pub use files::make_private_dir;

use crate::{config::Config, machine};
use colloquy_domain::channel::Secret;
use colloquy_store::SecretKey;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

const LOCK: &str = "lock";
const OWNER: &str = "server.json";
const API_KEY: &str = "api-key";
const SECRET_KEY: &str = "secret.key";

/// The folder, owned by this process until dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    owner: Owner,
    api_key: Secret,
    secret_key: SecretKey,
    /// Last, so that it is released after everything else.
    _lock: File,
}

/// Who owns a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `None` until it serves.
    pub url: Option<String>,
    pub pid: u32,
    /// The command: `serve` and `demo` serve others, the rest soon end.
    pub command: String,
}

impl Owner {
    /// Whether other commands may rely on it.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(self.command.as_str(), "serve" | "demo")
    }
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("the data folder {path} is in use{}", owner_of(.owner.as_ref()))]
    InUse { path: PathBuf, owner: Option<Owner> },
    #[error("cannot {doing} {path}: {cause}")]
    Io { doing: &'static str, path: PathBuf, cause: io::Error },
    /// A key file holds something else.
    #[error("{path} does not hold a key: {must}")]
    BadKey { path: PathBuf, must: String },
}

fn owner_of(owner: Option<&Owner>) -> String {
    match owner {
        Some(Owner { url: Some(url), pid, command }) => format!(" by `colloquy {command}` (process {pid}) at {url}"),
        Some(Owner { url: None, pid, command }) => format!(" by `colloquy {command}` (process {pid})"),
        None => " by another process".to_owned(),
    }
}

impl DataFolder {
    /// Makes the folder if it is missing, takes it, and makes the keys at the first start.
    ///
    /// # Errors
    /// [`FolderError::InUse`] if another process owns it; the others need a person.
    pub fn open(config: &Config, command: &str) -> Result<Self, FolderError> {
        let path = config.data_dir.clone();
        files::make_private_dir(&path).map_err(at("make the data folder", &path))?;
        let lock_path = path.join(LOCK);
        let lock = files::open_private(&lock_path).map_err(at("write", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = read_owner(&path);
                return Err(FolderError::InUse { path, owner });
            }
            Err(TryLockError::Error(e)) => return Err(at("lock", &lock_path)(e)),
        }
        let owner = Owner { url: None, pid: std::process::id(), command: command.to_owned() };
        write_owner(&path, &owner)?;
        for sub in [files_dir(&path), vectors_dir(&path)] {
            files::make_private_dir(&sub).map_err(at("make", &sub))?;
        }
        let api_key = api_key(&path)?;
        let secret_key = match &config.secret_key {
            Some(key) => key.clone(),
            None => watched(&path, secret_key(&path)?),
        };
        Ok(Self { path, owner, api_key, secret_key, _lock: lock })
    }

    /// Tells other commands where this process serves; returns the address by which this machine reaches it.
    ///
    /// # Errors
    /// The file's.
    pub fn announce(&mut self, url: &str) -> Result<String, FolderError> {
        self.owner.url = Some(reachable(url));
        write_owner(&self.path, &self.owner)?;
        Ok(reachable(url))
    }

    /// Guards `/api`: made at the first start, kept in a file that only this user can read.
    #[must_use]
    pub const fn api_key(&self) -> &Secret {
        &self.api_key
    }

    /// Encrypts the secrets of channels.
    #[must_use]
    pub const fn secret_key(&self) -> &SecretKey {
        &self.secret_key
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Uploaded documents.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        files_dir(&self.path)
    }

    /// Letters that no mail server took.
    #[must_use]
    pub fn mail(&self) -> PathBuf {
        self.path.join("mail")
    }

    /// The vector store's.
    #[must_use]
    pub fn vectors(&self) -> PathBuf {
        vectors_dir(&self.path)
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        // Still locked: nobody else has written it.
        let _ = std::fs::remove_file(self.path.join(OWNER));
    }
}

/// Who owns the folder at this moment, or `None` if nobody does or it does not exist.
///
/// # Errors
/// The lock file cannot be opened or locked.
pub fn owner(data_dir: &Path) -> Result<Option<Option<Owner>>, FolderError> {
    let path = data_dir.join(LOCK);
    let lock = match File::open(&path) {
        Ok(lock) => lock,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(at("open", &path)(e)),
    };
    // Shared, so that two who only look do not take each other for an owner.
    match lock.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_owner(data_dir))),
        Err(TryLockError::Error(e)) => Err(at("lock", &path)(e)),
    }
}

/// The API key of the folder that another process owns.
///
/// # Errors
/// It cannot be read, or is none.
pub fn read_api_key(data_dir: &Path) -> Result<Secret, FolderError> {
    let path = data_dir.join(API_KEY);
    let text = std::fs::read_to_string(&path).map_err(at("read", &path))?;
    check_api_key(&path, &text)
}

/// The key of the installation that another process may have open.
///
/// # Errors
/// It cannot be read, or is none.
pub fn read_secret_key(config: &Config) -> Result<SecretKey, FolderError> {
    if let Some(key) = &config.secret_key {
        return Ok(key.clone());
    }
    Ok(watched(&config.data_dir, kept_secret_key(&config.data_dir)?))
}

fn kept_secret_key(data_dir: &Path) -> Result<SecretKey, FolderError> {
    let path = data_dir.join(SECRET_KEY);
    let text = std::fs::read_to_string(&path).map_err(at("read", &path))?;
    check_secret_key(&path, &text)
}

/// Whoever has the folder's keys hears of those that are added.
fn watched(data_dir: &Path, key: SecretKey) -> SecretKey {
    let folder = data_dir.to_owned();
    key.read_again_from(Arc::new(move || {
        let read = kept_secret_key(&folder);
        read.inspect_err(|error| tracing::error!(%error, "the installation's keys cannot be read again")).ok()
    }))
}

/// Puts a new key before those of the folder. Whoever has the folder open seals with it from now on.
///
/// # Errors
/// The file cannot be read or written.
pub fn add_secret_key(data_dir: &Path) -> Result<(), FolderError> {
    let path = data_dir.join(SECRET_KEY);
    let before = std::fs::read_to_string(&path).map_err(at("read", &path))?;
    check_secret_key(&path, &before)?;
    let fresh = machine::key_bytes().map_err(at("make", &path))?;
    files::replace_private(&path, format!("{}\n{before}", hex::encode(fresh)).as_bytes()).map_err(at("write", &path))
}

/// What a copy of the folder must have besides the database and `files`; the second may be configured instead.
pub const KEYS: [&str; 2] = [API_KEY, SECRET_KEY];

/// An address that listens everywhere is reached on this machine.
fn reachable(url: &str) -> String {
    url.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")
}

fn files_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("files")
}

fn vectors_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("vectors")
}

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |cause| FolderError::Io { doing, path, cause }
}

fn read_owner(data_dir: &Path) -> Option<Owner> {
    serde_json::from_slice(&std::fs::read(data_dir.join(OWNER)).ok()?).ok()
}

fn write_owner(data_dir: &Path, owner: &Owner) -> Result<(), FolderError> {
    let path = data_dir.join(OWNER);
    let json = serde_json::to_vec(owner).map_err(|e| at("write", &path)(io::Error::other(e)))?;
    files::replace_private(&path, &json).map_err(at("write", &path))
}

fn api_key(data_dir: &Path) -> Result<Secret, FolderError> {
    let path = data_dir.join(API_KEY);
    let text =
        files::read_or_make(&path, |bytes| format!("clq_{}\n", hex::encode(bytes))).map_err(at("make", &path))?;
    check_api_key(&path, &text)
}

fn check_api_key(path: &Path, text: &str) -> Result<Secret, FolderError> {
    let key = text.trim();
    if key.len() < 20 || !key.chars().all(|c| c.is_ascii_graphic()) {
        let must = "it must be one word of at least 20 characters; remove the file to have a new key made".to_owned();
        return Err(FolderError::BadKey { path: path.to_owned(), must });
    }
    Ok(Secret::new(key))
}

fn secret_key(data_dir: &Path) -> Result<SecretKey, FolderError> {
    let path = data_dir.join(SECRET_KEY);
    let text = files::read_or_make(&path, |bytes| format!("{}\n", hex::encode(bytes))).map_err(at("make", &path))?;
    check_secret_key(&path, &text)
}

fn check_secret_key(path: &Path, text: &str) -> Result<SecretKey, FolderError> {
    SecretKey::from_hex(text).map_err(|e| FolderError::BadKey { path: path.to_owned(), must: e.to_string() })
}

#[cfg(test)]
mod tests;
