//! A node is cut off from PostgreSQL, from NATS or from everything, and nothing tells anybody: connections stay open, new
//! ones get no answer. It must notice by time alone, give up what it owns before others may claim it, and come back by
//! itself once it is reached again.

use crate::{
    common::postgres::{self, Setup},
    faults::{CROWD, STOPPED},
    gate::{Gate, Target},
    net::{NETWORK, Net, Way},
    suite::{Seen, tell},
    support::{
        graph::Graph,
        nats::{self, NatsServer},
        server::Server,
        wait::until,
    },
    town::{Engines, Town, times},
};
use std::{net::Ipv4Addr, time::Duration};
use tokio::time::{Instant, sleep};

/// What a node says when it was without the database for too long.
const GIVEN_UP: &str = "everything is given up until the database answers";

/// What is cut, each time something else.
const KINDS: [&[Way]; 3] = [&Way::ALL, &[Way::Postgres], &[Way::Nats]];

// req: S3-JOB-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_cables_are_pulled_is_replaced_and_comes_back() {
    if let Some(seen) = cables().await {
        tell("pulled cables", &seen);
    }
}

/// As above, without privileges.
// req: S3-JOB-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_connections_fall_silent_is_replaced_and_comes_back() {
    tell("silent connections", &silence().await);
}

/// Cuts one node off again and again.
async fn cut_off(town: &Town, cut: impl Fn(usize, Way), heal: impl Fn(usize, Way)) -> Vec<Duration> {
    let mut took = Vec::new();
    for round in 0..times() as usize {
        let (victim, ways) = ((round + 1) % town.nodes.len(), KINDS[round % KINDS.len()]);
        town.goes_on(15).await;
        let before = given_up(&town.nodes[victim]);
        let begun = Instant::now();
        ways.iter().for_each(|way| cut(victim, *way));
        took.push(town.taken_over(victim).await);
        eprintln!("node {victim} without {ways:?}: replaced after {:?}", begun.elapsed());
        if ways.contains(&Way::Postgres) {
            let now = given_up(&town.nodes[victim]);
            assert_eq!(now, before + 1, "the others own what it had before it gave that up");
        }
        // Whoever cannot accept anything must not be sent anything: a balancer asks this.
        until("it is not ready", async || (!town.nodes[victim].api.is_up().await).then_some(())).await;
        // The others go on, and the one that is cut off learns what that is like.
        town.goes_on(15).await;
        sleep(STOPPED.saturating_sub(begun.elapsed())).await;
        ways.iter().for_each(|way| heal(victim, *way));
        town.shared().await;
        until("it is ready", async || town.nodes[victim].api.is_up().await.then_some(())).await;
        eprintln!("node {victim} is back after {:?}", begun.elapsed());
    }
    took
}

fn given_up(node: &Server) -> usize {
    node.log().matches(GIVEN_UP).count()
}

pub async fn cables() -> Option<Seen> {
    const NODES: usize = 3;
    let net = Net::lay(NODES)?;
    let listen = Some((net.engine(Way::Postgres), NETWORK));
    let postgres = postgres::Server::start_as(Setup { listen, ..Setup::default() });
    let nats = nats::Setup { host: net.engine(Way::Nats), ..nats::Setup::default() };
    let graph = Graph::start_at(net.engine(Way::World)).await;
    let engines = Engines::of(postgres, NatsServer::start_as(nats).await, graph);
    let vectors = Gate::start(net.engine(Way::World), tcp(&engines.qdrant.url())).await;
    let (database, vectors) = (engines.network_url(), format!("http://{}:{}", net.engine(Way::World), vectors.port()));
    let town = Town::of(engines, NODES, |node, place| {
        place
            .by(&net.on(node).each_ref().map(String::as_str))
            .with("COLLOQUY_HOST", &net.node(node, Way::World).to_string())
            .with("DATABASE_URL", &database)
            .with("QDRANT_URL", &vectors)
    })
    .await;
    let senders = town.senders(CROWD);
    let took = cut_off(&town, |node, way| net.cut(node, way), |node, way| net.heal(node, way)).await;
    Some(town.check("pulled cables", senders, CROWD).await.of(times(), took))
}

/// One node's ways.
struct Ways {
    postgres: Gate,
    nats: Gate,
}

impl Ways {
    fn of(&self, way: Way) -> Option<&Gate> {
        match way {
            Way::Postgres => Some(&self.postgres),
            Way::Nats => Some(&self.nats),
            Way::World => None,
        }
    }
}

pub async fn silence() -> Seen {
    const NODES: usize = 3;
    let engines = Engines::start().await;
    let mut ways = Vec::new();
    for _ in 0..NODES {
        let socket = Target::Unix(engines.postgres.socket().join(".s.PGSQL.5432"));
        let postgres = Gate::start(Ipv4Addr::LOCALHOST, socket).await;
        let nats = Gate::start(Ipv4Addr::LOCALHOST, tcp(&engines.nats.url())).await;
        ways.push(Ways { postgres, nats });
    }
    let name = engines.database().to_owned();
    let town = Town::of(engines, NODES, |node, place| {
        let Ways { postgres, nats } = &ways[node];
        place
            .with("DATABASE_URL", &format!("postgres://colloquy@127.0.0.1:{}/{name}", postgres.port()))
            .with("NATS_URL", &format!("nats://127.0.0.1:{}", nats.port()))
    })
    .await;
    let senders = town.senders(CROWD);
    let cut = |node: usize, way| ways[node].of(way).into_iter().for_each(Gate::cut);
    let heal = |node: usize, way| {
        if let Some(gate) = ways[node].of(way) {
            assert!(gate.held() > 0, "nothing was sent while the way was cut: this proves nothing");
            gate.heal();
        }
    };
    let took = cut_off(&town, cut, heal).await;
    town.check("silent connections", senders, CROWD).await.of(times(), took)
}

fn tcp(url: &str) -> Target {
    let address = url.rsplit('/').next().expect("an address");
    Target::Tcp(address.parse().unwrap())
}
