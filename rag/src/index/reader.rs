//! What a search asks of a store.

use super::{Scope, Stored, edge::read as edge, server::View};
use crate::{embed::Vector, sparse::Sparse};
use colloquy_domain::failure::Failure;
use qdrant_edge::EdgeShard;
use uuid::Uuid;

/// A point that a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub id: Uuid,
    /// Cosine or BM25, as the search was.
    pub score: f32,
}

/// One form of a question.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// May be empty: then nothing is looked for by words.
    pub words: &'a Sparse,
    pub vector: Option<&'a Vector>,
}

/// What was found for one [`Ask`], each list best first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    pub words: Vec<Hit>,
    pub meaning: Vec<Hit>,
}

/// A consistent view of what one scope may see. Its methods block.
pub struct Reader<'a> {
    scope: &'a Scope,
    source: Source<'a>,
}

enum Source<'a> {
    Shard(&'a EdgeShard),
    Server(&'a View),
}

impl<'a> Reader<'a> {
    pub(super) const fn of_shard(shard: &'a EdgeShard, scope: &'a Scope) -> Self {
        Self { scope, source: Source::Shard(shard) }
    }

    pub(super) const fn of_server(view: &'a View, scope: &'a Scope) -> Self {
        Self { scope, source: Source::Server(view) }
    }

    /// For each question the best `limit` passages by BM25 and by cosine.
    ///
    /// # Errors
    /// See [`super::Index`].
    pub fn candidates(&self, asks: &[Ask<'_>], limit: usize) -> Result<Vec<Found>, Failure> {
        if self.scope.bases.is_empty() {
            return Ok(vec![Found::default(); asks.len()]);
        }
        match self.source {
            Source::Shard(shard) => edge::candidates(shard, self.scope, asks, limit),
            Source::Server(view) => view.candidates(self.scope, asks, limit),
        }
    }

    /// For each vector the cosine of each of the named passages that has one.
    ///
    /// # Errors
    /// See [`super::Index`].
    pub fn cosines(&self, vectors: &[&Vector], ids: &[Uuid]) -> Result<Vec<Hit>, Failure> {
        if vectors.is_empty() || ids.is_empty() || self.scope.bases.is_empty() {
            return Ok(Vec::new());
        }
        match self.source {
            Source::Shard(shard) => edge::cosines(shard, self.scope, vectors, ids),
            Source::Server(view) => view.cosines(self.scope, vectors, ids),
        }
    }

    /// What is stored under `ids`, which a search found; missing ones are left out, and then a server's view was no
    /// consistent one.
    ///
    /// # Errors
    /// See [`super::Index`].
    pub fn load(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, Stored)>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match self.source {
            Source::Shard(shard) => edge::load(shard, ids),
            Source::Server(view) => view.load(ids),
        }
    }

    /// What is stored under `ids`, of which some may not exist.
    ///
    /// # Errors
    /// See [`super::Index`].
    pub fn look(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, Stored)>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match self.source {
            Source::Shard(shard) => edge::load(shard, ids),
            Source::Server(view) => view.look(ids),
        }
    }
}
