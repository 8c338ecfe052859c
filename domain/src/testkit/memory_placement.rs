//! Where nodes meet, in memory: the reference for the databases' implementations.

use crate::{
    placement::{Beat, Claim, Epoch, LEASE, NodeId, NodeSession, PARTITIONS, Partition},
    ports::{Clock, PlacementStore, StoreError},
    time::Timestamp,
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Sessions that were silent for longer are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

pub struct MemoryPlacement {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    sessions: BTreeMap<NodeId, Session>,
    claims: Vec<Claim>,
}

struct Session {
    name: String,
    heard: Timestamp,
    draining: bool,
}

impl MemoryPlacement {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let claims = vec![Claim { owner: None, epoch: 0 }; PARTITIONS];
        Self { clock, state: Mutex::new(State { sessions: BTreeMap::new(), claims }) }
    }

    /// Who owns each partition.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        self.state().claims.clone()
    }

    /// Who owns this one.
    #[must_use]
    pub fn claim_of(&self, partition: Partition) -> Claim {
        self.state().claims[partition.index()]
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PlacementStore for MemoryPlacement {
    async fn beat(&self, node: NodeId, name: &str, draining: bool) -> Result<Beat, StoreError> {
        let (now, mut state) = (self.clock.now(), self.state());
        state.sessions.retain(|_, s| now.since(s.heard) < FORGOTTEN);
        state.sessions.insert(node, Session { name: name.to_owned(), heard: now, draining });
        let session = |(node, s): (&NodeId, &Session)| NodeSession {
            node: *node,
            name: s.name.clone(),
            silent: now.since(s.heard),
            draining: s.draining,
        };
        Ok(Beat { sessions: state.sessions.iter().map(session).collect(), claims: state.claims.clone() })
    }

    async fn claim(
        &self,
        node: NodeId,
        partitions: Vec<(Partition, Epoch)>,
    ) -> Result<Vec<(Partition, Epoch)>, StoreError> {
        let (now, mut state) = (self.clock.now(), self.state());
        let State { sessions, claims } = &mut *state;
        let alive = |owner: NodeId| sessions.get(&owner).is_some_and(|s| now.since(s.heard) < LEASE);
        let mut claimed = Vec::new();
        for (partition, epoch) in partitions {
            let claim = &mut claims[partition.index()];
            if claim.epoch == epoch && !claim.owner.is_some_and(alive) {
                *claim = Claim { owner: Some(node), epoch: epoch + 1 };
                claimed.push((partition, epoch + 1));
            }
        }
        Ok(claimed)
    }

    async fn release(&self, node: NodeId, partitions: Vec<Partition>) -> Result<(), StoreError> {
        let mut state = self.state();
        for partition in partitions {
            let claim = &mut state.claims[partition.index()];
            if claim.owner == Some(node) {
                claim.owner = None;
            }
        }
        Ok(())
    }

    async fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        self.release(node, Partition::all().collect()).await?;
        self.state().sessions.remove(&node);
        Ok(())
    }
}
