//! Who thinks in a played person's place.

use crate::{
    model::{Deck, Thinks},
    scenario::UserSpec,
    seed::Seed,
};
use colloquy_domain::model::{CompletionRequest, CompletionResult};
use std::{sync::Arc, time::Duration};

/// How long a person thinks, in milliseconds, where nobody measured it.
const THINKS: (u64, u64) = (500, 3_000);

/// Asks the model that plays a person.
pub struct Player {
    thinks: Thinks,
    deck: Arc<Deck>,
    seed: Seed,
}

impl Player {
    /// `None` for people who are not played by a model.
    #[must_use]
    pub fn of(user: &UserSpec, deck: &Arc<Deck>, seed: Seed) -> Option<Self> {
        let UserSpec::Model(played) = user else { return None };
        Some(Self { thinks: Thinks::of(&played.model), deck: Arc::clone(deck), seed })
    }

    /// What `who` (`channel/peer`) says next, and how long they think. The thread waits for a real model.
    pub fn complete(&self, who: &str, nth: u64, request: &CompletionRequest) -> (CompletionResult, Duration) {
        self.thinks.complete(&self.deck, (self.seed, nth, THINKS), &format!("person {who}"), request)
    }
}
