use super::world::{World, until};
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId},
    knowledge::{DocumentStatus, IngestFailure, IngestJob, IngestReport},
    ports::DocumentQueue as _,
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use std::{future::ready, time::Duration};
use tokio::sync::Notify;
use uuid::Uuid;

fn job(w: &World, n: u128) -> IngestJob {
    IngestJob {
        tenant: w.account.tenant,
        base: KnowledgeBaseId::new(Uuid::from_u128(1)),
        document: DocumentId::new(Uuid::from_u128(n)),
        name: format!("{n}.md"),
        path: format!("{n}.md").into(),
        attempt: 0,
    }
}

fn report() -> IngestReport {
    IngestReport {
        pages: Vec::new(),
        chunks: 3,
        characters: 100,
        language: None,
        generation: "g1".into(),
        embedded: true,
    }
}

fn failed(failure: Failure) -> IngestFailure {
    IngestFailure { failure, pages: Vec::new() }
}

fn result(w: &World, n: u128) -> Option<Result<IngestReport, IngestFailure>> {
    w.store.document(DocumentId::new(Uuid::from_u128(n))).and_then(|(_, r)| r)
}

// req: C-ACT-2
#[tokio::test(start_paused = true)]
async fn documents_are_ingested_a_passing_failure_waits_and_a_panic_fails_only_its_document() {
    let mut w = World::new();
    for n in 1..=3 {
        w.store.register_document(job(&w, n));
    }
    let tries = Arc::new(AtomicU32::new(0));
    let counted = tries.clone();
    w.ingest = Box::new(move |job| {
        let result = match job.document.uuid().as_u128() {
            1 => panic!("a hostile document"),
            2 if counted.fetch_add(1, Ordering::SeqCst) < 2 => Err(failed(Failure::retry("index.store", "busy"))),
            _ => Ok(report()),
        };
        Box::pin(ready(result))
    });
    let node = w.start().await;
    until("all settled", || (1..=3).all(|n| result(&w, n).is_some())).await;
    assert!(matches!(result(&w, 1), Some(Err(f)) if f.failure.code == "ingest.panicked"));
    assert_eq!(result(&w, 2), Some(Ok(report())));
    assert_eq!(result(&w, 3), Some(Ok(report())));
    assert_eq!(tries.load(Ordering::SeqCst), 3);
    node.stop().await;
}

// req: C-ACT-2
#[tokio::test(start_paused = true)]
async fn what_a_stop_interrupted_is_taken_up_again() {
    let mut w = World::new();
    w.store.register_document(job(&w, 1));
    let (begun, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, closes) = (Arc::clone(&begun), Arc::clone(&closed));
    w.ingest = Box::new(move |_| {
        let (begins, closes) = (Arc::clone(&begins), Arc::clone(&closes));
        Box::pin(async move {
            begins.notify_one();
            closes.notified().await;
            Err(failed(Failure::fatal("index.closed", "the index is closed")))
        })
    });
    let node = w.start().await;
    begun.notified().await;
    node.stop().await;
    closed.notify_one();
    // Time moves when nothing else does: what was to come of the failure has come.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(result(&w, 1), None);

    let document = DocumentId::new(Uuid::from_u128(1));
    w.store.put_back(w.account.tenant, document).await.expect("as a new process does");
    w.ingest = Box::new(|_| Box::pin(ready(Ok(report()))));
    let node = w.start().await;
    until("ready", || result(&w, 1).is_some()).await;
    let (progress, _) = w.store.document(document).expect("exists");
    assert_eq!(progress.status, DocumentStatus::Ready);
    node.stop().await;
}
