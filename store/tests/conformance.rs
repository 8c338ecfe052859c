//! The suites of the domain's test kit, against both databases and against the reference model in memory.

mod common;

use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId},
    knowledge::IngestJob,
    placement::{LEASE, NodeId},
    ports::Ids,
    testkit::{Account, Fixture, ManualClock, MemoryPlacement, MemoryStore, SeqIds, conformance},
};
use common::{Kind, NOW, tenant_id};
use std::sync::Arc;

fn memory() -> (MemoryStore, Fixture) {
    let (store, ids) = (MemoryStore::new(), SeqIds::new(2));
    let (here, there) = (tenant_id(&ids), tenant_id(&ids));
    let (home, pull, abroad) = (Account::new(here, &ids), Account::new(here, &ids), Account::new(there, &ids));
    for (account, reads_itself) in [(home, false), (pull, true), (abroad, false)] {
        store.register_agent(account.profile());
        store.register_channel(account.account(), reads_itself);
    }
    let job = |tenant, name: &str| IngestJob {
        tenant,
        base: KnowledgeBaseId::new(ids.uuid()),
        document: DocumentId::new(ids.uuid()),
        name: name.to_owned(),
        path: format!("/blobs/{name}").into(),
        attempt: 0,
    };
    let documents = vec![job(here, "a"), job(here, "b"), job(here, "c"), job(there, "a")];
    documents.iter().cloned().for_each(|d| store.register_document(d));
    (store, Fixture { home, pull, abroad, documents, now: NOW, ids })
}

macro_rules! suites {
    ($($suite:ident |$store:ident| ($($argument:expr),+);)*) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $suite() {
                let opened = common::open(Kind::Sqlite).await;
                let ($store, fixture) = (&opened.store, common::fixture(&opened.store).await);
                conformance::$suite($($argument),+, &fixture).await;
            })*
        }

        mod postgres {
            use super::*;
            $(#[tokio::test]
            async fn $suite() {
                let opened = common::open(Kind::Postgres).await;
                let ($store, fixture) = (&opened.store, common::fixture(&opened.store).await);
                conformance::$suite($($argument),+, &fixture).await;
            })*
        }

        mod in_memory {
            use super::*;
            $(#[tokio::test]
            async fn $suite() {
                let ($store, fixture) = &memory();
                conformance::$suite($($argument),+, fixture).await;
            })*
        }
    };
}

suites! {
    ingress_log_conformance |store| (store, store);
    inbox_store_conformance |store| (store);
    conversation_store_conformance |store| (store);
    outbox_store_conformance |store| (store);
    document_queue_conformance |store| (store);
}

#[tokio::test]
async fn ingress_log_conformance_in_memory_with_several_lanes() {
    let (store, fixture) = memory();
    let store = store.with_lanes(5);
    conformance::ingress_log_conformance(&store, &store, &fixture).await;
}

#[tokio::test]
async fn placement_store_conformance_in_memory() {
    let clock = Arc::new(ManualClock::at(NOW));
    let store = MemoryPlacement::new(Arc::clone(&clock) as _);
    let silence = async |_| clock.advance(LEASE);
    conformance::placement_store_conformance(&store, &SeqIds::new(2), silence).await;
}

#[tokio::test]
async fn placement_store_conformance_on_postgres() {
    let opened = common::open(Kind::Postgres).await;
    let server = opened.server.as_ref().expect("a server");
    let silence = async |node: NodeId| server.silence(&opened.name, node.0);
    conformance::placement_store_conformance(&opened.store, &SeqIds::new(2), silence).await;
}
