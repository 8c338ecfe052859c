//! Three servers, each with a copy of the log: the loss of one loses nothing, and stops nothing for long.

use super::{Random, at, ids_of, lanes, rest, server::NatsServer, text, wait::until};
use crate::nats::{Connection, JetStreamLog, LogOptions, NatsOptions, inspect};
use async_nats::jetstream;
use colloquy_domain::ports::IngressLog;
use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const SERVERS: usize = 3;
/// How often the leader is killed.
const ROUNDS: usize = 3;

fn options() -> LogOptions {
    LogOptions { replicas: SERVERS, append_timeout: Duration::from_secs(2), ..lanes(1) }
}

/// A cluster of servers; their names are their numbers.
struct Servers(Vec<NatsServer>);

impl Servers {
    async fn start() -> Self {
        let free: Vec<TcpListener> =
            (0..SERVERS).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let ports: Vec<u16> = free.iter().map(|l| l.local_addr().expect("an address").port()).collect();
        drop(free);
        let routes: Vec<String> = ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        let mut servers = Vec::new();
        for (name, port) in ports.iter().enumerate() {
            let settings = format!(
                "server_name: \"{name}\"\ncluster {{ name: three, listen: \"127.0.0.1:{port}\", routes: [{}] }}",
                routes.join(",")
            );
            servers.push(NatsServer::start_with(&settings).await);
        }
        Self(servers)
    }

    async fn connect(&self) -> Connection {
        let options = NatsOptions { servers: self.0.iter().map(NatsServer::url).collect(), ..at(&self.0[0]) };
        Connection::connect(&options).await.expect("connected")
    }

    /// As soon as the servers have agreed on who leads.
    async fn open(&self) -> JetStreamLog {
        until("the log opens", async || JetStreamLog::open(self.connect().await, &options(), &Random).await.ok()).await
    }
}

/// The server that leads the lane's stream.
async fn leader(connection: &Connection) -> usize {
    let js = jetstream::new(connection.client().clone());
    until("the stream has a leader", async || {
        let stream = js.get_stream("colloquy_log_0").await.ok()?;
        stream.cached_info().cluster.as_ref()?.leader.as_ref()?.parse().ok()
    })
    .await
}

// req: S1-DB-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_killed_takes_nothing_with_it() {
    let mut servers = Servers::start().await;
    let log = Arc::new(servers.open().await);
    let connection = servers.connect().await;
    // A replica may yet be catching up with the first entries.
    let whole = async || {
        let found = inspect(&connection, &options()).await.expect("inspected");
        (found.lanes[0].replicas == SERVERS && found.troubles.is_empty()).then_some(())
    };
    until("every replica is there, without trouble", whole).await;

    let (over, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<String>>>::default());
    let (ending, told, writing) = (Arc::clone(&over), Arc::clone(&acknowledged), Arc::clone(&log));
    let writer = tokio::spawn(async move {
        let mut number = 0;
        while !ending.load(Ordering::Relaxed) {
            let id = number.to_string();
            // As a provider does: whatever is not acknowledged comes again.
            if writing.append(vec![text("p", &id)]).await.is_ok() {
                told.lock().expect("fine").push(id);
                number += 1;
            }
        }
    });
    let count = || acknowledged.lock().expect("fine").len();
    for _ in 0..ROUNDS {
        let before = count();
        until("entries are appended", async || (count() > before + 50).then_some(())).await;
        let leads = leader(&connection).await;
        servers.0[leads].kill().await;
        let before = count();
        until("the others go on", async || (count() > before + 50).then_some(())).await;
        assert_ne!(leader(&connection).await, leads);
        servers.0[leads].restart().await;
    }
    over.store(true, Ordering::Relaxed);
    writer.await.expect("the writer ends");

    let acknowledged = acknowledged.lock().expect("fine").clone();
    for reader in [&*log, &servers.open().await] {
        // A server that has just come back shows what it missed a moment later.
        let held = until("everything that was acknowledged is there", async || {
            let mut held = ids_of(&rest(reader, 0, 0).await);
            // What was written although its answer got lost came again; the inbox drops it.
            held.dedup();
            (held.len() >= acknowledged.len()).then_some(held)
        })
        .await;
        assert_eq!(held[..acknowledged.len()], acknowledged, "each of them, in order");
    }
}
