//! The same data gives the same results, whichever store holds it.

use super::*;
use crate::{
    embed::{Embedder, Slot},
    models::manifest::DEFAULT_MODEL,
    retrieve::{Mode, Retriever},
};
use bench::on_real_server;
use colloquy_domain::knowledge::{KnowledgeQuery, Passage};
use std::collections::HashMap;

/// Rounding of sums in another order.
const EQUAL: f32 = 1e-5;
const TEXTS: [(&str, &str); 5] = [
    ("architecture.md", include_str!("../../../../docs/ARCHITECTURE.md")),
    ("delivery.md", include_str!("../../../../docs/DELIVERY.md")),
    ("security.md", include_str!("../../../../docs/SECURITY.md")),
    ("faq.md", include_str!("../../../../docs/FAQ.md")),
    ("faq.fr.md", include_str!("../../../../docs/FAQ.fr.md")),
];
const QUESTIONS: [&str; 8] = [
    "What happens when the provider does not acknowledge a message?",
    "Can a message be delivered twice?",
    "How are secrets stored?",
    "webhook signature",
    "Comment installer les modèles sans accès à internet ?",
    "Que se passe-t-il si un document est téléversé de nouveau ?",
    "Quels canaux sont pris en charge ?",
    "Is my data sent to another company?",
];

/// A few hundred passages of English and French, of two tenants and three bases, with real vectors.
async fn corpus(embedder: &Embedder) -> Vec<(DocumentKey, Vec<NewPassage>)> {
    let mut documents = Vec::new();
    for ((name, text), document) in TEXTS.into_iter().zip(100..) {
        let words: Vec<&str> = text.split_whitespace().collect();
        // They overlap, as neighbouring passages that nearly tie.
        let windows: Vec<String> = words.windows(24).step_by(8).take(90).map(|w| w.join(" ")).collect();
        let vectors = embedder.embed_documents(&windows).await.expect("embedded");
        // The last is another tenant's too.
        let owners = [(1, 10 + document % 2), (2, 20)];
        for (tenant, base) in owners.into_iter().take(if document == 104 { 2 } else { 1 }) {
            let doc = key(tenant, base, document);
            let passages = (0..).zip(&windows).zip(&vectors).map(|((ordinal, text), vector)| {
                let script = sparse::detect_script(text, None);
                let mut new = passage(doc, "a", ordinal, text);
                new.stored.name = name.to_owned();
                new.stored.model = DEFAULT_MODEL.id.to_owned();
                new.stored.script = script.code().to_owned();
                new.words = sparse::document(text, script);
                // Some passages have no vector, as those that were written before the model was there.
                new.dense = (ordinal % 13 != 0).then(|| vector.clone());
                new
            });
            documents.push((doc, passages.collect()));
        }
    }
    documents
}

async fn fill(index: &Index, corpus: &[(DocumentKey, Vec<NewPassage>)]) {
    for (key, passages) in corpus {
        index.stage(passages.clone()).await.expect("staged");
        index.switch(*key, "a".to_owned(), u32::try_from(passages.len()).expect("few")).await.expect("switched");
    }
}

async fn ask(index: &Index, slot: &Slot, question: &str, previous: &[&str], mode: Mode) -> Vec<Passage> {
    let query = KnowledgeQuery {
        tenant: TenantId::new(Uuid::from_u128(1)),
        bases: [10, 11].map(|b| KnowledgeBaseId::new(Uuid::from_u128(b))).into(),
        without: Vec::new(),
        text: question.to_owned(),
        previous: previous.iter().map(|p| (*p).to_owned()).collect(),
        rewritten: None,
        language: None,
        limit: 10,
        narrow: Narrow::default(),
    };
    Retriever::new(index.clone(), slot.clone()).search_by(query, mode).await.expect("searched")
}

fn close(a: Option<f32>, b: Option<f32>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= EQUAL,
        (a, b) => a == b,
    }
}

/// Equal scores at each rank, and equal passages but for the order of equals.
fn assert_equal(one: &[Passage], two: &[Passage], what: &str) {
    assert_eq!(one.len(), two.len(), "{what}");
    let id = |p: &Passage| (p.document, p.offset);
    let theirs: HashMap<_, &Passage> = two.iter().map(|p| (id(p), p)).collect();
    let last = one.last().map_or(0.0, |p| p.scores.shown);
    for (rank, (a, b)) in one.iter().zip(two).enumerate() {
        assert!(
            close(Some(a.scores.shown), Some(b.scores.shown)),
            "{what}, rank {rank}: {:?} {:?}",
            a.scores,
            b.scores
        );
        match theirs.get(&id(a)) {
            Some(same) => {
                assert!(close(Some(a.scores.shown), Some(same.scores.shown)), "{what}, rank {rank}");
                assert!(close(a.scores.cosine, same.scores.cosine), "{what}, rank {rank}");
                assert!(close(Some(a.scores.bm25), Some(same.scores.bm25)), "{what}, rank {rank}");
                assert_eq!(
                    (&a.text, &a.name, a.page, &a.headings),
                    (&same.text, &same.name, same.page, &same.headings)
                );
            }
            None => assert!(close(Some(a.scores.shown), Some(last)), "{what}: rank {rank} is missing"),
        }
    }
}

async fn compare(other: &Bench) {
    let slot = Slot::default();
    let embedder = crate::testing::real_embedder().await;
    let corpus = corpus(&embedder).await;
    assert!(corpus.iter().map(|(_, p)| p.len()).sum::<usize>() >= 200, "a corpus worth comparing");
    slot.set(embedder);
    let embedded = Bench::embedded().await;
    fill(&embedded.index, &corpus).await;
    fill(&other.index, &corpus).await;
    let mut found = 0;
    for mode in [Mode::Words, Mode::Meaning, Mode::Hybrid] {
        for (n, question) in QUESTIONS.iter().enumerate() {
            let previous: &[&str] = if n % 2 == 0 { &[] } else { &[QUESTIONS[n - 1]] };
            let ours = ask(&embedded.index, &slot, question, previous, mode).await;
            let theirs = ask(&other.index, &slot, question, previous, mode).await;
            assert_equal(&ours, &theirs, &format!("{mode:?}: {question}"));
            found += ours.len();
        }
    }
    assert!(found > 100, "only {found} passages were compared");
    let (ours, theirs) = (digest(&embedded.index).await.expect("read"), digest(&other.index).await.expect("read"));
    assert_eq!(ours, theirs, "the same points");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stand_in_finds_what_the_embedded_store_finds() {
    compare(&Bench::standin().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_server_finds_what_the_embedded_store_finds() {
    on_real_server(compare).await;
}
