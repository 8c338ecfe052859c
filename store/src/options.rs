//! What a store is opened with.

use crate::db;
use colloquy_domain::{
    channel::Secret,
    placement::{NodeId, Ownership},
    ports::{Clock, Ids},
};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where the rows are.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file, made if it is missing; its folder must exist.
    Sqlite(PathBuf),
    Postgres(PostgresOptions),
}

/// How a PostgreSQL database is reached. It must exist, and its role must own it or be allowed to make tables in it;
/// the role should be no superuser (see [`Walls`](crate::Walls)). Connections keep settings of their own: a pooler in
/// between must keep whole sessions together.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database`, with `sslmode`, `sslrootcert`, `sslcert` and `sslkey` as libpq
    /// knows them.
    pub url: Secret,
    /// Connections that only read, at most; there are three more.
    pub readers: usize,
}

impl PostgresOptions {
    /// Connections that only read, unless said otherwise.
    pub const READERS: usize = 8;

    #[must_use]
    pub const fn new(url: Secret) -> Self {
        Self { url, readers: Self::READERS }
    }
}

impl fmt::Display for Database {
    /// Where it is, for people: without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(options) => match db::read_url(options.url.expose()) {
                Ok(there) => f.write_str(&db::shown_url(&there)),
                Err(_) => f.write_str("a PostgreSQL server (its URL cannot be read)"),
            },
        }
    }
}

impl From<&Path> for Database {
    fn from(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }
}

impl From<&PathBuf> for Database {
    fn from(path: &PathBuf) -> Self {
        Self::Sqlite(path.clone())
    }
}

impl From<PathBuf> for Database {
    fn from(path: PathBuf) -> Self {
        Self::Sqlite(path)
    }
}

/// What a store is opened with.
#[derive(Clone)]
pub struct StoreOptions {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    /// Encrypts the secrets of channels. Losing it loses them.
    pub secret_key: SecretKey,
    /// On a node of a cluster: what is written in a partition must be owned by it. `None` on an installation of one
    /// node, where nothing is fenced but versions; SQLite never is.
    pub placement: Option<Placed>,
}

/// Which node this is, and what it believes to own.
#[derive(Debug, Clone)]
pub struct Placed {
    pub node: NodeId,
    pub ownership: Arc<Ownership>,
}

/// The 256-bit key under which secrets are sealed, and older ones, which still open what they sealed. Never shown.
#[derive(Clone)]
pub struct SecretKey {
    newest: [u8; 32],
    older: Vec<[u8; 32]>,
    source: Option<KeySource>,
}

/// Reads the keys again from where they come from: somebody may have added one while the store is open.
pub type KeySource = Arc<dyn Fn() -> Option<SecretKey> + Send + Sync>;

/// The text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret key is 64 hexadecimal digits (32 bytes); several, the newest first, stand in lines or between commas"
)]
pub struct InvalidSecretKey;

impl SecretKey {
    #[must_use]
    pub const fn from_bytes(newest: [u8; 32]) -> Self {
        Self { newest, older: Vec::new(), source: None }
    }

    /// Reads 64 hexadecimal digits, or several such words, the newest key first.
    ///
    /// # Errors
    /// [`InvalidSecretKey`], which does not repeat the text.
    pub fn from_hex(text: &str) -> Result<Self, InvalidSecretKey> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty());
        let read = |word: &str| {
            let mut bytes = [0; 32];
            hex::decode_to_slice(word, &mut bytes).map(|()| bytes).map_err(|_| InvalidSecretKey)
        };
        let mut keys = words.map(read);
        let newest = keys.next().ok_or(InvalidSecretKey)??;
        Ok(Self { newest, older: keys.collect::<Result<_, _>>()?, source: None })
    }

    /// The same keys, read again from `source` whenever one is missed or something is sealed.
    #[must_use]
    pub fn read_again_from(self, source: KeySource) -> Self {
        Self { source: Some(source), ..self }
    }

    /// To be read again from where `other` is.
    pub(crate) fn reading_where(self, other: &Self) -> Self {
        Self { source: other.source.clone(), ..self }
    }

    pub(crate) fn read_again(&self) -> Option<Self> {
        self.source.as_ref().and_then(|source| source())
    }

    /// A key for another purpose, made from the newest one: SHA-256 of the purpose and the key. Whoever has it cannot find
    /// this key.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        derive(&self.newest, purpose)
    }

    /// The same for every key, the newest first.
    #[must_use]
    pub fn derive_all(&self, purpose: &str) -> Vec<[u8; 32]> {
        self.all().map(|key| derive(key, purpose)).collect()
    }

    /// The newest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        self.all().eq(other.all())
    }
}

impl Eq for SecretKey {}

fn derive(key: &[u8; 32], purpose: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"colloquy\0")
        .chain_update(purpose)
        .chain_update([0])
        .chain_update(key)
        .finalize()
        .into()
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_shown_without_its_secrets() {
        let at = |url: &str| Database::Postgres(PostgresOptions::new(Secret::new(url)));
        let there = at("postgres://ann:hidden@db.example:5433/talks?sslmode=require");
        assert_eq!(there.to_string(), "postgres://db.example:5433/talks");
        for database in [there, at("postgres://ann:hidden@[")] {
            assert!(!format!("{database} {database:?}").contains("hidden"), "{database}");
        }
        assert_eq!(Database::from(Path::new("a/b.db")).to_string(), "a/b.db");
    }

    #[test]
    fn keys_are_read_from_hex_and_never_shown() {
        let key = SecretKey::from_hex(&"0a".repeat(32)).expect("a key");
        assert_eq!(key, SecretKey::from_bytes([10; 32]));
        assert_eq!(format!("{key:?}"), "SecretKey(***)");
        assert_eq!(SecretKey::from_hex("0a0a"), Err(InvalidSecretKey));
        assert_eq!(SecretKey::from_hex(" \n"), Err(InvalidSecretKey));
        let both = SecretKey::from_hex(&format!("{}\n{},\n", "0b".repeat(32), "0a".repeat(32))).expect("two keys");
        assert_eq!(both.all().collect::<Vec<_>>(), [&[11; 32], &[10; 32]]);
        assert_eq!(both.derive_all("x")[1], key.derive("x"));
    }
}
