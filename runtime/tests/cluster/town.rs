//! The engines and the nodes of one cluster, each started by the test and gone with it.

use crate::{
    common::postgres,
    suite::Seen,
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
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::Instant;

/// All partitions of an installation.
const PARTITIONS: u64 = 256;
const SECRET_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// What is left after the last fault is done within this.
const SETTLED: Duration = Duration::from_secs(180);
/// Something is delivered within this, whatever was broken.
const TAKEN: Duration = Duration::from_secs(45);

/// What nodes share.
pub struct Engines {
    pub postgres: postgres::Server,
    database: String,
    pub nats: NatsServer,
    pub qdrant: Standin,
    _vectors: TempDir,
    pub graph: Graph,
}

impl Engines {
    /// On this machine, where nobody else reaches them.
    pub async fn start() -> Self {
        // Acknowledged is on the disk.
        Self::of(postgres::Server::start(), NatsServer::start().await, Graph::start().await)
    }

    pub fn of(postgres: postgres::Server, nats: NatsServer, graph: Graph) -> Self {
        let (database, vectors) = (postgres.database(), tempfile::tempdir().unwrap());
        let qdrant = Standin::start(vectors.path(), StandinOptions::default()).unwrap();
        // A provider that takes its time is more often caught in the middle.
        graph.always(Fault::Slow(Duration::from_millis(15)));
        Self { postgres, database, nats, qdrant, _vectors: vectors, graph }
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// How nodes on other machines reach the database.
    pub fn network_url(&self) -> String {
        self.postgres.network_url(&self.database)
    }

    /// The place of a node on this machine.
    fn place(&self, node: usize) -> Place {
        Place::default()
            .with("DATABASE_URL", &self.postgres.url(&self.database))
            .with("NATS_URL", &self.nats.url())
            .with("QDRANT_URL", &self.qdrant.url())
            .with("COLLOQUY_SECRET_KEY", SECRET_KEY)
            .with("COLLOQUY_NODE_NAME", &format!("node-{node}"))
    }
}

pub struct Town {
    pub nodes: Vec<Server>,
    pub engines: Engines,
    pub stage: Arc<Stage>,
    pub seed: u64,
}

impl Town {
    /// Engines, and nodes that share all partitions, with an agent that repeats what it is told.
    pub async fn start(nodes: usize) -> Self {
        Self::of(Engines::start().await, nodes, |_, place| place).await
    }

    /// Nodes whose places `settle` has the last word about.
    pub async fn of(engines: Engines, nodes: usize, settle: impl Fn(usize, Place) -> Place) -> Self {
        let seed = setting("COLLOQUY_TEST_SEED").unwrap_or_else(|| rand::rng().random());
        eprintln!("COLLOQUY_TEST_SEED={seed}");
        let mut all: Vec<Server> = Vec::new();
        for n in 0..nodes {
            all.push(Server::start_on(settle(n, engines.place(n))).await);
        }
        all[0].api.agent("Echo", "scripted", &[]).await;
        let channel = meta::connect_whatsapp(&all[0].api, "Echo", &engines.graph.url).await;
        let stage = Stage::new(all.iter().map(|n| n.api.clone()).collect(), channel);
        let town = Self { nodes: all, engines, stage, seed };
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
    pub async fn check(&self, name: &str, senders: Senders, crowd: Crowd) -> Seen {
        let fenced = self.fenced().await;
        let checked = checked(name, &self.nodes[0], &self.engines.graph, &self.stage, senders, crowd).await;
        Seen { fenced, ..checked }
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
        goes_on(&self.engines.graph, more).await;
    }
}

/// Lets what is under way come to its end and holds everything against what must be true of it.
pub async fn checked(name: &str, node: &Server, graph: &Graph, stage: &Stage, senders: Senders, crowd: Crowd) -> Seen {
    stage.end();
    let accepted = senders.accepted().await;
    node.idle(SETTLED).await;
    let (found, delivered) = check(name, &node.api, graph, &accepted, crowd.people).await;
    assert_eq!(found.conversations as u64, crowd.people + crowd.visitors);
    assert_eq!(stage.for_ever.load(Ordering::Relaxed), 0, "whoever is put off with 503 is told until when");
    Seen {
        messages: accepted.texts.len(),
        repeated: accepted.duplicates,
        put_off: stage.put_off.load(Ordering::Relaxed),
        uncertain: delivered.uncertain,
        ..Seen::default()
    }
}

/// Waits until this many more messages were delivered.
pub async fn goes_on(graph: &Graph, more: usize) {
    let goal = graph.sent().len() + more;
    within(TAKEN, "replies are delivered", async || (graph.sent().len() >= goal).then_some(())).await;
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
