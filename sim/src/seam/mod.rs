//! The seams between a node and the world: every call passes its node's gate, may go wrong, and is written down. One
//! file for each kind of port; the ports themselves are the reference ones of the domain's test kit.

mod announce;
mod careless;
mod directory;
mod inbox;
mod knowledge;
mod log;
mod model;
mod outbox;
mod placement;
mod signals;
mod store;
mod tools;
mod transport;
mod wire;

pub use announce::Listener;
pub use careless::Careless;
pub use directory::Directory;
pub use knowledge::{Pipeline, Searches, Taken};
pub use model::SimModel;
pub use placement::Way;
pub use signals::{Line, Switchboard};
pub use tools::toolbox;
pub use transport::NodeTransport;
pub use wire::Wire;

use crate::{
    fault::{Fault, Kind, Site},
    gate::Gate,
    planted::Planted,
    world::Core,
};
use colloquy_domain::{
    ids::ConversationId,
    placement::{Claim, NodeId, Ownership, Partition},
    ports::StoreError,
};
use std::{future::Future, panic::resume_unwind, sync::Arc, time::Duration};

/// One life of one node, as the world sees it. Clones are the same life.
#[derive(Clone)]
pub struct Seam {
    pub core: Arc<Core>,
    /// Its name: the same in each life.
    pub name: Arc<str>,
    pub gate: Gate,
    /// `None` where there is no cluster.
    pub id: Option<NodeId>,
    pub ownership: Arc<Ownership>,
    pub taken: Taken,
    pub wire: Wire,
}

/// What a simulated panic carries; it is no defect and is not printed.
struct Planned;

impl Seam {
    /// A call of a store: the gate, the fault, the call.
    pub async fn call<T>(
        &self,
        site: Site,
        entity: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.gate.pass().await;
        let fault = self.fault(site, entity);
        self.struck(fault, work).await
    }

    /// A call of a store, struck by the fault.
    pub async fn struck<T>(
        &self,
        fault: Option<Fault>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Some(fault) = fault else { return work.await };
        match fault.kind {
            Kind::Fail => Err(StoreError::Unavailable("simulated".into())),
            Kind::Full => Err(StoreError::Full("simulated".into())),
            Kind::LostAnswer => {
                // Whatever came of it: whoever asked hears of a failure.
                let _ = work.await;
                Err(StoreError::Unavailable("simulated".into()))
            }
            Kind::Unknown if fault.coin => {
                let done = work.await;
                self.wait(fault).await;
                done
            }
            Kind::Unknown => {
                self.wait(fault).await;
                Err(StoreError::Unavailable("simulated".into()))
            }
            Kind::CrashAfter => {
                // Whatever came of it: nobody learns.
                let _ = work.await;
                self.die().await
            }
            _ => {
                self.before(fault).await;
                work.await
            }
        }
    }

    /// Whether something goes wrong here and now; written down.
    pub fn fault(&self, site: Site, entity: &str) -> Option<Fault> {
        let fault = self.core.faults.at(site, entity)?;
        self.note("fault", entity, format!("{site:?} {:?} {:?}", fault.kind, fault.lasts));
        Some(fault)
    }

    /// What can go wrong before anything was done, whatever it is.
    pub async fn before(&self, fault: Fault) {
        match fault.kind {
            Kind::Slow => self.wait(fault).await,
            Kind::Panic => resume_unwind(Box::new(Planned)),
            Kind::CrashBefore => self.die().await,
            _ => {}
        }
    }

    /// The time that the fault takes; the node may be paused or dead after it.
    pub async fn wait(&self, fault: Fault) {
        tokio::time::sleep(fault.lasts).await;
        self.gate.pass().await;
    }

    /// Nothing of the node goes on for this long; it does not know of it.
    pub fn stand_still(&self, lasts: Duration) {
        self.note("node", "", format!("stands still for {lasts:?}"));
        self.gate.pause();
        let gate = self.gate.clone();
        tokio::spawn(async move {
            tokio::time::sleep(lasts).await;
            gate.resume();
        });
    }

    /// The node dies; its calls never return.
    pub async fn die<T>(&self) -> T {
        self.gate.kill();
        std::future::pending().await
    }

    /// Whether the node reaches neither the log nor the other nodes.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.wire.is_cut(self.core.clock.elapsed())
    }

    pub fn note(&self, what: &'static str, entity: &str, detail: impl Into<String>) {
        self.core.note(&self.name, what, entity, detail);
    }

    /// What conversations are called: `channel/peer`.
    pub fn called(&self, conversation: ConversationId) -> String {
        self.core.called(conversation)
    }

    /// Whether the database lets this node write there.
    pub fn may_write(&self, partition: impl Into<Partition>) -> bool {
        let Some(me) = self.id else { return true };
        let partition = partition.into();
        let Claim { owner, epoch } = self.core.placement.claim_of(partition);
        let mine = owner == Some(me) && self.ownership.epoch(partition) == Some(epoch);
        if !mine && self.core.has(Planted::DropFence) {
            return true;
        }
        if !mine {
            self.note("fenced", "", String::new());
        }
        mine
    }

    /// As the databases refuse.
    pub fn fenced(&self, partition: impl Into<Partition>) -> Result<(), StoreError> {
        if self.may_write(partition) { Ok(()) } else { Err(StoreError::Stale) }
    }
}
