//! The vector store: passages with their vectors, embedded or on a Qdrant server, in the same layout.
//!
//! - Every search carries the tenant, the knowledge bases and `live` in its own filter ([`filter::live_in`]).
//! - New passages are staged invisibly and become visible by [`Index::switch`]; readers see the old passages of a
//!   document or the new ones, never both and never neither. A crash in the middle is finished afterwards.
//! - Scores and ranks are the stores' own, and equal on the same data but for the order of equals.

mod edge;
mod filter;
mod point;
mod reader;
mod server;
mod transfer;

pub use edge::EdgeIndex;
pub(crate) use point::NO_MODEL;
pub use point::{DocumentKey, NewPassage, Point, Scope, Stored};
pub use reader::{Ask, Found, Hit, Reader};
pub use server::ServerIndex;
pub use transfer::{Digest, PAGE, copy, digest};

use colloquy_domain::{channel::Secret, failure::Failure};
use std::{collections::BTreeSet, fmt, ops::Range, path::PathBuf};
use uuid::Uuid;

/// Which store to open.
#[derive(Clone)]
pub enum VectorStore {
    /// In a folder of this process, which it locks; created when missing.
    Embedded { dir: PathBuf },
    /// On a Qdrant server.
    Server {
        /// Scheme (`http` or `https`), host and gRPC port, usually 6334; no user, path or query.
        url: String,
        api_key: Option<Secret>,
        /// Begins the names of the collections, so that installations can share a server: 1 to 64 of `a-z`, `0-9`,
        /// `_` and `-`.
        prefix: String,
    },
}

impl fmt::Debug for VectorStore {
    /// Without the URL: until it has been checked, it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { dir } => f.debug_struct("Embedded").field("dir", dir).finish(),
            Self::Server { prefix, .. } => f.debug_struct("Server").field("prefix", prefix).finish_non_exhaustive(),
        }
    }
}

/// An open store. Cheap to clone.
#[derive(Clone)]
pub enum Index {
    Embedded(EdgeIndex),
    Server(ServerIndex),
}

impl From<EdgeIndex> for Index {
    fn from(index: EdgeIndex) -> Self {
        Self::Embedded(index)
    }
}

impl From<ServerIndex> for Index {
    fn from(index: ServerIndex) -> Self {
        Self::Server(index)
    }
}

/// Errors of every operation: embedded `index.store` and `index.panicked` (retry), `index.closed` (fatal); of a server
/// `index.unavailable` and `index.timeout` (retry), `index.request` (reject), `index.credentials` and `index.missing`
/// (fatal). Those of a server name its host, never the key.
impl Index {
    /// Opens or creates the store, and brings its layout up to date.
    ///
    /// # Errors
    /// Those of [`EdgeIndex::open`] and [`ServerIndex::open`].
    pub async fn open(store: VectorStore) -> Result<Self, Failure> {
        match store {
            VectorStore::Embedded { dir } => EdgeIndex::open(dir).await.map(Self::Embedded),
            VectorStore::Server { url, api_key, prefix } => {
                ServerIndex::open(&url, api_key.as_ref(), &prefix).await.map(Self::Server)
            }
        }
    }

    /// Writes passages of a generation that readers do not see yet. Writing one again replaces it.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn stage(&self, passages: Vec<NewPassage>) -> Result<(), Failure> {
        self.import(passages.into_iter().map(Point::from).collect()).await
    }

    /// Makes room for dense vectors of this length, beside those of other lengths that are there.
    ///
    /// # Errors
    /// `index.version` (fatal) on a server that is too old for that. See also [`Index`].
    pub async fn widen(&self, dimension: usize) -> Result<(), Failure> {
        match self {
            Self::Embedded(index) => index.widen(dimension).await,
            Self::Server(index) => index.widen(dimension).await,
        }
    }

    /// The ordinals of a generation that are written already, visible or not.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn written(&self, key: DocumentKey, generation: String) -> Result<BTreeSet<u32>, Failure> {
        match self {
            Self::Embedded(index) => index.written(key, generation).await,
            Self::Server(index) => index.written(key, &generation).await,
        }
    }

    /// The visible passages of a document that have these ordinals, in their order.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn passages(&self, key: DocumentKey, ordinals: Range<u32>) -> Result<Vec<Stored>, Failure> {
        let mut found = match self {
            Self::Embedded(index) => index.passages(key, ordinals).await,
            Self::Server(index) => index.passages(key, ordinals).await,
        }?;
        found.retain(|passage| passage.live);
        found.sort_by_key(|passage| passage.ordinal);
        Ok(found)
    }

    /// Makes a staged generation of `passages` passages the visible one and removes every other of the document.
    /// Durable when it returns.
    ///
    /// # Errors
    /// `index.incomplete` (retry) when not all of the passages are there; on a server `index.superseded` (retry) when
    /// another process has begun to replace the same document. See also [`Index`].
    pub async fn switch(&self, key: DocumentKey, generation: String, passages: u32) -> Result<(), Failure> {
        match self {
            Self::Embedded(index) => index.switch(key, generation, passages).await,
            Self::Server(index) => index.switch(key, generation, passages).await,
        }
    }

    /// Removes every passage of a document, staged ones too. Durable when it returns.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn forget(&self, key: DocumentKey) -> Result<(), Failure> {
        match self {
            Self::Embedded(index) => index.forget(key).await,
            Self::Server(index) => index.forget(key).await,
        }
    }

    /// Documents whose visible passages were embedded with another model than `model`, or with none.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn outdated(&self, model: &str) -> Result<Vec<DocumentKey>, Failure> {
        match self {
            Self::Embedded(index) => index.outdated(model).await,
            Self::Server(index) => index.outdated(model).await,
        }
    }

    /// Runs a search on a blocking thread, on a consistent view of what `scope` may see: no document that it loads
    /// passages of is replaced while it runs. On a server it runs again when one was.
    ///
    /// # Errors
    /// Those of `work`; on a server `index.busy` (retry) when the documents that it finds are replaced faster than they
    /// can be read. See also [`Index`].
    pub async fn read<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl Fn(&Reader<'_>) -> Result<T, Failure> + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        match self {
            Self::Embedded(index) => index.read(scope, work).await,
            Self::Server(index) => index.read(scope, work).await,
        }
    }

    /// How many passages there are: visible and staged, of all tenants.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn count(&self) -> Result<usize, Failure> {
        match self {
            Self::Embedded(index) => index.count().await,
            Self::Server(index) => index.count().await,
        }
    }

    /// Up to `limit` whole points in the order of their ids, from `from` on, and where the next page begins. Staged
    /// passages and all tenants are included; nothing may write meanwhile if every point is to be seen.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn export(&self, from: Option<Uuid>, limit: usize) -> Result<(Vec<Point>, Option<Uuid>), Failure> {
        match self {
            Self::Embedded(index) => index.page(from, limit).await,
            Self::Server(index) => index.page(from, limit).await,
        }
    }

    /// Writes points as they are, under their own ids. Writing one again replaces it.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn import(&self, points: Vec<Point>) -> Result<(), Failure> {
        match self {
            Self::Embedded(index) => index.import(points).await,
            Self::Server(index) => index.upsert(points).await,
        }
    }

    /// Makes everything written so far survive a power loss. A server sees to that by itself.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn flush(&self) -> Result<(), Failure> {
        match self {
            Self::Embedded(index) => index.flush().await,
            Self::Server(_) => Ok(()),
        }
    }

    /// Housekeeping, see [`EdgeIndex::maintain`]; a server does its own. Returns whether there was anything to do.
    ///
    /// # Errors
    /// See [`Index`].
    pub async fn maintain(&self) -> Result<bool, Failure> {
        match self {
            Self::Embedded(index) => index.maintain().await,
            Self::Server(_) => Ok(false),
        }
    }

    /// Flushes and closes an embedded store and unlocks its folder; later calls fail with `index.closed`. A server's
    /// connections close with the last clone.
    ///
    /// # Errors
    /// When flushing failed.
    pub async fn close(&self) -> Result<(), Failure> {
        match self {
            Self::Embedded(index) => index.close().await,
            Self::Server(_) => Ok(()),
        }
    }
}

/// On a thread that may block. The stores panic on some input/output errors: they arrive here as failures.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(Failure::retry("index.panicked", format!("the vector store stopped: {e}"))))
}

#[cfg(test)]
mod tests;
