//! How many turns a node runs at the same time, and whose is next: tenants in turn, however many of one wait.

use colloquy_domain::{fairness::FairQueue, ids::TenantId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

pub struct Turnstile(Mutex<State>);

struct State {
    free: usize,
    waiting: FairQueue<TenantId, oneshot::Sender<Place>>,
}

/// One running turn; dropping it lets the next one in.
pub struct Place(Option<Arc<Turnstile>>);

impl Turnstile {
    /// `places`: turns at the same time, at least 1.
    pub fn new(places: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { free: places.max(1), waiting: FairQueue::new(1) })))
    }

    /// Waits for a place; giving up waiting (dropping the future) gives up the place in the line, too.
    pub async fn enter(self: &Arc<Self>, tenant: TenantId) -> Place {
        let waiting = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Place(Some(Arc::clone(self)));
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.push(tenant, 1, sender);
            receiver
        };
        // The sender lies in the line until it is used, and the line lives as long as `self`.
        waiting.await.unwrap_or(Place(None))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(mut turnstile) = self.0.take() else { return };
        loop {
            let next = {
                let mut state = turnstile.lock();
                let next = state.waiting.pop();
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Place(Some(turnstile))) {
                Ok(()) => return,
                // It does not wait any more: the place is the next one's.
                Err(mut place) => match place.0.take() {
                    Some(back) => turnstile = back,
                    None => return,
                },
            }
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
        let turnstile = Turnstile::new(1);
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
        let turnstile = Turnstile::new(2);
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
}
