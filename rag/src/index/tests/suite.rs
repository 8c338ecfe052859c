//! What every store must do.

use super::*;
use bench::on_real_server;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

macro_rules! on_every_store {
    ($($test:ident;)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&super::Bench::embedded().await).await;
            })*
        }
        mod standin {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(&super::Bench::standin().await).await;
            })*
        }
        mod real_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::on_real_server(super::$test).await;
            })*
        }
    };
}

on_every_store! {
    tenants_and_bases_never_meet;
    a_replacement_is_invisible_until_switched_and_then_whole;
    readers_see_old_or_new_while_a_document_is_replaced_again_and_again;
    a_replacement_during_a_search_is_seen_whole;
    replacements_of_other_documents_do_not_disturb_a_search;
    forgetting_leaves_nothing_of_that_document_and_everything_of_others;
    documents_of_another_model_are_listed;
    switching_to_what_is_visible_already_changes_nothing;
    an_earlier_version_can_come_back;
    a_large_document_is_written_in_parts_and_read_in_pages;
    a_document_is_shown_as_readers_see_it;
}

async fn a_document_is_shown_as_readers_see_it(bench: &Bench) {
    let (index, doc) = (&bench.index, key(1, 10, 100));
    let shown = async |key, ordinals| {
        let found = index.passages(key, ordinals).await.expect("read");
        found.into_iter().map(|p| p.text).collect::<Vec<_>>()
    };
    index.stage(vec![passage(doc, "a", 0, "hidden")]).await.expect("staged");
    assert!(shown(doc, 0..10).await.is_empty(), "nobody sees it yet");
    let texts: Vec<String> = (0..12).map(|n| format!("passage {n}")).collect();
    put(index, doc, "b", &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    index.stage(vec![passage(doc, "c", 0, "the next version")]).await.expect("staged");
    assert_eq!(shown(doc, 0..100).await, texts);
    assert_eq!(shown(doc, 10..12).await, ["passage 10", "passage 11"]);
    assert!(shown(doc, 12..20).await.is_empty());
    // Of the same number, but another tenant's or another base's.
    assert!(shown(key(2, 10, 100), 0..10).await.is_empty());
    assert!(shown(key(1, 11, 100), 0..10).await.is_empty());
}

// req: S1-RAG-1
async fn tenants_and_bases_never_meet(bench: &Bench) {
    let index = &bench.index;
    put(index, key(1, 10, 100), "a", &["warranty of one"]).await;
    put(index, key(2, 20, 200), "a", &["warranty of two"]).await;
    put(index, key(1, 11, 101), "a", &["warranty of one, other base"]).await;
    assert_eq!(found(index, 1, &[10], "warranty").await, ["warranty of one"]);
    assert_eq!(found(index, 1, &[10, 11], "warranty").await.len(), 2);
    assert_eq!(found(index, 2, &[20], "warranty").await, ["warranty of two"]);
    // The other tenant's base under one's own tenant, and the other way round, finds nothing.
    assert!(found(index, 1, &[20], "warranty").await.is_empty());
    assert!(found(index, 2, &[10, 11], "warranty").await.is_empty());
    assert!(found(index, 1, &[], "warranty").await.is_empty());
}

async fn a_replacement_is_invisible_until_switched_and_then_whole(bench: &Bench) {
    let (index, other) = (&bench.index, bench.other().await);
    let doc = key(1, 10, 100);
    put(index, doc, "old", &["old warranty first", "old warranty second"]).await;
    index.stage(vec![passage(doc, "new", 0, "new warranty first")]).await.expect("staged");
    let old = ["old warranty first", "old warranty second"];
    assert_eq!(found(&other, 1, &[10], "warranty").await, old);
    // Not whole: refused, and nothing changed.
    let refused = index.switch(doc, "new".to_owned(), 2).await.expect_err("one is missing");
    assert_eq!(refused.code, "index.incomplete");
    assert_eq!(found(&other, 1, &[10], "warranty").await, old);
    assert_eq!(other.written(doc, "new".to_owned()).await.expect("read"), [0].into());
    index.stage(vec![passage(doc, "new", 1, "new warranty second")]).await.expect("staged");
    index.switch(doc, "new".to_owned(), 2).await.expect("switched");
    // At once, for everybody.
    assert_eq!(found(&other, 1, &[10], "warranty").await, ["new warranty first", "new warranty second"]);
    assert_eq!(count(&other).await, 2, "the old ones are gone");
}

async fn readers_see_old_or_new_while_a_document_is_replaced_again_and_again(bench: &Bench) {
    let doc = key(1, 10, 100);
    put(&bench.index, doc, "g0", &["warranty g0 one", "warranty g0 two", "warranty g0 three"]).await;
    let writer = {
        let index = bench.index.clone();
        tokio::spawn(async move {
            for n in 1..25 {
                let g = format!("g{n}");
                let texts = ["one", "two", "three"].map(|w| format!("warranty {g} {w}"));
                put(&index, doc, &g, &texts.each_ref().map(String::as_str)).await;
            }
        })
    };
    let reader = |index: Index, stop: tokio::task::AbortHandle| async move {
        let mut reads = 0;
        while !stop.is_finished() {
            let texts = match search(&index, 1, &[10], "warranty").await {
                Ok(texts) => texts,
                // No answer is an allowed answer; a wrong one is not.
                Err(busy) if busy.code == "index.busy" => continue,
                Err(other) => panic!("{other}"),
            };
            let generation = texts.first().and_then(|t| t.split(' ').nth(1)).map(str::to_owned);
            let generation = generation.expect("never nothing");
            assert_eq!(texts.len(), 3, "{texts:?}");
            assert!(texts.iter().all(|t| t.split(' ').nth(1) == Some(&generation)), "mixed: {texts:?}");
            reads += 1;
        }
        reads
    };
    let (one, two) = tokio::join!(
        reader(bench.other().await, writer.abort_handle()),
        reader(bench.other().await, writer.abort_handle())
    );
    writer.await.expect("writer");
    assert!(one > 0 && two > 0, "the readers never came to read");
}

/// A search whose two looks at the store lie before and after a replacement.
async fn a_replacement_during_a_search_is_seen_whole(bench: &Bench) {
    if matches!(bench.index, Index::Embedded(_)) {
        // There a replacement waits for the search.
        return;
    }
    let doc = key(1, 10, 100);
    put(&bench.index, doc, "old", &["warranty old"]).await;
    let writer = bench.other().await;
    let runs = Arc::new(AtomicU32::new(0));
    let (runtime, counted) = (tokio::runtime::Handle::current(), Arc::clone(&runs));
    let words = sparse::query("warranty", None);
    let scope = scope(doc.tenant, vec![doc.base]);
    let read = move |reader: &Reader<'_>| {
        let found = reader.candidates(&[Ask { words: &words, vector: None }], 10)?;
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            runtime.block_on(put(&writer, doc, "new", &["warranty new"]));
        }
        let ids: Vec<Uuid> = found[0].words.iter().map(|h| h.id).collect();
        Ok(reader.load(&ids)?.into_iter().map(|(_, s)| s.text).collect::<Vec<_>>())
    };
    assert_eq!(bench.index.read(scope, read).await.expect("read"), ["warranty new"]);
    assert_eq!(runs.load(Ordering::SeqCst), 2, "the first run found what was gone a moment later");
}

/// As while many documents are uploaded.
async fn replacements_of_other_documents_do_not_disturb_a_search(bench: &Bench) {
    if matches!(bench.index, Index::Embedded(_)) {
        return;
    }
    let doc = key(1, 10, 100);
    put(&bench.index, doc, "a", &["warranty"]).await;
    let writer = bench.other().await;
    let runs = Arc::new(AtomicU32::new(0));
    let (runtime, counted) = (tokio::runtime::Handle::current(), Arc::clone(&runs));
    let words = sparse::query("warranty", None);
    let scope = scope(doc.tenant, vec![doc.base]);
    let read = move |reader: &Reader<'_>| {
        let run = counted.fetch_add(1, Ordering::SeqCst);
        let found = reader.candidates(&[Ask { words: &words, vector: None }], 10)?;
        runtime.block_on(put(&writer, key(1, 10, 200), &format!("g{run}"), &["something else"]));
        let ids: Vec<Uuid> = found[0].words.iter().map(|h| h.id).collect();
        Ok(reader.load(&ids)?.into_iter().map(|(_, s)| s.text).collect::<Vec<_>>())
    };
    assert_eq!(bench.index.read(scope, read).await.expect("read"), ["warranty"]);
    assert_eq!(runs.load(Ordering::SeqCst), 2, "once to know what to watch, once to see that it stayed");
}

async fn forgetting_leaves_nothing_of_that_document_and_everything_of_others(bench: &Bench) {
    let index = &bench.index;
    put(index, key(1, 10, 100), "a", &["warranty gone", "also gone"]).await;
    index.stage(vec![passage(key(1, 10, 100), "b", 0, "staged and gone")]).await.expect("staged");
    put(index, key(1, 10, 101), "a", &["warranty stays"]).await;
    // Another tenant's document of the same id is another document.
    put(index, key(2, 10, 100), "a", &["warranty of two"]).await;
    index.forget(key(1, 10, 100)).await.expect("forgotten");
    assert_eq!(found(index, 1, &[10], "warranty gone").await, ["warranty stays"]);
    assert_eq!(found(index, 2, &[10], "warranty").await, ["warranty of two"]);
    assert_eq!(count(index).await, 2);
}

async fn documents_of_another_model_are_listed(bench: &Bench) {
    let index = &bench.index;
    put(index, key(1, 10, 100), "a", &["warranty of one", "and more"]).await;
    put(index, key(2, 10, 100), "a", &["warranty of two"]).await;
    index.stage(vec![passage(key(1, 10, 101), "a", 0, "not visible yet")]).await.expect("staged");
    let mut outdated = index.outdated("some-model").await.expect("read");
    outdated.sort();
    assert_eq!(outdated, [key(1, 10, 100), key(2, 10, 100)]);
    assert!(index.outdated(NO_MODEL).await.expect("read").is_empty());
}

async fn switching_to_what_is_visible_already_changes_nothing(bench: &Bench) {
    let (index, doc) = (&bench.index, key(1, 10, 100));
    put(index, doc, "a", &["warranty of one", "warranty of all"]).await;
    index.switch(doc, "a".to_owned(), 2).await.expect("again");
    assert_eq!(found(index, 1, &[10], "warranty").await.len(), 2);
    // What was staged and given up goes with the next switch, even to what is visible.
    index.stage(vec![passage(doc, "b", 0, "warranty given up")]).await.expect("staged");
    index.switch(doc, "a".to_owned(), 2).await.expect("again");
    assert_eq!(found(index, 1, &[10], "warranty").await.len(), 2);
    assert_eq!(count(index).await, 2);
}

async fn an_earlier_version_can_come_back(bench: &Bench) {
    let (index, doc) = (&bench.index, key(1, 10, 100));
    for generation in ["a", "b", "a", "b"] {
        put(index, doc, generation, &[&format!("warranty {generation}")]).await;
        assert_eq!(found(index, 1, &[10], "warranty").await, [format!("warranty {generation}")]);
        assert_eq!(count(index).await, 1);
    }
}

async fn a_large_document_is_written_in_parts_and_read_in_pages(bench: &Bench) {
    let (index, doc) = (&bench.index, key(1, 10, 100));
    let texts: Vec<String> = (0..1_100).map(|n| format!("paragraph{n} of the handbook")).collect();
    put(index, doc, "a", &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(count(index).await, 1_100);
    assert_eq!(index.written(doc, "a".to_owned()).await.expect("read").len(), 1_100);
    assert_eq!(found(index, 1, &[10], "paragraph999").await, ["paragraph999 of the handbook"]);
    put(index, doc, "b", &["a short one"]).await;
    assert_eq!(count(index).await, 1);
}
