//! Everything of this module before real servers.

#[path = "../../../tests/support/nats.rs"]
mod server;
#[path = "../../../tests/support/wait.rs"]
mod wait;

mod access;
mod conformance;
mod durability;
mod limits;
mod relays;
mod replicas;

use super::{Connection, JetStreamLog, LogOptions, NatsOptions};
use colloquy_domain::{
    ids::TenantId,
    placement::Lane,
    ports::{Ids, IngressLog, LogEntry, NewEntry},
    testkit::{Account, Fixture, MemoryStore, SeqIds},
    time::Timestamp,
};
use server::NatsServer;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_757_000_000_000);

/// Ids that differ in each test and process, as those of a real node do.
struct Random;

impl Ids for Random {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from_be_bytes(rand::RngExt::random(&mut rand::rng())))
    }
}

fn at(server: &NatsServer) -> NatsOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    NatsOptions { servers: vec![server.url()], ..NatsOptions::default() }
}

async fn connected(server: &NatsServer) -> Connection {
    Connection::connect(&at(server)).await.expect("connected")
}

fn lanes(lanes: u8) -> LogOptions {
    LogOptions { lanes, ..LogOptions::default() }
}

async fn open(server: &NatsServer, options: &LogOptions) -> JetStreamLog {
    JetStreamLog::open(connected(server).await, options, &Random).await.expect("opened")
}

fn account() -> Account {
    let ids = SeqIds::default();
    Account::new(TenantId::new(ids.uuid()), &ids)
}

/// A text of one peer.
fn text(peer: &str, id: &str) -> NewEntry {
    account().text(peer, id, "bonjour", NOW)
}

/// All that the lane holds after the cursor.
async fn rest(log: &JetStreamLog, lane: u8, cursor: u64) -> Vec<LogEntry> {
    log.read(Lane(lane), cursor, 100_000).await.expect("read")
}

fn ids_of(entries: &[LogEntry]) -> Vec<String> {
    entries.iter().map(|e| e.entry.inbound.provider_message_id.clone()).collect()
}

/// The inbox in memory, with the accounts of the conformance suite.
fn inbox() -> (MemoryStore, Fixture) {
    let (store, ids) = (MemoryStore::new(), SeqIds::new(2));
    let (here, there) = (TenantId::new(ids.uuid()), TenantId::new(ids.uuid()));
    let (home, pull, abroad) = (Account::new(here, &ids), Account::new(here, &ids), Account::new(there, &ids));
    for (account, reads_itself) in [(home, false), (pull, true), (abroad, false)] {
        store.register_agent(account.profile());
        store.register_channel(account.account(), reads_itself);
    }
    (store, Fixture { home, pull, abroad, documents: Vec::new(), now: NOW, ids })
}
