//! Exchanging the embedding model under a filled embedded store.
//!
//! Until every passage has a vector of the new model, questions and new documents go on with the old one. The new passages
//! are written beside the old, hidden, and continue after a crash where they were; then all are shown in one step
//! ([`EdgeIndex::promote`]). On a server, which several nodes share, documents are ingested again one by one instead, and
//! until its turn comes a document is found by its words.

use super::generation;
use crate::{
    embed::{Embedder, Slot},
    index::{EdgeIndex, NewPassage, Point, Stored},
};
use colloquy_domain::failure::Failure;
use std::{collections::BTreeSet, sync::Arc};
use uuid::Uuid;

/// Passages that are embedded and written together.
const WINDOW: usize = 64;
/// Rounds over the store; each but the first finds only what was ingested during the one before.
const ROUNDS: u32 = 100;

/// Gives every passage a vector of `next` and puts `next` in place of the present model.
///
/// # Errors
/// The store's or the model's; what was done is found again by the next call.
pub(super) async fn run(index: &EdgeIndex, slot: &Slot, next: &Arc<Embedder>) -> Result<(), Failure> {
    let model = next.space().id.as_str();
    for _ in 0..ROUNDS {
        let embedded = one_round(index, next).await?;
        let (place, successor) = (slot.clone(), Arc::clone(next));
        if index.promote(model, move || place.put(successor)).await? {
            tracing::info!(embedding.model = model, "all passages have vectors of the new embedding model");
            return Ok(());
        }
        tracing::info!(embedding.model = model, embedded, "documents came in meanwhile: another round");
    }
    Err(Failure::retry("index.busy", "documents are replaced faster than they can be embedded again"))
}

/// Embeds what has no successor yet; returns how many passages.
async fn one_round(index: &EdgeIndex, next: &Embedder) -> Result<usize, Failure> {
    let model = next.space().id.as_str();
    let (mut embedded, mut from) = (0, None);
    loop {
        let (points, following) = index.live_of_others(model, from, WINDOW).await?;
        let successors: Vec<NewPassage> = points.into_iter().map(|p| successor(p, model)).collect();
        let ids: Vec<Uuid> = successors.iter().map(|s| s.stored.sibling(s.stored.ordinal)).collect();
        let there: BTreeSet<Uuid> = index.there(ids.clone()).await?;
        let mut missing: Vec<NewPassage> =
            successors.into_iter().zip(ids).filter(|(_, id)| !there.contains(id)).map(|(s, _)| s).collect();
        let texts: Vec<String> = missing.iter().map(|s| s.stored.indexed()).collect();
        for (passage, vector) in missing.iter_mut().zip(next.embed_documents(&texts).await?) {
            passage.dense = Some(vector);
        }
        embedded += missing.len();
        if !missing.is_empty() {
            index.import(missing.into_iter().map(Point::from).collect()).await?;
        }
        match following {
            Some(following) => from = Some(following),
            None => return Ok(embedded),
        }
    }
}

/// The same passage for the other model, hidden and without its vector.
fn successor(point: Point, model: &str) -> NewPassage {
    let generation = generation::of_model(&point.stored.generation, model);
    let stored = Stored { generation, model: model.to_owned(), live: false, ..point.stored };
    NewPassage { stored, words: point.words, dense: None }
}
