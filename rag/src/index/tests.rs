use super::*;
use crate::sparse::{self, Script};
use colloquy_domain::ids::{DocumentId, KnowledgeBaseId, TenantId};
use uuid::Uuid;

fn key(tenant: u128, base: u128, document: u128) -> DocumentKey {
    DocumentKey {
        tenant: TenantId::new(Uuid::from_u128(tenant)),
        base: KnowledgeBaseId::new(Uuid::from_u128(base)),
        document: DocumentId::new(Uuid::from_u128(document)),
    }
}

fn passage(key: DocumentKey, generation: &str, ordinal: u32, text: &str) -> NewPassage {
    let stored = Stored {
        tenant: key.tenant,
        base: key.base,
        document: key.document,
        generation: generation.to_owned(),
        live: false,
        model: NO_MODEL.to_owned(),
        script: Script::English.code().to_owned(),
        ordinal,
        name: "handbook.pdf".to_owned(),
        headings: vec!["Chapter".to_owned()],
        page: Some(ordinal + 1),
        offset: u64::from(ordinal) * 100,
        text: text.to_owned(),
    };
    NewPassage { words: sparse::document(text, Script::English), stored, dense: None }
}

async fn put(index: &EdgeIndex, key: DocumentKey, generation: &str, texts: &[&str]) {
    let passages = (0_u32..).zip(texts).map(|(n, t)| passage(key, generation, n, t)).collect();
    index.stage(passages).await.expect("staged");
    index.switch(key, generation.to_owned(), u32::try_from(texts.len()).expect("few")).await.expect("switched");
}

async fn found(index: &EdgeIndex, tenant: u128, bases: &[u128], question: &str) -> Vec<String> {
    let scope = Scope {
        tenant: TenantId::new(Uuid::from_u128(tenant)),
        bases: bases.iter().map(|b| KnowledgeBaseId::new(Uuid::from_u128(*b))).collect(),
    };
    let words = sparse::query(question, None);
    let read = move |reader: &Reader<'_>| {
        let ids: Vec<Uuid> = reader.by_words(&scope, &words, 10)?.iter().map(|h| h.id).collect();
        Ok(reader.load(&ids)?.into_iter().map(|(_, s)| s.text).collect::<Vec<_>>())
    };
    let mut texts = index.read(read).await.expect("searched");
    texts.sort();
    texts
}

async fn count(index: &EdgeIndex) -> usize {
    index.read(|r| r.count()).await.expect("counted")
}

// req: S1-RAG-1
#[tokio::test]
async fn tenants_and_bases_never_meet() {
    let dir = tempfile::tempdir().expect("temp dir");
    let index = EdgeIndex::open(dir.path()).await.expect("opens");
    put(&index, key(1, 10, 100), "a", &["warranty of one"]).await;
    put(&index, key(2, 20, 200), "a", &["warranty of two"]).await;
    put(&index, key(1, 11, 101), "a", &["warranty of one, other base"]).await;
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty of one"]);
    assert_eq!(found(&index, 1, &[10, 11], "warranty").await.len(), 2);
    assert_eq!(found(&index, 2, &[20], "warranty").await, ["warranty of two"]);
    // The other tenant's base under one's own tenant, and the other way round, finds nothing.
    assert!(found(&index, 1, &[20], "warranty").await.is_empty());
    assert!(found(&index, 2, &[10, 11], "warranty").await.is_empty());
    assert!(found(&index, 1, &[], "warranty").await.is_empty());
}

#[tokio::test]
async fn a_replacement_is_invisible_until_switched_and_then_whole() {
    let dir = tempfile::tempdir().expect("temp dir");
    let index = EdgeIndex::open(dir.path()).await.expect("opens");
    let doc = key(1, 10, 100);
    put(&index, doc, "old", &["old warranty first", "old warranty second"]).await;
    index.stage(vec![passage(doc, "new", 0, "new warranty first")]).await.expect("staged");
    let old = ["old warranty first", "old warranty second"];
    assert_eq!(found(&index, 1, &[10], "warranty").await, old);
    // Not whole: refused, and nothing changed.
    let refused = index.switch(doc, "new".to_owned(), 2).await.expect_err("one is missing");
    assert_eq!(refused.code, "index.incomplete");
    assert_eq!(found(&index, 1, &[10], "warranty").await, old);
    assert_eq!(index.written(doc, "new".to_owned()).await.expect("read"), [0].into());
    index.stage(vec![passage(doc, "new", 1, "new warranty second")]).await.expect("staged");
    index.switch(doc, "new".to_owned(), 2).await.expect("switched");
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["new warranty first", "new warranty second"]);
    assert_eq!(count(&index).await, 2, "the old ones are gone");
}

#[tokio::test]
async fn readers_see_old_or_new_while_a_document_is_replaced_again_and_again() {
    let dir = tempfile::tempdir().expect("temp dir");
    let index = EdgeIndex::open(dir.path()).await.expect("opens");
    let doc = key(1, 10, 100);
    put(&index, doc, "g0", &["warranty g0 one", "warranty g0 two", "warranty g0 three"]).await;
    let writer = {
        let index = index.clone();
        tokio::spawn(async move {
            for n in 1..12 {
                let g = format!("g{n}");
                let texts = ["one", "two", "three"].map(|w| format!("warranty {g} {w}"));
                put(&index, doc, &g, &texts.each_ref().map(String::as_str)).await;
            }
        })
    };
    while !writer.is_finished() {
        let texts = found(&index, 1, &[10], "warranty").await;
        let generation = texts.first().and_then(|t| t.split(' ').nth(1)).map(str::to_owned);
        let generation = generation.expect("never nothing");
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts.iter().all(|t| t.split(' ').nth(1) == Some(&generation)), "mixed: {texts:?}");
    }
    writer.await.expect("writer");
}

#[tokio::test]
async fn a_switch_that_a_crash_interrupted_is_finished_at_the_next_opening() {
    let dir = tempfile::tempdir().expect("temp dir");
    let doc = key(1, 10, 100);
    {
        let index = EdgeIndex::open(dir.path()).await.expect("opens");
        put(&index, doc, "old", &["old warranty"]).await;
        index.stage(vec![passage(doc, "new", 0, "new warranty")]).await.expect("staged");
        index.close().await.expect("closed");
    }
    // As if the process had died right after the note was written.
    Pending { key: doc, generation: "new".to_owned(), passages: 1 }.write(dir.path()).expect("note");
    let index = EdgeIndex::open(dir.path()).await.expect("opens again");
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["new warranty"]);
    assert_eq!(Pending::all(dir.path()).expect("read"), []);
}

#[tokio::test]
async fn forgetting_leaves_nothing_of_that_document_and_everything_of_others() {
    let dir = tempfile::tempdir().expect("temp dir");
    let index = EdgeIndex::open(dir.path()).await.expect("opens");
    put(&index, key(1, 10, 100), "a", &["warranty gone", "also gone"]).await;
    index.stage(vec![passage(key(1, 10, 100), "b", 0, "staged and gone")]).await.expect("staged");
    put(&index, key(1, 10, 101), "a", &["warranty stays"]).await;
    // Another tenant's document of the same id is another document.
    put(&index, key(2, 10, 100), "a", &["warranty of two"]).await;
    index.forget(key(1, 10, 100)).await.expect("forgotten");
    assert_eq!(found(&index, 1, &[10], "warranty gone").await, ["warranty stays"]);
    assert_eq!(found(&index, 2, &[10], "warranty").await, ["warranty of two"]);
    assert_eq!(count(&index).await, 2);
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening_and_maintenance() {
    let dir = tempfile::tempdir().expect("temp dir");
    {
        let index = EdgeIndex::open(dir.path()).await.expect("opens");
        put(&index, key(1, 10, 100), "a", &["warranty of one"]).await;
    }
    let index = EdgeIndex::open(dir.path()).await.expect("opens again");
    index.maintain().await.expect("maintained");
    assert_eq!(found(&index, 1, &[10], "warranty").await, ["warranty of one"]);
    assert_eq!(index.outdated("some-model").await.expect("read"), [key(1, 10, 100)]);
    assert!(index.outdated(NO_MODEL).await.expect("read").is_empty());
}

#[tokio::test]
async fn the_folder_is_locked_to_one_and_a_closed_index_says_so() {
    let dir = tempfile::tempdir().expect("temp dir");
    let index = EdgeIndex::open(dir.path()).await.expect("opens");
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
