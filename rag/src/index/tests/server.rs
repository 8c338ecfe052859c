//! What only a server can do: fail, be slow, go away, refuse, and be used by several at once.

use super::*;
use crate::{
    index::server::Patience,
    testkit::{Standin, StandinOptions},
};
use colloquy_domain::failure::Verdict;
use qdrant_client::{
    Qdrant,
    qdrant::{CreateCollectionBuilder, Distance, VectorParamsBuilder, VectorsConfigBuilder},
};
use std::time::Duration;
use tonic::Code;

fn quick() -> Patience {
    let (second, moment) = (Duration::from_secs(1), Duration::from_millis(5));
    Patience { connect: second, read: 2 * second, write: 5 * second, attempts: 3, pause: moment }
}

struct Served {
    standin: Standin,
    _dir: tempfile::TempDir,
}

impl Served {
    fn start(options: StandinOptions) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        Self { standin: Standin::start(dir.path(), options).expect("starts"), _dir: dir }
    }

    async fn open_with(&self, key: Option<&str>, patience: Patience) -> Result<Index, Failure> {
        let key = key.map(Secret::new);
        ServerIndex::open_with(&self.standin.url(), key.as_ref(), "test", patience).await.map(Index::from)
    }

    async fn open(&self) -> Index {
        self.open_with(None, quick()).await.expect("opens")
    }

    fn client(&self) -> Qdrant {
        Qdrant::from_url(&self.standin.url()).skip_compatibility_check().build().expect("a client")
    }
}

impl Default for Served {
    fn default() -> Self {
        Self::start(StandinOptions::default())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transient_failures_are_repeated_and_lasting_ones_reported_as_such() {
    let served = Served::default();
    let index = served.open().await;
    for code in [Code::Unavailable, Code::ResourceExhausted, Code::DeadlineExceeded] {
        served.standin.fail_next(2, code);
        put(&index, key(1, 10, 100), &format!("{code:?}"), &["warranty"]).await;
        served.standin.fail_next(2, code);
        assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty"]);
    }
    served.standin.fail_next(1_000, Code::Unavailable);
    let failure = index.count().await.expect_err("it never comes back");
    served.standin.heal();
    assert_eq!((failure.verdict, failure.code.as_str()), (Verdict::Retry { after: None }, "index.unavailable"));
    assert!(failure.detail.contains("127.0.0.1:"), "{failure}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_is_not_repeated() {
    let served = Served::default();
    let index = served.open().await;
    for (code, verdict, name) in [
        (Code::InvalidArgument, Verdict::Reject, "index.request"),
        (Code::PermissionDenied, Verdict::Fatal, "index.credentials"),
        (Code::NotFound, Verdict::Fatal, "index.missing"),
    ] {
        let before = served.standin.calls();
        served.standin.fail_next(5, code);
        let failure = index.count().await.expect_err("refused");
        served.standin.heal();
        assert_eq!((failure.verdict, failure.code.as_str()), (verdict, name));
        assert_eq!(served.standin.calls() - before, 1, "asked once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_is_asked_for_again_and_never_waited_for_long() {
    let served = Served::default();
    let patience = Patience { read: Duration::from_millis(150), ..quick() };
    let index = served.open_with(None, patience).await.expect("opens");
    served.standin.delay_next(1, Duration::from_secs(60));
    assert_eq!(index.count().await.expect("the second attempt answers"), 0);
    served.standin.delay_next(1_000, Duration::from_secs(60));
    let limit = Duration::from_secs(10);
    let failure = tokio::time::timeout(limit, index.count()).await.expect("bounded").expect_err("late");
    assert_eq!(failure.code, "index.timeout");
    assert!(failure.is_retry());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_went_away_is_used_again_when_it_is_back() {
    let mut served = Served::default();
    let index = served.open().await;
    put(&index, key(1, 10, 100), "a", &["warranty"]).await;
    served.standin.stop();
    let failure = index.count().await.expect_err("gone");
    assert_eq!((failure.is_retry(), failure.code.as_str()), (true, "index.unavailable"));
    let opened = served.open_with(None, quick()).await.err().expect("nobody is there");
    assert_eq!((opened.is_retry(), opened.code.as_str()), (true, "index.unavailable"));
    served.standin.restart().expect("starts again");
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty"]);
    put(&index, key(1, 10, 100), "b", &["warranty anew"]).await;
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty anew"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_needed_sent_and_never_shown() {
    let served = Served::start(StandinOptions { api_key: Some("right".to_owned()), ..StandinOptions::default() });
    for key in [None, Some("wrong-sesame")] {
        let failure = served.open_with(key, quick()).await.err().expect("refused");
        assert_eq!((failure.verdict, failure.code.as_str()), (Verdict::Fatal, "index.credentials"));
        assert!(failure.detail.contains("127.0.0.1") && !failure.detail.contains("sesame"), "{failure}");
    }
    let index = served.open_with(Some("right"), quick()).await.expect("opens");
    assert_eq!(count(&index).await, 0);
    let store =
        VectorStore::Server { url: served.standin.url(), api_key: Some(Secret::new("right")), prefix: "p".to_owned() };
    assert!(!format!("{store:?}").contains("right"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_to_an_https_url() {
    let served = Served::default();
    // Nobody speaks TLS there: the attempt fails, and nothing is sent in the clear instead.
    let url = served.standin.url().replace("http://", "https://");
    let before = served.standin.calls();
    let failure = ServerIndex::open_with(&url, None, "test", quick()).await.err().expect("no TLS there");
    assert_eq!((failure.is_retry(), failure.code.as_str()), (true, "index.unavailable"));
    assert_eq!(served.standin.calls(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_servers_and_foreign_or_newer_collections_are_refused() {
    for version in ["1.9.7", "0.11.0", "unknown"] {
        let served = Served::start(StandinOptions { version: version.to_owned(), ..StandinOptions::default() });
        let failure = served.open_with(None, quick()).await.err().expect("refused");
        assert_eq!((failure.verdict, failure.code.as_str()), (Verdict::Fatal, "index.version"));
        assert!(failure.detail.contains(version), "{failure}");
    }
    let served = Served::default();
    let mut vectors = VectorsConfigBuilder::default();
    vectors.add_named_vector_params("dense", VectorParamsBuilder::new(3, Distance::Cosine));
    let create = CreateCollectionBuilder::new("test-passages-v1").vectors_config(vectors);
    served.client().create_collection(create).await.expect("created");
    assert_eq!(served.open_with(None, quick()).await.err().expect("other vectors").code, "index.layout");

    let served = Served::default();
    served.client().create_collection(CreateCollectionBuilder::new("test-passages-v2")).await.expect("created");
    assert_eq!(served.open_with(None, quick()).await.err().expect("newer").code, "index.layout");

    for prefix in ["", "Capital", "a/b", &"x".repeat(65)] {
        let refused = ServerIndex::open_with(&served.standin.url(), None, prefix, quick()).await.err();
        assert_eq!(refused.expect("refused").code, "index.config", "{prefix}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_open_an_empty_server_at_once() {
    let served = Served::default();
    let opened = futures::future::join_all((0..6).map(|_| served.open_with(None, quick()))).await;
    let opened: Vec<Index> = opened.into_iter().map(|o| o.expect("opens")).collect();
    put(&opened[0], key(1, 10, 100), "a", &["warranty"]).await;
    assert_eq!(found(&opened[5], 1, &[10], "warranty").await, ["warranty"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefixes_separate_installations() {
    let served = Served::default();
    let ours = served.open().await;
    put(&ours, key(1, 10, 100), "a", &["warranty"]).await;
    let theirs = ServerIndex::open_with(&served.standin.url(), None, "theirs", quick()).await.expect("opens");
    assert_eq!(count(&Index::from(theirs)).await, 0);
}

/// Where a replacement may be cut off: after each of its writes, the last included.
const WRITES: u32 = 6;

// req: S1-RAG-1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement_cut_off_anywhere_leaves_old_or_new_and_is_finished_by_the_next() {
    let doc = key(1, 10, 100);
    let (old, new) = (["warranty old 1", "warranty old 2"], ["warranty new 1", "warranty new 2"]);
    let mut outcomes = std::collections::BTreeSet::new();
    for writes in 0..WRITES {
        // The same version again by another process, or a later one.
        for then in ["new", "later"] {
            let served = Served::default();
            let (index, other) = (served.open().await, served.open().await);
            put(&index, doc, "old", &old).await;
            index.stage((0..).zip(new).map(|(n, t)| passage(doc, "new", n, t)).collect()).await.expect("staged");
            served.standin.break_after_writes(writes, Code::Unavailable);
            let cut = index.switch(doc, "new".to_owned(), 2).await.expect_err("cut off");
            assert!(cut.is_retry(), "{cut}");
            served.standin.heal();

            let seen = found(&other, 1, &[10], "warranty").await;
            assert!(seen == old || seen == new, "after {writes} writes: {seen:?}");
            outcomes.insert(seen);
            let texts = [format!("warranty {then} 1"), format!("warranty {then} 2")];
            put(&other, doc, then, &texts.each_ref().map(String::as_str)).await;
            assert_eq!(found(&index, 1, &[10], "warranty").await, texts, "after {writes} writes");
            assert_eq!(count(&index).await, 2, "after {writes} writes nothing is left over");
            other.forget(doc).await.expect("forgotten");
            assert_eq!(count(&index).await, 0);
        }
    }
    assert_eq!(outcomes.len(), 2, "some cuts lie before the change, some after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement_that_lost_its_passages_is_taken_back() {
    let served = Served::default();
    let (index, other, doc) = (served.open().await, served.open().await, key(1, 10, 100));
    put(&index, doc, "old", &["warranty old"]).await;
    index.stage((0..2).map(|n| passage(doc, "new", n, "warranty new")).collect()).await.expect("staged");
    served.standin.break_after_writes(1, Code::Unavailable);
    index.switch(doc, "new".to_owned(), 2).await.expect_err("cut off when they were live");
    served.standin.heal();
    // Somebody removed one of them meanwhile.
    let gone = Point::from(passage(doc, "new", 1, "")).id;
    let delete = qdrant_client::qdrant::DeletePointsBuilder::new("test-passages-v1")
        .points(qdrant_client::qdrant::Filter::must([qdrant_client::qdrant::Condition::has_id([gone.to_string()])]))
        .wait(true);
    served.client().delete_points(delete).await.expect("deleted");
    let refused = other.switch(doc, "new".to_owned(), 2).await.expect_err("not whole any more");
    assert_eq!(refused.code, "index.incomplete");
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty old"]);
}
