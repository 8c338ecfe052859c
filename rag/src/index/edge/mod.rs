//! The embedded vector store: one shard for all tenants, in one folder, locked to one process.
//!
//! - New passages are staged invisibly and become visible by [`EdgeIndex::switch`]; readers see the old passages of a
//!   document or the new ones. A crash in the middle is finished at the next opening.
//! - The store does nothing by itself: [`EdgeIndex::flush`] makes writes survive a power loss, [`EdgeIndex::maintain`]
//!   merges, indexes and vacuums. Both are called by whoever owns the runtime.

mod layout;
mod promote;
pub(super) mod read;
mod switch;

use super::{DocumentKey, Point, Reader, Scope, Stored, blocking, filter as which, point::LAYOUT};
use colloquy_domain::failure::Failure;
use qdrant_edge::{EdgeShard, OperationError};
use std::{
    collections::BTreeSet,
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};
use switch::Pending;
use uuid::Uuid;

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct EdgeIndex {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    /// Searches and staging hold it for reading, a switch for writing. `None` after closing.
    ///
    /// Whoever holds it for long, or for writing, holds `writer` first: a writer that waits would otherwise keep new
    /// readers out for as long as an optimisation runs.
    shard: RwLock<Option<EdgeShard>>,
    /// One writer at a time; the store's flush panics when it meets another.
    writer: Mutex<()>,
    /// Held until the process ends or the index is dropped.
    lock: File,
}

impl EdgeIndex {
    /// Opens or creates the store in `dir` and finishes what a crash interrupted.
    ///
    /// # Errors
    /// `index.locked` (fatal) when another process has it open; `index.layout` (fatal) when a newer version wrote it;
    /// `index.open` (fatal) otherwise.
    pub async fn open(dir: impl Into<PathBuf>) -> Result<Self, Failure> {
        let dir = dir.into();
        blocking(move || {
            let lock = lock_folder(&dir)?;
            let shard = layout::open_shard(&dir.join("shard"))?;
            promote::finish_noted(&dir, &shard)?;
            for pending in Pending::all(&dir)? {
                switch::finish(&shard, &pending).map_err(store)?;
                shard.flush();
                pending.clear(&dir)?;
            }
            Ok(Self { inner: Arc::new(Inner { dir, shard: RwLock::new(Some(shard)), writer: Mutex::new(()), lock }) })
        })
        .await
    }

    /// Writes points as they are, under their own ids. Writing one again replaces it.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn import(&self, points: Vec<Point>) -> Result<(), Failure> {
        self.write(move |shard| layout::upsert(points).and_then(|op| shard.update(op))).await
    }

    /// Up to `limit` whole points in the order of their ids, from `from` on, and where the next page begins.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn page(&self, from: Option<Uuid>, limit: usize) -> Result<(Vec<Point>, Option<Uuid>), Failure> {
        self.on_shard(move |shard| read::page(shard, from, limit)).await
    }

    /// Makes room for dense vectors of this length.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn widen(&self, dimension: usize) -> Result<(), Failure> {
        self.write(move |shard| {
            shard.update(layout::widen(dimension))?;
            shard.flush();
            Ok(())
        })
        .await
    }

    /// How many passages there are: visible and staged, of all tenants.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn count(&self) -> Result<usize, Failure> {
        self.on_shard(read::count).await
    }

    /// The ordinals of a generation that are written already, visible or not.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn written(&self, key: DocumentKey, generation: String) -> Result<BTreeSet<u32>, Failure> {
        self.on_shard(move |shard| read::ordinals(shard, key, &generation)).await
    }

    /// The visible passages of a document that have these ordinals, in any order.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn passages(&self, key: DocumentKey, ordinals: Range<u32>) -> Result<Vec<Stored>, Failure> {
        self.on_shard(move |shard| read::passages(shard, key, ordinals)).await
    }

    /// Makes a staged generation of `passages` passages the visible one and removes every other of the document.
    /// Durable when it returns.
    ///
    /// # Errors
    /// `index.incomplete` (retry) when not all of the passages are there; `index.store` (retry).
    pub async fn switch(&self, key: DocumentKey, generation: String, passages: u32) -> Result<(), Failure> {
        let pending = Pending { key, generation, passages };
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let _writer = inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            {
                let shard = inner.shard.read().unwrap_or_else(PoisonError::into_inner);
                let shard = shard.as_ref().ok_or_else(closed)?;
                if !switch::complete(shard, &pending).map_err(store)? {
                    return Err(Failure::retry("index.incomplete", "not all passages of the document were written"));
                }
                // What becomes visible must be durable before anything is removed for it.
                shard.flush();
                pending.write(&inner.dir)?;
            }
            {
                // Readers are kept out only for the two operations.
                let shard = inner.shard.write().unwrap_or_else(PoisonError::into_inner);
                switch::finish(shard.as_ref().ok_or_else(closed)?, &pending).map_err(store)?;
            }
            let shard = inner.shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.as_ref().ok_or_else(closed)?.flush();
            pending.clear(&inner.dir)
        })
        .await
    }

    /// Removes every passage of a document, staged ones too. Durable when it returns.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn forget(&self, key: DocumentKey) -> Result<(), Failure> {
        self.write(move |shard| {
            shard.update(layout::delete(&which::of_document(key)))?;
            shard.flush();
            Ok(())
        })
        .await
    }

    /// Documents whose visible passages were embedded with another model than `model`, or with none.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn outdated(&self, model: &str) -> Result<Vec<DocumentKey>, Failure> {
        let model = model.to_owned();
        self.on_shard(move |shard| read::outdated(shard, &model)).await
    }

    /// The other model whose vectors visible passages have, if any.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn predecessor(&self, model: &str) -> Result<Option<String>, Failure> {
        let which = which::live_of_other_models(model).but_not([which::without_vectors()]);
        let found = self.on_shard(move |shard| read::page_of(shard, Some(&which), None, 1)).await?;
        Ok(found.0.into_iter().next().map(|point| point.stored.model))
    }

    /// Up to `limit` live passages that another model made, or none, in the order of their ids from `from` on, and where
    /// the next page begins.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn live_of_others(
        &self,
        model: &str,
        from: Option<Uuid>,
        limit: usize,
    ) -> Result<(Vec<Point>, Option<Uuid>), Failure> {
        let which = which::live_of_other_models(model);
        self.on_shard(move |shard| read::page_of(shard, Some(&which), from, limit)).await
    }

    /// Which of these ids are there.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn there(&self, ids: Vec<Uuid>) -> Result<BTreeSet<Uuid>, Failure> {
        self.on_shard(move |shard| Ok(read::load(shard, &ids)?.into_iter().map(|(id, _)| id).collect())).await
    }

    /// Makes the hidden passages of `model` the visible ones, in one step for all readers, and removes all of other
    /// models, if each visible one has its successor; `switched` runs within that step. Returns whether it was done: if
    /// not, something was written meanwhile. Durable when it returns.
    ///
    /// # Errors
    /// `index.store`, `index.note` (retry).
    pub async fn promote(&self, model: &str, switched: impl FnOnce() + Send + 'static) -> Result<bool, Failure> {
        let model = model.to_owned();
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let _writer = inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            {
                let shard = inner.shard.read().unwrap_or_else(PoisonError::into_inner);
                let shard = shard.as_ref().ok_or_else(closed)?;
                if !promote::complete(shard, &model).map_err(store)? {
                    return Ok(false);
                }
                shard.flush();
                promote::note(&inner.dir, &model)?;
            }
            {
                let shard = inner.shard.write().unwrap_or_else(PoisonError::into_inner);
                promote::finish(shard.as_ref().ok_or_else(closed)?, &model).map_err(store)?;
                switched();
            }
            let shard = inner.shard.read().unwrap_or_else(PoisonError::into_inner);
            shard.as_ref().ok_or_else(closed)?.flush();
            promote::clear(&inner.dir)?;
            Ok(true)
        })
        .await
    }

    /// Runs a search on a consistent view: no document is replaced while it runs.
    ///
    /// # Errors
    /// Those of `work`; `index.closed` (fatal).
    pub async fn read<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl FnOnce(&Reader<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.on_shard(move |shard| work(&Reader::of_shard(shard, &scope))).await
    }

    /// Makes everything written so far survive a power loss (50 to 400 ms).
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn flush(&self) -> Result<(), Failure> {
        self.write(|shard| {
            shard.flush();
            Ok(())
        })
        .await
    }

    /// Merges and vacuums segments and builds vector indexes as needed, then flushes. Searches go on meanwhile;
    /// writes wait (seconds for tens of thousands of passages). Returns whether there was anything to do.
    ///
    /// # Errors
    /// `index.store` (retry).
    pub async fn maintain(&self) -> Result<bool, Failure> {
        self.write(|shard| {
            let changed = shard.optimize()?;
            shard.flush();
            Ok(changed)
        })
        .await
    }

    /// Flushes and closes; later calls fail with `index.closed`. The folder can then be opened again.
    ///
    /// # Errors
    /// `index.panicked` (retry) when flushing failed.
    pub async fn close(&self) -> Result<(), Failure> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let _writer = inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            // Dropping the shard flushes it.
            drop(inner.shard.write().unwrap_or_else(PoisonError::into_inner).take());
            inner.lock.unlock().map_err(|e| Failure::retry("index.lock", e.to_string()))
        })
        .await
    }

    async fn on_shard<T: Send + 'static>(
        &self,
        work: impl FnOnce(&EdgeShard) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let shard = inner.shard.read().unwrap_or_else(PoisonError::into_inner);
            work(shard.as_ref().ok_or_else(closed)?)
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&EdgeShard) -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let _writer = inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let shard = inner.shard.read().unwrap_or_else(PoisonError::into_inner);
            work(shard.as_ref().ok_or_else(closed)?).map_err(store)
        })
        .await
    }
}

fn lock_folder(dir: &Path) -> Result<File, Failure> {
    let bad = |e: std::io::Error| Failure::fatal("index.open", format!("{}: {e}", dir.display()));
    std::fs::create_dir_all(dir).map_err(bad)?;
    let lock = File::create(dir.join("lock")).map_err(bad)?;
    lock.try_lock().map_err(|_| {
        Failure::fatal("index.locked", format!("another process has the index in {} open", dir.display()))
    })?;
    let layout = dir.join("layout");
    match std::fs::read_to_string(&layout) {
        Ok(found) if found.trim() == LAYOUT.to_string() => Ok(lock),
        Ok(found) => Err(Failure::fatal(
            "index.layout",
            format!("the index in {} has layout {}, this program reads {LAYOUT}", dir.display(), found.trim()),
        )),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            std::fs::write(&layout, LAYOUT.to_string()).map_err(bad)?;
            Ok(lock)
        }
        Err(e) => Err(bad(e)),
    }
}

fn store(e: OperationError) -> Failure {
    Failure::retry("index.store", e.to_string())
}

fn closed() -> Failure {
    Failure::fatal("index.closed", "the index is closed")
}

#[cfg(test)]
mod tests;
