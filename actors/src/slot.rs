//! Where the current incarnation of a supervised actor is found.

use ractor::{ActorRef, Message};
use std::sync::{Arc, PoisonError, RwLock};

/// A place that a supervisor fills anew at each restart. Telling an empty slot drops the message: everything that matters
/// is durable and found again by the next incarnation.
pub struct Slot<M>(Arc<RwLock<Option<ActorRef<M>>>>);

impl<M> Clone for Slot<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> Default for Slot<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M: Message> Slot<M> {
    pub fn fill(&self, actor: ActorRef<M>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }

    /// Whether there was somebody to tell.
    pub fn tell(&self, message: M) -> bool {
        let actor = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        actor.is_some_and(|a| a.send_message(message).is_ok())
    }
}
