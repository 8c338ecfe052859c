//! What happened, in order: for people, for checkers, and as one hash by which two runs are compared.

use sha2::{Digest, Sha256};
use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// One thing that happened. Names only, never ids: an id says when something was made, and that is not what a run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Age of the world.
    pub at: Duration,
    /// The node that it happened on; empty for the world outside.
    pub node: String,
    /// A stable name: `webhook.accepted`, `commit`, `send.taken`, `fault`, …
    pub what: &'static str,
    /// Whom it concerns: mostly `channel/peer`.
    pub entity: String,
    pub detail: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, node, what, entity, detail } = self;
        write!(f, "{:>10.3} {node:<4} {what:<18} {entity:<20} {detail}", at.as_secs_f64())
    }
}

#[derive(Debug, Default)]
pub struct Trace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    hash: Sha256,
    entries: Vec<Entry>,
    count: u64,
    /// Whether entries are kept; the hash is always made.
    kept: bool,
}

impl Trace {
    /// `kept`: whether entries are kept for reading, beside the hash.
    #[must_use]
    pub fn new(kept: bool) -> Self {
        Self(Mutex::new(State { kept, ..State::default() }))
    }

    pub fn add(&self, entry: Entry) {
        let mut state = self.state();
        state.hash.update(entry.at.as_millis().to_be_bytes());
        for part in [entry.node.as_str(), entry.what, &entry.entity, &entry.detail] {
            state.hash.update((part.len() as u64).to_be_bytes());
            state.hash.update(part.as_bytes());
        }
        state.count += 1;
        if state.kept {
            state.entries.push(entry);
        }
    }

    /// Of everything so far.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(self.state().hash.clone().finalize())
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.state().count
    }

    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
