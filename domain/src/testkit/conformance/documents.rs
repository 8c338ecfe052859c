use crate::{
    failure::Failure,
    ids::DocumentId,
    knowledge::{DocumentStatus, IngestFailure, IngestJob, IngestProgress, IngestReport, PageReport, PageStatus},
    ports::DocumentQueue,
    testkit::Fixture,
};

/// Needs at least three documents in the fixture.
///
/// # Panics
/// Where the queue does not do what the port says.
pub async fn document_queue_conformance<S: DocumentQueue>(store: &S, f: &Fixture) {
    assert!(f.documents.len() >= 3, "the suite needs three documents");
    let first = store.take(2).await.expect("take");
    assert_eq!(first, f.documents[..2], "the oldest first");
    let rest = store.take(10).await.expect("take");
    assert_eq!(rest, f.documents[2..], "nothing is handed out twice");
    assert_eq!(names(&store.take(10).await.expect("take")), []);

    let (ok, bad, foreign) = (&first[0], &first[1], &rest[rest.len() - 1]);
    let progress = IngestProgress { status: DocumentStatus::Extracting, pages: 2, chunks: 0, indexed: 0 };
    store.progress(ok.tenant, ok.document, progress).await.expect("progress");
    assert_eq!(names(&store.take(10).await.expect("take")), [], "what is on its way is not handed out");
    assert_eq!(store.finish(ok.tenant, ok.document, Ok(report())).await, Ok(true));
    assert_eq!(names(&store.take(10).await.expect("take")), [], "what is ready is not handed out");

    // Another tenant can neither finish nor put back.
    let finished = store.finish(f.home.tenant, foreign.document, Ok(report())).await;
    assert_eq!(finished, Ok(false), "there is no such document");
    let failure = IngestFailure { failure: Failure::retry("test.busy", "later"), pages: Vec::new() };
    store.finish(bad.tenant, bad.document, Err(failure)).await.expect("finish");
    assert_eq!(names(&store.take(10).await.expect("take")), [], "what failed is not handed out");
    store.put_back(bad.tenant, bad.document).await.expect("put back");
    let again = store.take(10).await.expect("take");
    let want = IngestJob { attempt: 1, ..bad.clone() };
    assert_eq!(again, [want], "until it is put back; its attempts are counted");
    store.put_back(foreign.tenant, foreign.document).await.expect("put back");
    assert_eq!(names(&store.take(10).await.expect("take")), [foreign.document]);
}

fn names(jobs: &[IngestJob]) -> Vec<DocumentId> {
    jobs.iter().map(|j| j.document).collect()
}

fn report() -> IngestReport {
    let pages = vec![PageReport { number: 1, status: PageStatus::Ok }];
    IngestReport { pages, chunks: 3, characters: 900, language: None, generation: "g1".into(), embedded: true }
}
