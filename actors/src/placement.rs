//! This node's place in the cluster: heartbeats, claims, and letting go. An installation of one node has none of it.

use crate::{channels, cluster::Cluster, ingestion, node::Shared, router};
use colloquy_domain::{
    placement::{Beat, Epoch, LEASE, Ownership, Partition, Plan, plan},
    ports::{Signal, StoreError},
};
use futures::FutureExt;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, async_trait};
use std::{
    collections::BTreeSet,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, time::Instant};

/// How often a node says that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// A node that could not say so for this long stops what it runs, before another one may claim it.
const SILENT: Duration = Duration::from_secs(LEASE.as_secs() - 2);
/// A node that cannot reach the others, nor the log, for this long lets those work that can: longer than NATS takes to
/// start again.
const CUT_OFF: Duration = Duration::from_secs(5);
/// How long the database may take to answer a heartbeat.
const ANSWER: Duration = Duration::from_secs(3);
/// How long letting go waits for batches of the log that are being moved.
const MOVED: Duration = Duration::from_secs(2);
/// How often what is pending is looked at without being told: signals between nodes may get lost.
const LOOK: Duration = Duration::from_secs(5);

struct Placement;

pub enum Msg {
    /// Say that we live, and do what follows from what the database tells.
    Beat,
    /// Look at what is pending.
    Look,
    /// These were claimed; fewer than were wanted, perhaps none.
    Claimed(Vec<(Partition, Epoch)>),
    /// The actors of these partitions have stopped.
    Stopped(Vec<Partition>),
    /// These are nobody's now, or could not be made so.
    Released(Vec<Partition>),
    /// Let go of everything and claim nothing more; tells when nothing is ours.
    Drain(oneshot::Sender<()>),
}

struct State {
    shared: Arc<Shared>,
    cluster: Cluster,
    /// The last heartbeat that arrived.
    heard: Instant,
    /// A claim is under way. It may wait for writes of the last owner, and heartbeats must not wait with it.
    claiming: bool,
    /// Let go of, and perhaps still ours as far as the database knows.
    releasing: BTreeSet<Partition>,
    /// The last time when the others could be told something.
    reached: Instant,
    /// That was too long ago.
    cut_off: bool,
    draining: Option<oneshot::Sender<()>>,
    leaving: bool,
}

pub async fn start(shared: Arc<Shared>, parent: ActorCell) -> Result<ActorCell, ActorProcessingErr> {
    let slot = shared.placement.clone();
    let (actor, _) = Actor::spawn_linked(None, Placement, shared, parent).await?;
    slot.fill(actor.clone());
    Ok(actor.get_cell())
}

#[async_trait]
impl Actor for Placement {
    type Msg = Msg;
    /// `None`: there is no cluster to have a place in.
    type State = Option<State>;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<Msg>, shared: Arc<Shared>) -> Result<Option<State>, ActorProcessingErr> {
        let Some(cluster) = shared.ports.cluster.clone() else { return Ok(None) };
        myself.send_message(Msg::Beat)?;
        myself.send_interval(BEAT, || Msg::Beat);
        myself.send_interval(LOOK, || Msg::Look);
        let (heard, reached) = (Instant::now(), Instant::now());
        let (claiming, releasing) = (false, BTreeSet::new());
        let (cut_off, leaving) = (false, false);
        Ok(Some(State { shared, cluster, heard, claiming, releasing, reached, cut_off, draining: None, leaving }))
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg>,
        msg: Msg,
        state: &mut Option<State>,
    ) -> Result<(), ActorProcessingErr> {
        let Some(state) = state else { return Ok(()) };
        match msg {
            Msg::Beat => state.beat(&myself).await,
            Msg::Look => state.look(),
            Msg::Claimed(claimed) => state.claimed(&myself, claimed),
            Msg::Stopped(partitions) => state.release(&myself, partitions),
            Msg::Released(partitions) => {
                state.releasing.retain(|p| !partitions.contains(p));
                state.drained().await;
                state.shared.tell_others(Signal::Released);
            }
            Msg::Drain(done) => {
                state.leaving = true;
                state.draining = Some(done);
                state.beat(&myself).await;
                let all: Vec<Partition> = Partition::all().filter(|p| state.ownership().owns(*p)).collect();
                state.let_go(&myself, all);
                state.drained().await;
            }
        }
        Ok(())
    }
}

/// What is asked aside must come back: a claim that was never heard of again would be the last one.
async fn unpanicked<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let panicked = |_| Err(StoreError::Broken("the store panicked".to_owned()));
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked)
}

impl State {
    fn ownership(&self) -> &Ownership {
        &self.shared.ports.ownership
    }

    async fn beat(&mut self, myself: &ActorRef<Msg>) {
        if self.leaving && self.draining.is_none() {
            // It has left: a heartbeat would bring its session back.
            return;
        }
        let Cluster { node, name, placement, .. } = self.cluster.clone();
        let asked = Instant::now();
        // What comes too late to keep anything is not waited for.
        let left = SILENT.saturating_sub(self.heard.elapsed());
        let patience = if left.is_zero() { ANSWER } else { ANSWER.min(left) };
        let unfit = self.leaving || self.is_cut_off();
        let answer = tokio::time::timeout(patience, placement.beat(node, &name, unfit)).await;
        match answer.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".to_owned()))) {
            Ok(beat) => {
                // From before the question: the database's answer may have taken its time.
                self.heard = asked;
                self.follow(myself, &beat).await;
            }
            Err(e) => self.unheard(&e),
        }
    }

    /// Whether this node has been without the others and the log for too long.
    fn is_cut_off(&mut self) -> bool {
        if self.cluster.relay.is_up() {
            self.reached = Instant::now();
        }
        let cut_off = self.reached.elapsed() >= CUT_OFF;
        if cut_off && !self.cut_off {
            tracing::warn!("no way to the log: nodes that have one may take over");
        }
        self.cut_off = cut_off;
        cut_off
    }

    /// Whoever cannot reach the database must expect to be replaced.
    fn unheard(&self, error: &StoreError) {
        let silent = self.heard.elapsed();
        tracing::warn!(error = %error, silent.ms = silent.as_millis(), "heartbeat failed");
        if silent < SILENT {
            return;
        }
        let lost = Partition::all().filter(|p| self.ownership().lost(*p)).count();
        if lost > 0 {
            tracing::error!(
                partitions = lost,
                "silent for too long: everything is given up until the database answers"
            );
            self.stop_actors();
        }
    }

    async fn follow(&mut self, myself: &ActorRef<Msg>, beat: &Beat) {
        *self.shared.members.write().unwrap_or_else(PoisonError::into_inner) = Some(beat.clone());
        let me = self.cluster.node;
        let mut lost = 0;
        let mut gained = Vec::new();
        for (partition, claim) in Partition::all().zip(&beat.claims) {
            let ours = self.ownership().epoch(partition);
            if claim.owner == Some(me) {
                // Known already, or given up while the database was silent and never claimed by anybody else.
                if ours.is_none() && !self.leaving && !self.releasing.contains(&partition) {
                    gained.push((partition, claim.epoch));
                }
            } else if ours.is_some_and(|epoch| epoch < claim.epoch) && self.ownership().lost(partition) {
                lost += 1;
            }
        }
        if lost > 0 {
            tracing::warn!(partitions = lost, "other nodes claimed what was ours");
            self.stop_actors();
        }
        let Plan { claim, hand_over } = plan(me, beat);
        self.claim(myself, claim);
        self.take_up(&gained);
        let hand_over = hand_over.into_iter().filter(|p| self.ownership().owns(*p)).collect();
        self.let_go(myself, hand_over);
    }

    fn claim(&mut self, myself: &ActorRef<Msg>, wanted: Vec<(Partition, Epoch)>) {
        if wanted.is_empty() || self.leaving || self.claiming {
            return;
        }
        self.claiming = true;
        let (Cluster { node, placement, .. }, myself) = (self.cluster.clone(), myself.clone());
        tokio::spawn(async move {
            let claimed = unpanicked(placement.claim(node, wanted)).await.unwrap_or_else(|e| {
                tracing::warn!(error = %e, "partitions not claimed");
                Vec::new()
            });
            // Gone meanwhile: the next heartbeat finds them ours.
            let _ = myself.send_message(Msg::Claimed(claimed));
        });
    }

    fn claimed(&mut self, myself: &ActorRef<Msg>, claimed: Vec<(Partition, Epoch)>) {
        self.claiming = false;
        if self.leaving {
            self.release(myself, claimed.into_iter().map(|(partition, _)| partition).collect());
        } else {
            self.take_up(&claimed);
        }
    }

    fn take_up(&self, gained: &[(Partition, Epoch)]) {
        if gained.is_empty() {
            return;
        }
        for (partition, epoch) in gained {
            self.ownership().claimed(*partition, *epoch);
        }
        tracing::info!(partitions = gained.len(), owned = self.ownership().count(), "partitions claimed");
        self.look();
        self.shared.channels.tell(channels::Msg::StartAll);
    }

    /// What is durable and ours goes on, whether anybody told us of it or not.
    fn look(&self) {
        self.shared.router.tell(router::Msg::Recover(None));
        self.shared.channels.tell(channels::Msg::WakeAll);
        self.shared.ingestion.tell(ingestion::Msg::Wake);
    }

    /// Stops what runs in partitions that are not ours any more; nobody waits for it.
    fn stop_actors(&self) {
        let (done, _) = oneshot::channel();
        self.shared.router.tell(router::Msg::Release(done));
        let (done, _) = oneshot::channel();
        self.shared.channels.tell(channels::Msg::Release(done));
    }

    /// Begins to let go: the actors stop, then the partitions are released.
    fn let_go(&self, myself: &ActorRef<Msg>, partitions: Vec<Partition>) {
        if partitions.is_empty() {
            return;
        }
        partitions.iter().for_each(|p| self.ownership().closing(*p));
        let (conversations, their_end) = oneshot::channel();
        let (accounts, whose_end) = oneshot::channel();
        self.shared.router.tell(router::Msg::Release(conversations));
        self.shared.channels.tell(channels::Msg::Release(accounts));
        let (shared, myself) = (Arc::clone(&self.shared), myself.clone());
        tokio::spawn(async move {
            // An error: there is no such actor now, so nothing runs.
            let _ = tokio::join!(their_end, whose_end);
            // Batches of the log that are under way come to their end, too; one that waits for the log for long is refused.
            let _ = tokio::time::timeout(MOVED, shared.moving.write()).await;
            let _ = myself.send_message(Msg::Stopped(partitions));
        });
    }

    /// In the background, because heartbeats must not wait for a claim that is under way.
    fn release(&mut self, myself: &ActorRef<Msg>, partitions: Vec<Partition>) {
        let count = partitions.iter().filter(|p| self.ownership().lost(**p)).count();
        self.releasing.extend(&partitions);
        let (Cluster { node, placement, .. }, myself) = (self.cluster.clone(), myself.clone());
        let owned = self.ownership().count();
        tokio::spawn(async move {
            match unpanicked(placement.release(node, partitions.clone())).await {
                Ok(()) => tracing::info!(partitions = count, owned, "partitions let go of"),
                // The next heartbeat finds them ours, takes them up and lets go again; a node that ends is found silent.
                Err(e) => tracing::warn!(error = %e, "partitions not released"),
            }
            // Gone meanwhile: whoever comes next has forgotten all of it.
            let _ = myself.send_message(Msg::Released(partitions));
        });
    }

    /// Leaves the cluster if that was wanted and nothing is left.
    async fn drained(&mut self) {
        if self.ownership().count() > 0 || !self.releasing.is_empty() {
            return;
        }
        let Some(done) = self.draining.take() else { return };
        if let Err(e) = self.cluster.placement.leave(self.cluster.node).await {
            tracing::warn!(error = %e, "session not ended; the others will find this node silent");
        }
        // Whoever drains may have gone on without us.
        let _ = done.send(());
    }
}
