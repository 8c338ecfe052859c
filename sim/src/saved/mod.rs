//! Saved worlds: what a run left, for others to go on from, so that a long way there need not be gone again.
//!
//! Kept is what a new start of every node would find: conversations with their inboxes and transcripts, spending, documents,
//! and the data of the tool set. Nothing under way can be kept, so only a world at rest is saved.

mod restore;
mod wire;

pub use restore::restore;
pub use wire::{FORMAT, Saved};

use crate::world::Core;
use colloquy_domain::{knowledge::DocumentStatus, ports::Clock, testkit::MemoryStore};
use std::collections::BTreeMap;
use wire::{SavedConversation, SavedDocument};

/// What there is, under the names of the scenario. The world must be at rest.
///
/// # Errors
/// Names what cannot be kept.
pub fn save(core: &Core) -> Result<Saved, String> {
    let mut conversations = Vec::new();
    for key in core.store.conversations() {
        let Some(standing) = core.store.standing(key.id) else { continue };
        let wrote_at = core.network.wrote_at(&core.peer(key.channel, &key.peer.address));
        conversations.push(SavedConversation::of(&standing, core, wrote_at)?);
    }
    conversations.sort_by(|a, b| (&a.channel, &a.peer).cmp(&(&b.channel, &b.peer)));
    Ok(Saved {
        format: FORMAT.to_owned(),
        ended: wire::rfc3339(core.clock.now()),
        conversations,
        documents: documents(core, &core.store),
        updates: core.network.last_updates(),
        database: core.toolset.as_ref().map(|t| t.snapshot().merged()),
    })
}

fn documents(core: &Core, store: &MemoryStore) -> Vec<SavedDocument> {
    let kept = core.library.documents().into_iter().filter(|d| !d.deleted);
    kept.filter_map(|d| {
        // One that failed shows what it was before, if anything.
        let shown = core.library.knowledge.visible(d.tenant, d.base, d.id);
        let edition = d.editions.iter().rposition(|e| *e == shown)?;
        let ready = crate::world::status(store, d.id) == Some(DocumentStatus::Ready);
        let base = d.called.strip_suffix(&format!("/{}", d.name))?.to_owned();
        Some(SavedDocument { base, name: d.name, text: d.texts[edition].clone(), ready })
    })
    .collect()
}

/// How much of each conversation was there before this world began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Before {
    pub inbox: usize,
    pub lines: usize,
}

/// By `channel/peer`.
pub type AllBefore = BTreeMap<String, Before>;
