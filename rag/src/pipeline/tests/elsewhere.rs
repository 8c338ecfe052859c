//! With an embedding model at an address, over both stores.

use super::*;
use crate::testing::{EndpointWords, at};
use std::collections::BTreeSet;

/// Vectors of another length than those of the models of this machine.
const DIMENSION: usize = 96;
const QUESTION: &str = "What does the parking garage cost?";

fn served(data: &tempfile::TempDir) -> (Standin, VectorStore) {
    let standin = Standin::start(data.path(), StandinOptions::default()).expect("starts");
    let store = VectorStore::Server { url: standin.url(), api_key: None, prefix: "colloquy".to_owned() };
    (standin, store)
}

/// A bench whose model is at an address.
fn away() -> (Bench, Arc<EndpointWords>) {
    let server = Arc::new(EndpointWords::new(DIMENSION));
    (Bench { elsewhere: Some(at(&server, "words")), ..Bench::new() }, server)
}

async fn cosine(rag: &Rag, question: &str) -> Option<f32> {
    ask(rag, 1, 10, question, &[]).await.first().and_then(|p| p.scores.cosine)
}

async fn found_by_its_vectors(store: VectorStore) {
    let (bench, _server) = away();
    let rag = bench.open_on(store.clone()).await;
    assert_eq!(rag.model_state(), ready("words@96"));
    let job = bench.job(1, 10, 100, "hotel.pdf", ENGLISH);
    assert!(rag.ingest(&job, &Progress::default()).await.expect("ingested").embedded);
    assert!(cosine(&rag, QUESTION).await.is_some_and(|c| c > 0.2));
    rag.close().await.expect("closed");
    // The room that was made for the vectors is there again.
    let rag = bench.open_on(store).await;
    assert!(cosine(&rag, QUESTION).await.is_some());
    assert!(rag.outdated().await.expect("read").is_empty());
    rag.close().await.expect("closed");
}

// req: S0-LLM-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_found_by_vectors_from_an_address_in_both_stores() {
    let data = tempfile::tempdir().expect("temp dir");
    found_by_its_vectors(VectorStore::Embedded { dir: data.path().join("index") }).await;
    let (_standin, store) = served(&data);
    found_by_its_vectors(store).await;
}

// req: S0-LLM-1
#[tokio::test]
async fn while_the_address_is_silent_words_find_and_vectors_come_later() {
    let (bench, server) = away();
    let rag = bench.open().await;
    let (first, second) = (bench.job(1, 10, 100, "hotel.pdf", ENGLISH), bench.job(1, 10, 101, "house.pdf", ENGLISH));
    rag.ingest(&first, &Progress::default()).await.expect("ingested");
    server.fail(true);
    let failed = rag.ingest(&second, &Progress::default()).await.expect_err("the server went away under it");
    assert!(failed.failure.is_retry(), "{failed:?}");
    // Questions and the next attempt do not wait for it.
    assert_eq!(cosine(&rag, "parking garage").await, None);
    let ModelStatus::WordsOnly { what, .. } = rag.model_state() else { panic!("it says so") };
    assert!(what.contains("cannot be reached"), "{what}");
    assert!(!rag.ingest(&second, &Progress::default()).await.expect("by its words").embedded);
    let names: BTreeSet<String> = ask(&rag, 1, 10, "parking garage", &[]).await.into_iter().map(|p| p.name).collect();
    assert_eq!(names.len(), 1, "what says the same is said once: {names:?}");
    assert!(!rag.owes().await, "it is still away");
    server.fail(false);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert!(rag.owes().await, "it is back, and a document lacks its vectors");
    assert!(!rag.owes().await, "told once");
    let key = DocumentKey { tenant: second.tenant, base: second.base, document: second.document };
    assert_eq!(rag.outdated().await.expect("read"), [key]);
    assert!(rag.ingest(&second, &Progress::default()).await.expect("again").embedded);
    assert_eq!(rag.model_state(), ready("words@96"));
}

#[tokio::test]
async fn an_address_that_was_silent_at_the_start_is_taken_into_use_later() {
    let (bench, server) = away();
    server.fail(true);
    let rag = bench.open().await;
    assert!(matches!(rag.model_state(), ModelStatus::WordsOnly { .. }));
    let job = bench.job(1, 10, 100, "hotel.pdf", ENGLISH);
    assert!(!rag.ingest(&job, &Progress::default()).await.expect("by its words").embedded);
    assert!(!rag.owes().await);
    server.fail(false);
    assert!(rag.owes().await);
    assert_eq!(rag.outdated().await.expect("read").len(), 1);
}

// req: S0-LLM-1
#[tokio::test]
async fn a_model_of_this_machine_hands_over_to_one_at_an_address_without_mixing() {
    let (mut bench, server) = away();
    let elsewhere = bench.elsewhere.take();
    bench.models = crate::testing::real_models().await;
    let job = bench.job(1, 10, 100, "hotel.pdf", ENGLISH);
    {
        let rag = bench.open().await;
        rag.ingest(&job, &Progress::default()).await.expect("ingested");
        rag.close().await.expect("closed");
    }
    bench.elsewhere = elsewhere;
    let rag = bench.open().await;
    assert_eq!(rag.model_state(), ready("all-MiniLM-L6-v2"), "until all passages have their vectors");
    assert!(cosine(&rag, "May I bring my puppy?").await.is_some_and(|c| c > 0.3));
    assert!(rag.reembed().await.expect("embedded again"));
    assert_eq!(rag.model_state(), ready("words@96"));
    assert_eq!(rag.passages().await.expect("counted"), 3, "each passage is there once");
    assert!(cosine(&rag, QUESTION).await.is_some_and(|c| c > 0.2));
    rag.maintain().await.expect("merged");
    assert!(cosine(&rag, QUESTION).await.is_some_and(|c| c > 0.2));
    rag.close().await.expect("closed");
    drop(rag);
    // And to another one at an address: nothing of it is compared with the old vectors.
    bench.elsewhere = Some(at(&server, "other"));
    let rag = bench.open().await;
    assert_eq!(rag.model_state(), ready("other@96"));
    assert_eq!(cosine(&rag, "parking garage").await, None, "found by its words until it is read again");
    assert_eq!(rag.outdated().await.expect("read").len(), 1);
    rag.ingest(&job, &Progress::default()).await.expect("again");
    assert!(cosine(&rag, "parking garage").await.is_some());
}

// req: S0-LLM-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_points_can_be_moved_whatever_the_length_of_their_vectors() {
    let (bench, _server) = away();
    let rag = bench.open().await;
    rag.ingest(&bench.job(1, 10, 100, "hotel.pdf", ENGLISH), &Progress::default()).await.expect("ingested");
    rag.close().await.expect("closed");
    drop(rag);
    let data = tempfile::tempdir().expect("temp dir");
    let (_standin, store) = served(&data);
    let source = Index::open(VectorStore::Embedded { dir: bench.dir.path().join("index") }).await.expect("opens");
    let target = Index::open(store).await.expect("opens");
    let copied = crate::index::copy(&source, &target, None, |_, _| ()).await.expect("copied");
    assert_eq!(copied, crate::index::digest(&target).await.expect("read"));
}
