//! How often who may ask: counted in memory, so that no request costs a write. Nodes tell each other what they counted
//! (`Signal::Counted`), a moment later.

use crate::{
    error::{ApiError, ApiResult},
    peer::Peer,
    state::Api,
};
use axum::{extract::FromRequestParts, http::request::Parts};
use colloquy_domain::{
    rate::{Caller, Quotas, Rate, Subject, Window},
    time::Timestamp,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Subjects in memory before the first look at which of them are over.
const SWEEP_FROM: usize = 1_024;

/// The counts of this node, with what others told.
pub struct Limits {
    quotas: Quotas,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    windows: HashMap<Subject, Window>,
    /// What other nodes have not been told; `None` where there are none.
    untold: Option<HashMap<Subject, u32>>,
    sweep_at: usize,
}

impl Limits {
    /// `shared`: other nodes want to be told, so somebody takes [`Limits::untold`] now and then.
    #[must_use]
    pub fn new(quotas: Quotas, shared: bool) -> Self {
        let counts = Counts { untold: shared.then(HashMap::new), sweep_at: SWEEP_FROM, ..Counts::default() };
        Self { quotas, counts: Mutex::new(counts) }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub fn take(&self, rate: Rate, caller: Caller, now: Timestamp) -> ApiResult<()> {
        let subject = Subject { rate, caller };
        let Some(quota) = self.quotas.of(subject) else { return Ok(()) };
        let mut counts = self.lock();
        counts.windows.entry(subject).or_default().take(quota, now).map_err(ApiError::too_many)?;
        if let Some(untold) = &mut counts.untold {
            *untold.entry(subject).or_default() += 1;
        }
        counts.sweep(&self.quotas, now);
        Ok(())
    }

    /// What was counted here since the last time.
    #[must_use]
    pub fn untold(&self) -> Vec<(Subject, u32)> {
        self.lock().untold.as_mut().map(|u| u.drain().collect()).unwrap_or_default()
    }

    /// Adds what another node counted.
    pub fn heard(&self, told: Vec<(Subject, u32)>, now: Timestamp) {
        let mut counts = self.lock();
        for (subject, count) in told {
            if let Some(quota) = self.quotas.of(subject) {
                counts.windows.entry(subject).or_default().add(quota, now, count);
            }
        }
        counts.sweep(&self.quotas, now);
    }
}

impl Counts {
    /// Forgets what is over, each time that twice as many are kept as were left.
    fn sweep(&mut self, quotas: &Quotas, now: Timestamp) {
        if self.windows.len() >= self.sweep_at {
            self.windows.retain(|subject, window| quotas.of(*subject).is_some_and(|q| !window.is_over(q, now)));
            self.sweep_at = SWEEP_FROM.max(self.windows.len() * 2);
        }
    }
}

/// Somebody without a credential, counted by their address.
pub struct Stranger;

impl FromRequestParts<Arc<Api>> for Stranger {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let Ok(Peer(address)) = Peer::from_request_parts(parts, api).await;
        api.limits.take(Rate::Api, Caller::from_address(address), api.clock.now())?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn person(n: u128) -> Caller {
        Caller::Person(Uuid::from_u128(n))
    }

    // req: S1-RL-1
    #[test]
    fn two_nodes_together_let_in_what_one_would() {
        let nodes = [(); 2].map(|()| Limits::new(Quotas::default(), true));
        let mut let_in = 0;
        for n in 0..300 {
            let (here, there) = (&nodes[n % 2], &nodes[1 - n % 2]);
            let_in += u32::from(here.take(Rate::Api, person(1), NOW).is_ok());
            there.heard(here.untold(), NOW);
        }
        assert_eq!(let_in, 100);
        assert!(nodes[0].take(Rate::Api, person(2), NOW).is_ok(), "another person");
        assert!(nodes[0].take(Rate::Upload, person(1), NOW).is_ok(), "uploads count by themselves");
    }

    #[test]
    fn callers_who_are_gone_are_forgotten() {
        let limits = Limits::new(Quotas::default(), false);
        for n in 0..5_000 {
            limits.take(Rate::Api, person(n), NOW + std::time::Duration::from_secs(u64::try_from(n).unwrap())).unwrap();
        }
        assert!(limits.lock().windows.len() < 2 * SWEEP_FROM);
        assert!(limits.untold().is_empty(), "nobody is told");
    }
}
