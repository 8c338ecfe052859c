//! Replacing a document's visible passages, so that a crash in the middle is finished afterwards.
//!
//! The store applies one operation at a time, and a switch needs two: show the new, remove the old. A note beside the
//! shard says that a switch is under way; opening the index finishes what a note describes.

use super::layout;
use crate::index::{filter as which, point::DocumentKey};
use colloquy_domain::failure::Failure;
use qdrant_edge::{CountRequest, EdgeShard, OperationError};
use serde::{Deserialize, Serialize};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

pub(super) const FOLDER: &str = "switching";

/// A switch that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub key: DocumentKey,
    pub generation: String,
    /// How many passages the generation has.
    pub passages: u32,
}

impl Pending {
    pub(super) fn all(dir: &Path) -> Result<Vec<Self>, Failure> {
        let folder = dir.join(FOLDER);
        let Ok(listing) = std::fs::read_dir(&folder) else {
            return Ok(Vec::new());
        };
        let notes = listing.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "json"));
        notes
            .map(|path| {
                let bytes = std::fs::read(&path).map_err(|e| note(&path, &e))?;
                serde_json::from_slice(&bytes).map_err(|e| note(&path, &e))
            })
            .collect()
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), Failure> {
        let path = self.path(dir);
        let part = path.with_extension("part");
        let write = || -> std::io::Result<()> {
            std::fs::create_dir_all(dir.join(FOLDER))?;
            let mut file = std::fs::File::create(&part)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            std::fs::rename(&part, &path)
        };
        write().map_err(|e| note(&path, &e))
    }

    pub(super) fn clear(&self, dir: &Path) -> Result<(), Failure> {
        let path = self.path(dir);
        std::fs::remove_file(&path).map_err(|e| note(&path, &e))
    }

    fn path(&self, dir: &Path) -> PathBuf {
        dir.join(FOLDER).join(format!("{}.json", self.key.document))
    }
}

pub(super) fn note(path: &Path, cause: &dyn std::fmt::Display) -> Failure {
    Failure::retry("index.note", format!("{}: {cause}", path.display()))
}

/// Whether every passage of the generation is there.
pub(super) fn complete(shard: &EdgeShard, pending: &Pending) -> Result<bool, OperationError> {
    let filter = Some(layout::filter(&which::of_generation(pending.key, &pending.generation)));
    Ok(shard.count(CountRequest { filter, exact: true })? == pending.passages as usize)
}

/// Shows the generation and removes the others. Does nothing when the generation is not whole: then the document is
/// ingested again.
pub(super) fn finish(shard: &EdgeShard, pending: &Pending) -> Result<(), OperationError> {
    if !complete(shard, pending)? {
        return Ok(());
    }
    shard.update(layout::show(&which::of_generation(pending.key, &pending.generation)))?;
    shard.update(layout::delete(&which::of_other_generations(pending.key, &pending.generation)))
}
