//! Disks that are full: what cannot be kept is not accepted, what was accepted is kept, and with room again it goes on.

use crate::{
    common::postgres::{self, Setup},
    faults::CROWD,
    suite::{Seen, tell},
    support::{
        disk::Disk,
        graph::{Fault, Graph},
        meta,
        nats::{self, NatsServer},
        server::{Place, Server},
        traffic::{Crowd, Senders, Stage, setting},
        wait::{until, within},
    },
    town::{Engines, Town, checked, detailed, goes_on, times},
};
use async_nats::jetstream;
use rand::RngExt;
use std::{process::Command, sync::atomic::Ordering, time::Duration};

/// In MiB: what a node has at first, and a little.
const NODE: u32 = 48;
/// What an empty database takes, its write-ahead log, and a little.
const POSTGRES: u32 = 160;
const NATS: u32 = 32;
/// Webhooks that are put off before there is room again.
const PUT_OFF: usize = 20;
/// How long a NATS server may need to find that there is room again.
const FOUND: Duration = Duration::from_secs(5);

const WRITERS: Crowd = Crowd { people: 10, visitors: 2, times: 1, pause: 900 };

// req: S2-WHK-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_disk_is_full_puts_off_what_it_cannot_keep() {
    if let Some(seen) = of_one_node().await {
        tell("one node's disk", &seen);
    }
}

/// Its log lies on the same disk.
pub async fn of_one_node() -> Option<Seen> {
    let disk = Disk::of(NODE)?;
    let place = Place::default().keeping(disk.path());
    Some(
        one_node(
            "one node's disk",
            place,
            async |_, stage| full_until_put_off(&disk, stage).await,
            |_| disk.make_room(),
        )
        .await,
    )
}

/// As above, without privileges: no file may grow beyond what a process is allowed, which SQLite sees as an error of the disk.
// req: S2-WHK-4
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_files_may_not_grow_puts_off_what_it_cannot_keep() {
    if let Some(seen) = of_files().await {
        tell("one node's files", &seen);
    }
}

pub async fn of_files() -> Option<Seen> {
    const ALLOWED: &str = "65536";
    if Command::new("prlimit").output().is_err() {
        eprintln!("SKIPPED: `prlimit` (of util-linux) limits what a process may write; it is not installed");
        return None;
    }
    let allow = |server: &Server, bytes: &str| {
        let told = Command::new("prlimit").args(["--pid", &server.pid(), &format!("--fsize={bytes}:")]).status();
        assert!(told.unwrap().success());
    };
    // Whoever writes too much is told so, rather than killed.
    let place = Place::default().by(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    let fill = async |server: &Server, stage: &Stage| {
        let enough = stage.put_off.load(Ordering::Relaxed) + PUT_OFF;
        allow(server, ALLOWED);
        put_off(stage, enough).await;
    };
    Some(one_node("one node's files", place, fill, |server| allow(server, "unlimited")).await)
}

async fn one_node(name: &str, place: Place, fill: impl AsyncFn(&Server, &Stage), make_room: impl Fn(&Server)) -> Seen {
    let graph = Graph::start().await;
    graph.always(Fault::Slow(Duration::from_millis(15)));
    let server = Server::start_on(place).await;
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    let stage = Stage::new(vec![server.api.clone()], channel);
    let seed = setting("COLLOQUY_TEST_SEED").unwrap_or_else(|| rand::rng().random());
    eprintln!("COLLOQUY_TEST_SEED={seed}");
    let senders = Senders::start(&stage, WRITERS, seed);
    for _ in 0..times() {
        goes_on(&graph, 15).await;
        fill(&server, &stage).await;
        make_room(&server);
        goes_on(&graph, 15).await;
    }
    checked(name, &server, &graph, &stage, senders, WRITERS).await.of(times(), Vec::new())
}

async fn put_off(stage: &Stage, enough: usize) {
    let look = async || (stage.put_off.load(Ordering::Relaxed) >= enough).then_some(());
    until("webhooks are put off", look).await;
}

async fn full_until_put_off(disk: &Disk, stage: &Stage) {
    let enough = stage.put_off.load(Ordering::Relaxed) + PUT_OFF;
    until("webhooks are put off", async || {
        disk.fill();
        (stage.put_off.load(Ordering::Relaxed) >= enough).then_some(())
    })
    .await;
}

// req: S1-DB-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_without_room_loses_nothing() {
    if let Some(seen) = of_postgresql().await {
        tell("PostgreSQL's disk", &seen);
    }
}

/// With each second time, there is no room for the write-ahead log either, on which PostgreSQL gives up altogether.
pub async fn of_postgresql() -> Option<Seen> {
    const NO_ROOM: &str = "No space left on device";
    let disk = Disk::of(POSTGRES)?;
    let options = "-c min_wal_size=32MB -c max_wal_size=48MB";
    let postgres = postgres::Server::start_as(Setup { data: Some(disk.path()), options, ..Setup::default() });
    let engines = Engines::of(postgres, NatsServer::start().await, Graph::start().await);
    let town = Town::of(engines, 2, |_, place| place).await;
    let senders = town.senders(CROWD);
    let postgres = &town.engines.postgres;
    let mut panics = 0;
    for round in 0..times() {
        town.goes_on(20).await;
        let complaints = postgres.log().matches(NO_ROOM).count();
        disk.fill();
        let mut segments = 0;
        until("PostgreSQL finds no room", async || {
            disk.fill();
            if round % 2 == 1 && segments < 8 && postgres.attempt("SELECT pg_switch_wal()") {
                segments += 1;
            }
            let found = postgres.log().matches(NO_ROOM).count() - complaints;
            (found > 3 || found > 0 && !postgres.is_running()).then_some(())
        })
        .await;
        disk.make_room();
        if !postgres.is_running() {
            panics += 1;
            postgres.boot();
        }
        town.goes_on(20).await;
    }
    eprintln!("PostgreSQL complained {} times and ended {panics} times", postgres.log().matches(NO_ROOM).count());
    Some(town.check("PostgreSQL's disk", senders, CROWD).await.of(times(), Vec::new()))
}

// req: S2-WHK-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nats_without_room_loses_nothing() {
    if let Some(seen) = of_nats().await {
        tell("NATS's disk", &seen);
    }
}

/// A stream that found its disk full takes nothing more until the NATS server is started again.
pub async fn of_nats() -> Option<Seen> {
    let disk = Disk::of(NATS)?;
    let store = disk.path().join("store");
    let nats = NatsServer::start_as(nats::Setup { store: Some(&store), ..nats::Setup::default() }).await;
    let mut town =
        Town::of(Engines::of(postgres::Server::start(), nats, Graph::start().await), 2, |_, place| place).await;
    let senders = town.senders(CROWD);
    let mut restarts = 0;
    for _ in 0..times() {
        town.goes_on(20).await;
        full_until_put_off(&disk, &town.stage).await;
        disk.make_room();
        if !log_is_back(&town).await {
            restarts += 1;
            town.engines.nats.kill().await;
            town.engines.nats.restart().await;
        }
        town.goes_on(20).await;
    }
    eprintln!("NATS had to be started again {restarts} times");
    Some(town.check("NATS's disk", senders, CROWD).await.of(times(), Vec::new()))
}

async fn log_is_back(town: &Town) -> bool {
    let accepted = async || Some(detailed(&town.nodes[0].api).await?["webhooks"]["accepted"].as_u64()?);
    let before = accepted().await;
    let comes = async {
        while accepted().await <= before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(FOUND, comes).await.is_ok()
}

// req: S2-WHK-4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_has_reached_its_limit_puts_off_what_it_cannot_keep() {
    tell("JetStream's limit", &of_jetstream().await);
}

/// Others keep so much in the same server that nothing more fits in.
pub async fn of_jetstream() -> Seen {
    let nats = nats::Setup { jetstream: "max_file_store: 16MB", ..nats::Setup::default() };
    let engines = Engines::of(postgres::Server::start(), NatsServer::start_as(nats).await, Graph::start().await);
    let town = Town::of(engines, 2, |_, place| place).await;
    let senders = town.senders(CROWD);
    let client = async_nats::connect(town.engines.nats.url()).await.unwrap();
    let js = jetstream::new(client);
    for _ in 0..times() {
        town.goes_on(20).await;
        let config = jetstream::stream::Config {
            name: "ballast".to_owned(),
            subjects: vec!["ballast".to_owned()],
            ..jetstream::stream::Config::default()
        };
        js.create_stream(config).await.unwrap();
        let enough = town.stage.put_off.load(Ordering::Relaxed) + PUT_OFF;
        within(Duration::from_secs(90), "webhooks are put off", async || {
            for size in [256 * 1024, 1024, 1] {
                while stored(&js, size).await {}
            }
            (town.stage.put_off.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        js.delete_stream("ballast").await.unwrap();
        town.goes_on(20).await;
    }
    town.check("JetStream's limit", senders, CROWD).await.of(times(), Vec::new())
}

async fn stored(js: &jetstream::Context, bytes: usize) -> bool {
    match js.publish("ballast", vec![1; bytes].into()).await {
        Ok(acknowledgement) => acknowledgement.await.is_ok(),
        Err(_) => false,
    }
}
