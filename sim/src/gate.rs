//! A node's way to the world. A dead node's calls never come back, a paused node's wait: so a crash can happen at any
//! await, and needs nothing of the actors.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Paused,
    Dead,
}

/// Not a `watch` channel: that one wakes those who wait in an order that it draws by lot.
#[derive(Debug, Clone)]
pub struct Gate(Arc<(Mutex<State>, Notify)>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new((Mutex::new(State::Open), Notify::new())))
    }
}

impl Gate {
    /// Returns at once while the node runs, later while it is paused, and never when it is dead.
    pub async fn pass(&self) {
        self.becomes(State::Open).await;
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        *self.state() == State::Open
    }

    #[must_use]
    pub fn is_dead(&self) -> bool {
        *self.state() == State::Dead
    }

    pub fn kill(&self) {
        *self.state() = State::Dead;
        self.0.1.notify_waiters();
    }

    /// Returns when the node is dead.
    pub async fn died(&self) {
        self.becomes(State::Dead).await;
    }

    pub fn pause(&self) {
        self.turn(State::Open, State::Paused);
    }

    pub fn resume(&self) {
        self.turn(State::Paused, State::Open);
    }

    fn turn(&self, from: State, to: State) {
        let mut state = self.state();
        if *state == from {
            *state = to;
            self.0.1.notify_waiters();
        }
    }

    async fn becomes(&self, wanted: State) {
        loop {
            let changed = self.0.1.notified();
            if *self.state() == wanted {
                return;
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn the_paused_wait_and_the_dead_never_return() {
        let gate = Gate::default();
        gate.pass().await;
        gate.pause();
        let waiting = gate.pass();
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        gate.resume();
        waiting.await;
        gate.kill();
        gate.resume();
        assert!(gate.is_dead() && gate.pass().now_or_never().is_none());
        gate.died().await;
    }
}
