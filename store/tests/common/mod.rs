//! A store of its own for each test, on either database.
#![allow(dead_code, unused_macros, reason = "each test file uses its part of it")]

pub mod postgres;

use colloquy_domain::{
    channel::{ChannelAccount, Secret},
    ids::TenantId,
    knowledge::IngestJob,
    ports::Ids,
    testkit::{Account, Fixture, ManualClock, SeqIds},
    time::Timestamp,
};
use colloquy_store::{Actor, Database, NewDocument, PostgresOptions, SecretKey, Store, StoreOptions};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;

pub const NOW: Timestamp = Timestamp(1_757_000_000_000);

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Runs each of the functions on both databases.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::common::Kind::Sqlite).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::common::Kind::Postgres).await;
            })*
        }
    };
}

/// A store, and what has to stay for as long as it does.
pub struct Opened {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub folder: TempDir,
    pub database: Database,
    pub server: Option<Arc<postgres::Server>>,
    /// Of the server's database.
    pub name: String,
}

pub fn options(space: u16) -> (StoreOptions, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let options = StoreOptions {
        clock: Arc::clone(&clock) as _,
        ids: Arc::new(SeqIds::new(space)),
        secret_key: SecretKey::from_bytes([7; 32]),
        placement: None,
    };
    (options, clock)
}

pub async fn open_at(database: impl Into<Database>, space: u16) -> (Store, Arc<ManualClock>) {
    let (options, clock) = options(space);
    (Store::open(database, options).await.expect("opens"), clock)
}

pub async fn open(kind: Kind) -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let (database, server, name) = match kind {
        Kind::Sqlite => (Database::from(folder.path().join("colloquy.db")), None, String::new()),
        Kind::Postgres => {
            let server = postgres::Server::shared();
            let name = server.database();
            (postgres(&server.url(&name)), Some(server), name)
        }
    };
    let (store, clock) = open_at(database.clone(), 1).await;
    Opened { store, clock, folder, database, server, name }
}

pub fn postgres(url: &str) -> Database {
    Database::Postgres(PostgresOptions::new(Secret::new(url)))
}

/// Makes the agent and the channel of an account.
pub async fn register(store: &Store, account: &Account, pull: bool) {
    let tenant = store.tenant(account.tenant);
    tenant.create_agent(account.profile(), Actor::System).await.expect("agent");
    let channel: ChannelAccount = account.account();
    tenant.create_channel(channel, pull).await.expect("channel");
}

pub async fn new_tenant(store: &Store, slug: &str) -> TenantId {
    store.installation().create_tenant(slug, slug).await.expect("tenant").id
}

pub async fn fixture(store: &Store) -> Fixture {
    let ids = SeqIds::new(2);
    let (here, there) = (new_tenant(store, "here").await, new_tenant(store, "there").await);
    let (home, pull, abroad) = (Account::new(here, &ids), Account::new(here, &ids), Account::new(there, &ids));
    register(store, &home, false).await;
    register(store, &pull, true).await;
    register(store, &abroad, false).await;
    let mut documents = Vec::new();
    for (tenant, name) in [(here, "a.pdf"), (here, "b.pdf"), (here, "c.pdf"), (there, "a.pdf")] {
        documents.push(document(store, tenant, name).await);
    }
    Fixture { home, pull, abroad, documents, now: NOW, ids }
}

pub async fn document(store: &Store, tenant: TenantId, name: &str) -> IngestJob {
    let base = store.tenant(tenant).ensure_knowledge_base("base").await.expect("base").id;
    let path = PathBuf::from(format!("/blobs/{name}"));
    let new = NewDocument { base, name: name.to_owned(), size: 10, sha256: [1; 32], path: path.clone() };
    let document = store.tenant(tenant).put_document(new).await.expect("document").document.id;
    IngestJob { tenant, base, document, name: name.to_owned(), path, attempt: 0 }
}

pub fn tenant_id(ids: &dyn Ids) -> TenantId {
    TenantId::new(ids.uuid())
}
