//! How many turns a node runs at the same time, and whose is next: tenants in turn, however many of one wait.

use crate::pressure::Pressure;
use colloquy_domain::{fairness::FairQueue, ids::TenantId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

pub struct Turnstile {
    places: usize,
    pressure: Arc<Pressure>,
    state: Mutex<State>,
}

struct State {
    running: usize,
    waiting: FairQueue<TenantId, oneshot::Sender<Place>>,
}

/// One running turn; dropping it lets the next one in.
pub struct Place(Option<Arc<Turnstile>>);

impl Turnstile {
    /// `places`: turns at the same time, at least 1. While memory is short, one begins when no other runs.
    pub fn new(places: usize, pressure: Arc<Pressure>) -> Arc<Self> {
        let state = State { running: 0, waiting: FairQueue::new(1) };
        Arc::new(Self { places: places.max(1), pressure, state: Mutex::new(state) })
    }

    /// Waits for a place; giving up waiting (dropping the future) gives up the place in the line, too.
    pub async fn enter(self: &Arc<Self>, tenant: TenantId) -> Place {
        let (sender, receiver) = oneshot::channel();
        self.lock().waiting.push(tenant, 1, sender);
        self.admit();
        // The sender lies in the line until it is used, and the line lives as long as `self`.
        receiver.await.unwrap_or(Place(None))
    }

    /// Lets in whoever may run now. Whoever comes or leaves does that; it is to be called when memory is no longer short.
    pub fn admit(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                let places = if self.pressure.is_pressed() { 1 } else { self.places };
                if state.running >= places {
                    return;
                }
                let Some(next) = state.waiting.pop() else { return };
                state.running += 1;
                next
            };
            if let Err(mut place) = next.send(Place(Some(Arc::clone(self)))) {
                // It does not wait any more: the place is the next one's.
                place.0 = None;
                self.lock().running -= 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(turnstile) = self.0.take() {
            turnstile.lock().running -= 1;
            turnstile.admit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use uuid::Uuid;

    fn tenant(n: u128) -> TenantId {
        TenantId::new(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn the_quiet_tenant_is_next_after_one_of_the_crowd() {
        let turnstile = Turnstile::new(1, Arc::default());
        let first = turnstile.enter(tenant(1)).await;
        let mut crowd: Vec<_> = (0..5).map(|_| Box::pin(turnstile.enter(tenant(1)))).collect();
        crowd.iter_mut().for_each(|c| assert!(c.now_or_never().is_none()));
        let mut quiet = Box::pin(turnstile.enter(tenant(2)));
        assert!((&mut quiet).now_or_never().is_none());
        drop(first);
        let second = (&mut crowd[0]).now_or_never().expect("one of the crowd");
        assert!((&mut quiet).now_or_never().is_none());
        drop(second);
        assert!((&mut quiet).now_or_never().is_some());
    }

    #[tokio::test]
    async fn places_of_those_who_left_are_not_lost() {
        let turnstile = Turnstile::new(2, Arc::default());
        let places = [turnstile.enter(tenant(1)).await, turnstile.enter(tenant(1)).await];
        for polled in [false, true] {
            let mut gone = Box::pin(turnstile.enter(tenant(3)));
            if polled {
                assert!((&mut gone).now_or_never().is_none());
            }
        }
        let mut late = Box::pin(turnstile.enter(tenant(3)));
        assert!((&mut late).now_or_never().is_none());
        drop(places);
        // Granted, but never looked at: dropping it gives it back.
        drop(late);
        let again = [turnstile.enter(tenant(1)).now_or_never(), turnstile.enter(tenant(1)).now_or_never()];
        assert!(again.iter().all(Option::is_some));
        assert!(turnstile.enter(tenant(1)).now_or_never().is_none());
    }

    #[tokio::test]
    async fn while_memory_is_short_turns_begin_one_at_a_time() {
        let pressure = Arc::new(Pressure::new(Some(100)));
        let turnstile = Turnstile::new(3, Arc::clone(&pressure));
        let running = [turnstile.enter(tenant(1)).await, turnstile.enter(tenant(1)).await];
        pressure.sample(101);
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(turnstile.enter(tenant(1)))).collect();
        waiting.iter_mut().for_each(|w| assert!(w.now_or_never().is_none()));
        let [first, second] = running;
        drop(first);
        assert!((&mut waiting[0]).now_or_never().is_none(), "another one still runs");
        drop(second);
        let alone = (&mut waiting[0]).now_or_never().expect("none runs: waiting would free nothing");
        assert!((&mut waiting[1]).now_or_never().is_none());
        pressure.sample(10);
        turnstile.admit();
        let rest: Vec<Option<Place>> = waiting[1..].iter_mut().map(FutureExt::now_or_never).collect();
        let inside: Vec<bool> = rest.iter().map(Option::is_some).collect();
        assert_eq!(inside, [true, true, false], "three places, one of them taken");
        drop(alone);
    }
}
