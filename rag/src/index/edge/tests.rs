use super::*;
use crate::index::{
    Index,
    tests::{count, found, key, passage, put},
};

async fn open(dir: &tempfile::TempDir) -> (EdgeIndex, Index) {
    let edge = EdgeIndex::open(dir.path()).await.expect("opens");
    (edge.clone(), Index::from(edge))
}

#[tokio::test]
async fn a_switch_that_a_crash_interrupted_is_finished_at_the_next_opening() {
    let dir = tempfile::tempdir().expect("temp dir");
    let doc = key(1, 10, 100);
    {
        let (_, index) = open(&dir).await;
        put(&index, doc, "old", &["old warranty"]).await;
        index.stage(vec![passage(doc, "new", 0, "new warranty")]).await.expect("staged");
        index.close().await.expect("closed");
    }
    // As if the process had died right after the note was written.
    Pending { key: doc, generation: "new".to_owned(), passages: 1 }.write(dir.path()).expect("note");
    let (_, index) = open(&dir).await;
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["new warranty"]);
    assert_eq!(Pending::all(dir.path()).expect("read"), []);
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening_and_maintenance() {
    let dir = tempfile::tempdir().expect("temp dir");
    {
        let (_, index) = open(&dir).await;
        put(&index, key(1, 10, 100), "a", &["warranty of one"]).await;
    }
    let (_, index) = open(&dir).await;
    index.maintain().await.expect("maintained");
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty of one"]);
    assert_eq!(count(&index).await, 1);
}

#[tokio::test]
async fn the_folder_is_locked_to_one_and_a_closed_index_says_so() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (index, _) = open(&dir).await;
    let second = EdgeIndex::open(dir.path()).await.err().expect("locked");
    assert_eq!(second.code, "index.locked");
    index.close().await.expect("closed");
    assert_eq!(index.flush().await.expect_err("closed").code, "index.closed");
    EdgeIndex::open(dir.path()).await.expect("free again");
}

#[tokio::test]
async fn a_folder_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().expect("temp dir");
    std::fs::write(dir.path().join("layout"), "99").expect("write");
    assert_eq!(EdgeIndex::open(dir.path()).await.err().expect("refused").code, "index.layout");
}

#[tokio::test]
async fn an_exchange_of_the_model_that_a_crash_interrupted_is_finished_at_the_next_opening() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (doc, hidden) = (key(1, 10, 100), |text: &str| {
        let mut new = passage(key(1, 10, 100), "a-new", 0, text);
        new.stored.model = "new".to_owned();
        new
    });
    {
        let (edge, index) = open(&dir).await;
        put(&index, doc, "a-old", &["warranty of the old model"]).await;
        put(&index, key(2, 20, 200), "b-old", &["warranty of another tenant"]).await;
        index.stage(vec![hidden("warranty of the new model")]).await.expect("staged");
        assert!(!edge.promote("new", || panic!("too early")).await.expect("looked"), "one passage has no successor");
        assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty of the old model"]);
        index.forget(key(2, 20, 200)).await.expect("forgotten");
        index.close().await.expect("closed");
    }
    // As if the process had died right after the note was written.
    promote::note(dir.path(), "new").expect("note");
    let (edge, index) = open(&dir).await;
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty of the new model"]);
    assert_eq!(count(&index).await, 1);
    assert_eq!(edge.predecessor("new").await.expect("looked"), None);
}
