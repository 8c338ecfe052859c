//! Several nodes over one store: who runs what, and how it goes from one to another.

use super::world::{World, until};
use async_trait::async_trait;
use colloquy_actors::{Cluster, Node, node::NodeHandle};
use colloquy_domain::{
    message::Outcome,
    placement::{Beat, Epoch, NodeId, Ownership, PARTITIONS, Partition},
    ports::{PlacementStore, Relay, Signal, StoreError},
    testkit::MemoryPlacement,
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// How late a heartbeat is answered at worst.
const SLOW: Duration = Duration::from_millis(2900);

/// Carries signals between the nodes of one test, later and in any order, as a network does.
#[derive(Default)]
struct Switchboard(Mutex<Vec<(NodeId, NodeHandle)>>);

struct Line(NodeId, Arc<Switchboard>, Arc<Ways>);

impl Relay for Line {
    fn is_up(&self) -> bool {
        !self.2.log_cut.load(Ordering::Relaxed)
    }

    fn tell(&self, signal: Signal) {
        let others: Vec<NodeHandle> =
            self.1.0.lock().expect("lines").iter().filter(|(id, _)| *id != self.0).map(|(_, h)| h.clone()).collect();
        for other in others {
            let signal = signal.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                other.receive(signal).await;
            });
        }
    }
}

/// What is wrong with a node's ways.
#[derive(Default)]
struct Ways {
    database_cut: AtomicBool,
    /// Heartbeats are answered late, and when the way is cut, nothing says so.
    database_slow: AtomicBool,
    log_cut: AtomicBool,
}

/// A node's way to the database.
struct Way {
    to: Arc<MemoryPlacement>,
    ways: Arc<Ways>,
}

impl Way {
    async fn open(&self) -> Result<&MemoryPlacement, StoreError> {
        let slow = self.ways.database_slow.load(Ordering::Relaxed);
        match self.ways.database_cut.load(Ordering::Relaxed) {
            true if slow => std::future::pending().await,
            true => Err(StoreError::Unavailable("cut".into())),
            false => Ok(&self.to),
        }
    }
}

#[async_trait]
impl PlacementStore for Way {
    async fn beat(&self, node: NodeId, name: &str, draining: bool) -> Result<Beat, StoreError> {
        let beat = self.open().await?.beat(node, name, draining).await;
        if self.ways.database_slow.load(Ordering::Relaxed) {
            tokio::time::sleep(SLOW).await;
        }
        beat
    }
    async fn claim(&self, node: NodeId, p: Vec<(Partition, Epoch)>) -> Result<Vec<(Partition, Epoch)>, StoreError> {
        self.open().await?.claim(node, p).await
    }
    async fn release(&self, node: NodeId, p: Vec<Partition>) -> Result<(), StoreError> {
        self.open().await?.release(node, p).await
    }
    async fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        self.open().await?.leave(node).await
    }
}

struct Town {
    world: World,
    placement: Arc<MemoryPlacement>,
    board: Arc<Switchboard>,
}

impl Town {
    fn new() -> Self {
        let world = World::new();
        let placement = Arc::new(MemoryPlacement::new(world.clock.clone()));
        Self { world, placement, board: Arc::default() }
    }

    async fn join(&mut self, n: u128) -> (Node, Arc<Ways>) {
        let (node, ways) = (NodeId(Uuid::from_u128(n)), Arc::<Ways>::default());
        let cluster = Cluster {
            node,
            name: n.to_string(),
            placement: Arc::new(Way { to: self.placement.clone(), ways: ways.clone() }),
            relay: Arc::new(Line(node, self.board.clone(), ways.clone())),
        };
        let started = self.world.start_as(Ownership::nothing(), Some(cluster)).await;
        self.board.0.lock().expect("lines").push((node, started.handle()));
        (started, ways)
    }

    /// One more message from each of some peers, all answered.
    async fn round(&self, round: u32) {
        let peers: Vec<String> = (0..40).map(|n| format!("peer-{n}")).collect();
        for peer in &peers {
            self.world.say(peer, &format!("{peer}-{round}"), &round.to_string()).await;
        }
        until("all are answered", || {
            peers.iter().all(|p| {
                let outcomes = self.world.outcomes(p);
                outcomes.len() as u32 == round + 1
                    && outcomes.iter().all(|o| matches!(o, Some(Outcome::Answered { .. })))
            })
        })
        .await;
        until("all are delivered", || self.world.sent().len() as u32 == 40 * (round + 1)).await;
    }

    fn owners(&self) -> Vec<Option<NodeId>> {
        self.placement.claims().iter().map(|c| c.owner).collect()
    }

    fn in_order(&self) {
        for n in 0..40 {
            let peer = format!("peer-{n}");
            let texts: Vec<String> =
                self.world.sent().into_iter().filter(|(p, _)| *p == peer).map(|(_, t)| t).collect();
            let expected: Vec<String> = (0..texts.len()).map(|r| format!("re: {r}")).collect();
            assert_eq!(texts, expected, "{peer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_joins_takes_its_share_and_one_that_drains_gives_it_back() {
    let mut town = Town::new();
    let (first, _) = town.join(1).await;
    until("the first owns everything", || first.handle().owned_partitions() == PARTITIONS).await;
    town.round(0).await;
    let (second, _) = town.join(2).await;
    until("they share", || {
        let shares = [first.handle().owned_partitions(), second.handle().owned_partitions()];
        shares.iter().all(|s| *s > 60) && shares.iter().sum::<usize>() == PARTITIONS
    })
    .await;
    town.round(1).await;
    let active = [first.handle().active_conversations(), second.handle().active_conversations()];
    assert!(active.iter().all(|a| *a > 0), "conversations are spread: {active:?}");

    let before = tokio::time::Instant::now();
    first.drain().await;
    assert_eq!(first.handle().owned_partitions(), 0);
    until("the second has everything", || second.handle().owned_partitions() == PARTITIONS).await;
    assert!(before.elapsed() < Duration::from_secs(1), "a drained node's successor is woken");
    first.stop().await;
    town.round(2).await;
    town.in_order();
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_loses_the_database_gives_up_before_another_takes_over() {
    gives_up_in_time(false).await;
}

/// Its last heartbeat was long on its way already, and nothing tells that the next ones will not come through.
#[tokio::test(start_paused = true)]
async fn a_node_whose_database_falls_silent_gives_up_before_another_takes_over() {
    gives_up_in_time(true).await;
}

async fn gives_up_in_time(silently: bool) {
    let mut town = Town::new();
    let (first, ways) = town.join(1).await;
    let (second, _) = town.join(2).await;
    let total = || first.handle().owned_partitions() + second.handle().owned_partitions();
    until("they share", || total() == PARTITIONS && second.handle().owned_partitions() > 60).await;
    town.round(0).await;
    ways.database_slow.store(silently, Ordering::Relaxed);
    tokio::time::sleep(SLOW * 2).await;
    ways.database_cut.store(true, Ordering::Relaxed);
    let before = tokio::time::Instant::now();
    until("the second has everything", || {
        assert!(total() <= PARTITIONS, "never two owners");
        second.handle().owned_partitions() == PARTITIONS
    })
    .await;
    assert!(before.elapsed() < Duration::from_secs(12), "{:?}", before.elapsed());
    assert_eq!(first.handle().owned_partitions(), 0);
    town.round(1).await;
    ways.database_cut.store(false, Ordering::Relaxed);
    ways.database_slow.store(false, Ordering::Relaxed);
    until("the first has its share again", || first.handle().owned_partitions() > 60 && total() == PARTITIONS).await;
    town.round(2).await;
    town.in_order();
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_without_the_log_hands_over_for_as_long_as_another_has_it() {
    let mut town = Town::new();
    let (first, ways) = town.join(1).await;
    let (second, others) = town.join(2).await;
    let shares = || [first.handle().owned_partitions(), second.handle().owned_partitions()];
    let shared = || shares().iter().all(|s| *s > 60) && shares().iter().sum::<usize>() == PARTITIONS;
    until("they share", shared).await;
    town.round(0).await;
    ways.log_cut.store(true, Ordering::Relaxed);
    until("the second has everything", || shares() == [0, PARTITIONS]).await;
    town.round(1).await;
    others.log_cut.store(true, Ordering::Relaxed);
    until("without the log they share what is left to do", shared).await;
    ways.log_cut.store(false, Ordering::Relaxed);
    until("the first has everything", || shares() == [PARTITIONS, 0]).await;
    others.log_cut.store(false, Ordering::Relaxed);
    until("they share again", shared).await;
    town.round(2).await;
    town.in_order();
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn signals_that_get_lost_only_cost_time() {
    let mut town = Town::new();
    let (first, _) = town.join(1).await;
    let (second, _) = town.join(2).await;
    until("they share", || second.handle().owned_partitions() > 60).await;
    // From now on nobody hears anybody.
    town.board.0.lock().expect("lines").clear();
    town.round(0).await;
    town.round(1).await;
    town.in_order();
    assert!(town.owners().iter().all(Option::is_some));
    first.stop().await;
    second.stop().await;
}
