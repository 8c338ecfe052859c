//! That retrieval has not become worse, on small samples of two public sets.
//!
//! The floors are chosen to catch a break, not a drift: a sample of a hundred has a noise of about four questions. Nothing was
//! tuned on these questions. With fewer passages to choose from, the figures are higher than those of the whole sets.

use super::*;
use crate::{
    index::VectorStore,
    models::{ModelState, Models, manifest::MULTILINGUAL_MODEL},
};
use std::path::Path;

struct Floor {
    recall_1: f64,
    recall_5: f64,
    ndcg_10: f64,
}

async fn measured(set: &str, models: Option<Models>, mode: Mode) -> Measures {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/retrieval").join(set);
    let sources: Vec<Source> = read(&folder.join("passages.jsonl")).expect("passages");
    let questions: Vec<Question> = read(&folder.join("queries.jsonl")).expect("questions");
    let dir = tempfile::tempdir().expect("a folder");
    let index = Index::open(VectorStore::Embedded { dir: dir.path().join("index") }).await.expect("opens");
    let slot = Slot::default();
    if let Some(models) = models {
        let ModelState::Ready(files) = models.locate() else { panic!("the model is installed") };
        slot.set(Embedder::load(files, models.spec()).await.expect("loads"));
    }
    let bed = Bed::fill(&index, &slot, &sources).await.expect("filled");
    let measures = bed.measure(&questions, false, mode).await.expect("measured").measures();
    index.close().await.expect("closes");
    println!("{set}, {mode:?}: {measures:?}");
    measures
}

fn assert_above(measures: Measures, floor: &Floor) {
    let Measures { recall_1, recall_5, ndcg_10, queries, .. } = measures;
    assert_eq!(queries, 100);
    assert!(recall_1 >= floor.recall_1, "recall@1 {recall_1} is below {}", floor.recall_1);
    assert!(recall_5 >= floor.recall_5, "recall@5 {recall_5} is below {}", floor.recall_5);
    assert!(ndcg_10 >= floor.ndcg_10, "ndcg@10 {ndcg_10} is below {}", floor.ndcg_10);
}

// req: S1-RAG-1
#[tokio::test]
async fn english_questions_find_their_paragraphs() {
    let models = crate::testing::real_models().await;
    let measures = measured("squad-en", Some(models), Mode::Hybrid).await;
    assert_above(measures, &Floor { recall_1: 0.80, recall_5: 0.93, ndcg_10: 0.88 });
}

// req: S1-RAG-1
#[tokio::test]
async fn french_questions_find_their_paragraphs_though_the_model_knows_no_french() {
    let models = crate::testing::real_models().await;
    let measures = measured("piaf-fr", Some(models), Mode::Hybrid).await;
    assert_above(measures, &Floor { recall_1: 0.75, recall_5: 0.90, ndcg_10: 0.85 });
}

// req: S1-RAG-1
#[tokio::test]
async fn french_questions_find_their_paragraphs_best_with_the_model_that_knows_french() {
    let models = crate::testing::real_models_of(MULTILINGUAL_MODEL).await;
    let measures = measured("piaf-fr", Some(models), Mode::Hybrid).await;
    assert_above(measures, &Floor { recall_1: 0.77, recall_5: 0.91, ndcg_10: 0.86 });
}

#[tokio::test]
async fn words_alone_find_nearly_as_much() {
    let measures = measured("squad-en", None, Mode::Words).await;
    assert_above(measures, &Floor { recall_1: 0.75, recall_5: 0.90, ndcg_10: 0.85 });
}
