//! A SQLite store in a folder of its own.
#![allow(dead_code, reason = "each test file uses its part of it")]

use colloquy_domain::{
    channel::ChannelAccount,
    ids::TenantId,
    knowledge::IngestJob,
    ports::Ids,
    testkit::{Account, Fixture, ManualClock, SeqIds},
    time::Timestamp,
};
use colloquy_store::{NewDocument, SecretKey, SqliteStore, StoreOptions};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

pub const NOW: Timestamp = Timestamp(1_757_000_000_000);

pub struct Opened {
    pub store: SqliteStore,
    pub clock: Arc<ManualClock>,
    pub folder: TempDir,
}

pub fn options(space: u16) -> (StoreOptions, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    let options = StoreOptions {
        clock: Arc::clone(&clock) as _,
        ids: Arc::new(SeqIds::new(space)),
        secret_key: SecretKey::from_bytes([7; 32]),
    };
    (options, clock)
}

pub async fn open_at(path: &Path, space: u16) -> (SqliteStore, Arc<ManualClock>) {
    let (options, clock) = options(space);
    (SqliteStore::open(path, options).await.expect("opens"), clock)
}

pub async fn open() -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, clock) = open_at(&folder.path().join("colloquy.db"), 1).await;
    Opened { store, clock, folder }
}

/// Makes the agent and the channel of an account.
pub async fn register(store: &SqliteStore, account: &Account, pull: bool) {
    let tenant = store.tenant(account.tenant);
    tenant.create_agent(account.profile()).await.expect("agent");
    let channel: ChannelAccount = account.account();
    tenant.create_channel(channel, pull).await.expect("channel");
}

pub async fn new_tenant(store: &SqliteStore, slug: &str) -> TenantId {
    store.installation().create_tenant(slug, slug).await.expect("tenant").id
}

pub async fn fixture(store: &SqliteStore) -> Fixture {
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

pub async fn document(store: &SqliteStore, tenant: TenantId, name: &str) -> IngestJob {
    let base = store.tenant(tenant).ensure_knowledge_base("base").await.expect("base").id;
    let path = PathBuf::from(format!("/blobs/{name}"));
    let new = NewDocument { base, name: name.to_owned(), size: 10, sha256: [1; 32], path: path.clone() };
    let document = store.tenant(tenant).put_document(new).await.expect("document").document.id;
    IngestJob { tenant, base, document, name: name.to_owned(), path, attempt: 0 }
}

pub fn tenant_id(ids: &dyn Ids) -> TenantId {
    TenantId::new(ids.uuid())
}
