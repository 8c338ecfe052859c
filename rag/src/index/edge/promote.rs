//! Exchanging the embedding model of the whole store in one step.
//!
//! The successor of each visible passage is written beside it, hidden; when all are there, they are shown and the others
//! removed. The store applies one operation at a time, so a note beside the shard says that this is under way; opening
//! the index finishes it.

use super::{
    layout, store,
    switch::{self, FOLDER},
};
use crate::index::filter::{self as which, Where};
use colloquy_domain::failure::Failure;
use qdrant_edge::{CountRequest, EdgeShard, OperationError};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// Not of the kind of notes that [`switch`] reads.
const NOTE: &str = "model.note";

/// Whether each visible passage of another model has its successor. There are no other hidden passages of `model`: what
/// is ingested meanwhile is still made by its predecessor, and whatever replaces or removes a document takes the hidden
/// ones along.
pub(super) fn complete(shard: &EdgeShard, model: &str) -> Result<bool, OperationError> {
    let (old, new) = (which::live_of_other_models(model), which::hidden_of_model(model));
    Ok(count(shard, &old)? == count(shard, &new)?)
}

fn count(shard: &EdgeShard, which: &Where) -> Result<usize, OperationError> {
    shard.count(CountRequest { filter: Some(layout::filter(which)), exact: true })
}

/// Shows the new passages and removes all others.
pub(super) fn finish(shard: &EdgeShard, model: &str) -> Result<(), OperationError> {
    shard.update(layout::show(&which::of_model(model)))?;
    shard.update(layout::delete(&which::of_all_other_models(model)))
}

/// Finishes what a note says was begun.
pub(super) fn finish_noted(dir: &Path, shard: &EdgeShard) -> Result<(), Failure> {
    let path = path(dir);
    match std::fs::read_to_string(&path) {
        Ok(model) => {
            finish(shard, model.trim()).map_err(store)?;
            shard.flush();
            clear(dir)
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(switch::note(&path, &e)),
    }
}

pub(super) fn note(dir: &Path, model: &str) -> Result<(), Failure> {
    let path = path(dir);
    let part = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(dir.join(FOLDER))?;
        let mut file = std::fs::File::create(&part)?;
        file.write_all(model.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, &path)
    };
    write().map_err(|e| switch::note(&path, &e))
}

pub(super) fn clear(dir: &Path) -> Result<(), Failure> {
    let path = path(dir);
    std::fs::remove_file(&path).map_err(|e| switch::note(&path, &e))
}

fn path(dir: &Path) -> PathBuf {
    dir.join(FOLDER).join(NOTE)
}
