//! The suites of the domain's test kit, against SQLite and against the reference model in memory.

mod common;

use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId},
    knowledge::IngestJob,
    ports::Ids,
    testkit::{Account, Fixture, MemoryStore, SeqIds, conformance},
};
use common::{NOW, tenant_id};

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
    ($($suite:ident)*) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $suite() {
                let opened = common::open().await;
                let fixture = common::fixture(&opened.store).await;
                conformance::$suite(&opened.store, &fixture).await;
            })*
        }

        mod in_memory {
            use super::*;
            $(#[tokio::test]
            async fn $suite() {
                let (store, fixture) = memory();
                conformance::$suite(&store, &fixture).await;
            })*
        }
    };
}

suites! {
    ingress_log_conformance
    inbox_store_conformance
    conversation_store_conformance
    outbox_store_conformance
    document_queue_conformance
}
