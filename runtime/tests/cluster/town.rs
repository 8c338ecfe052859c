//! The engines and the nodes of one cluster, each started by the test and gone with it.

use crate::{
    postgres,
    support::{
        client::Client,
        graph::{Fault, Graph},
        history::check,
        meta,
        nats::NatsServer,
        server::{Place, Server},
        traffic::{Crowd, Senders, Stage, setting},
        wait::{until, within},
    },
};
use colloquy_rag::testkit::{Standin, StandinOptions};
use rand::RngExt;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::time::Instant;

/// All partitions of an installation.
const PARTITIONS: u64 = 256;
const SECRET_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// What is left after the last fault is done within this.
const SETTLED: Duration = Duration::from_secs(180);
/// Something is delivered within this, whatever was broken.
const TAKEN: Duration = Duration::from_secs(45);

pub struct Town {
    pub postgres: postgres::Server,
    pub nats: NatsServer,
    _qdrant: (Standin, TempDir),
    pub graph: Graph,
    pub nodes: Vec<Server>,
    pub stage: Arc<Stage>,
    pub seed: u64,
}

impl Town {
    /// Engines, and nodes that share all partitions, with an agent that repeats what it is told.
    pub async fn start(nodes: usize) -> Self {
        let seed = setting("COLLOQUY_TEST_SEED").unwrap_or_else(|| rand::rng().random());
        eprintln!("COLLOQUY_TEST_SEED={seed}");
        let postgres = postgres::Server::start();
        let database = postgres.url(&postgres.database());
        // Acknowledged is on the disk.
        let nats = NatsServer::start().await;
        let folder = tempfile::tempdir().unwrap();
        let qdrant = Standin::start(folder.path(), StandinOptions::default()).unwrap();
        let mut all: Vec<Server> = Vec::new();
        for n in 0..nodes {
            let place = Place::default()
                .with("DATABASE_URL", &database)
                .with("NATS_URL", &nats.url())
                .with("QDRANT_URL", &qdrant.url())
                .with("COLLOQUY_SECRET_KEY", SECRET_KEY)
                .with("COLLOQUY_NODE_NAME", &format!("node-{n}"));
            all.push(Server::start_on(place).await);
        }
        let graph = Graph::start().await;
        // A provider that takes its time is more often caught in the middle.
        graph.always(Fault::Slow(Duration::from_millis(15)));
        all[0].api.agent("Echo", "scripted", &[]).await;
        let channel = meta::connect_whatsapp(&all[0].api, "Echo", &graph.url).await;
        let stage = Stage::new(all.iter().map(|n| n.api.clone()).collect(), channel);
        let town = Self { postgres, nats, _qdrant: (qdrant, folder), graph, nodes: all, stage, seed };
        town.shared().await;
        town
    }

    /// Waits until the nodes that run own everything, and each of them its share.
    pub async fn shared(&self) {
        until("everything is owned, and shared", async || {
            let mut owned = Vec::new();
            for node in self.nodes.iter().filter(|n| n.is_running()) {
                owned.push(owned_by(&node.api).await?);
            }
            (owned.iter().sum::<u64>() == PARTITIONS && owned.iter().all(|o| *o > 0)).then_some(())
        })
        .await;
    }

    /// How long it takes from now until nodes other than this one own everything.
    pub async fn taken_over(&self, from: usize) -> Duration {
        let begun = Instant::now();
        until("the others have taken over", async || {
            let mut owned = 0;
            for (n, node) in self.nodes.iter().enumerate() {
                if n != from && node.is_running() {
                    owned += owned_by(&node.api).await?;
                }
            }
            (owned == PARTITIONS).then_some(())
        })
        .await;
        begun.elapsed()
    }

    /// Starts the node again.
    pub async fn restart(&mut self, node: usize) {
        self.nodes[node].restart().await;
        self.stage.moved(node, &self.nodes[node].api);
    }

    pub fn senders(&self, crowd: Crowd) -> Senders {
        Senders::start(&self.stage, crowd, self.seed)
    }

    /// Lets what is under way come to its end and holds everything against what must be true of it.
    pub async fn check(&self, name: &str, senders: Senders, crowd: Crowd) {
        self.stage.end();
        let accepted = senders.accepted().await;
        self.nodes[0].idle(SETTLED).await;
        let (found, _) = check(name, &self.nodes[0].api, &self.graph, &accepted, crowd.people).await;
        assert_eq!(found.conversations as u64, crowd.people + crowd.visitors);
    }

    /// Writes that the database refused because their node did not own the partition any more, over all nodes.
    pub async fn fenced(&self) -> u64 {
        let mut fenced = 0;
        for node in &self.nodes {
            fenced += detailed(&node.api).await.map_or(0, |h| h["cluster"]["fenced_writes"].as_u64().unwrap());
        }
        fenced
    }

    /// Waits until this many more messages were delivered.
    pub async fn goes_on(&self, more: usize) {
        let goal = self.graph.sent().len() + more;
        within(TAKEN, "replies are delivered", async || (self.graph.sent().len() >= goal).then_some(())).await;
    }
}

/// How often each fault comes.
pub fn times() -> u64 {
    setting("COLLOQUY_TEST_KILLS").unwrap_or(3)
}

pub async fn detailed(api: &Client) -> Option<Value> {
    let answer = api.attempt(api.request(reqwest::Method::GET, "/health/detailed")).await.ok()?;
    answer.status.is_success().then_some(answer.body)
}

/// Partitions that the node owns.
pub async fn owned_by(api: &Client) -> Option<u64> {
    detailed(api).await?["cluster"]["owned_partitions"].as_u64()
}

/// The middle and the worst.
pub fn told(name: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let worst = *times.last().expect("it happened");
    eprintln!("{name}: {} times, median {:?}, worst {worst:?}", times.len(), times[times.len() / 2]);
    worst
}
