//! Recall over a real knowledge base: the banking domain of tau2-bench, whose tasks name the documents that they need.
//! The data is not kept here (MIT, github.com/sierra-research/tau2-bench, data/tau2/domains/banking_knowledge):
//!
//! `COLLOQUY_TEST_BANKING=FOLDER cargo nextest run -p colloquy-rag --run-ignored only recall --no-capture`

use crate::{
    document::Extraction,
    formats::{self, ExtractLimits},
    index::VectorStore,
    models::Models,
    pipeline::{Extract, ModelStatus, Rag, RagOptions},
    testing::real_models,
};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{IngestJob, IngestProgress, KnowledgeQuery, Narrow},
    language::Language,
    ports::{DocumentPipeline, Knowledge, ProgressSink},
};
use futures::StreamExt;
use serde::Deserialize;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use uuid::Uuid;

/// Passages that are asked for: enough for ten documents.
const PASSAGES: usize = 60;
/// Documents that are ingested at once.
const AT_ONCE: usize = 8;
const TENANT: u128 = 1;
const BASE: u128 = 2;

#[derive(Deserialize)]
struct Document {
    id: String,
    title: String,
    content: String,
}

#[derive(Deserialize)]
struct Task {
    user_scenario: Person,
    required_documents: Vec<String>,
}

#[derive(Deserialize)]
struct Person {
    instructions: String,
}

/// As the child process reads files, in this one.
struct InProcess;

#[async_trait]
impl Extract for InProcess {
    async fn extract(&self, path: &Path) -> Result<Extraction, Failure> {
        let bytes = fs::read(path).expect("a file that was just written");
        Ok(formats::extract(path, &bytes, &ExtractLimits::default()))
    }
}

struct Quiet;

impl ProgressSink for Quiet {
    fn progress(&self, _: IngestProgress) {}
}

async fn ingest(rag: &Rag, folder: &Path, work: &Path) -> usize {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder.join("documents")).expect("documents").flatten().map(|e| e.path()).collect();
    files.sort();
    let one = |(n, file): (u128, &PathBuf)| {
        let document: Document = serde_json::from_slice(&fs::read(file).expect("read")).expect("a document");
        let name = format!("{}.md", document.id);
        let path = work.join(&name);
        fs::write(&path, format!("# {}\n\n{}\n", document.title, document.content)).expect("written");
        let job = IngestJob {
            tenant: TenantId::new(Uuid::from_u128(TENANT)),
            base: KnowledgeBaseId::new(Uuid::from_u128(BASE)),
            document: DocumentId::new(Uuid::from_u128(1_000 + n)),
            name,
            path,
            attempt: 0,
        };
        async move { rag.ingest(&job, &Quiet).await.map(|_| ()).expect("ingested") }
    };
    futures::stream::iter((0..).zip(&files)).map(one).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    files.len()
}

/// Documents by their best passage, best first, over all forms of the question.
async fn found(rag: &Rag, questions: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for question in questions {
        let query = KnowledgeQuery {
            tenant: TenantId::new(Uuid::from_u128(TENANT)),
            bases: vec![KnowledgeBaseId::new(Uuid::from_u128(BASE))],
            without: Vec::new(),
            text: question.clone(),
            previous: Vec::new(),
            rewritten: None,
            language: Some(Language::En),
            limit: PASSAGES,
            narrow: Narrow::default(),
        };
        all.extend(rag.search(query).await.expect("searched"));
    }
    all.sort_by(|a, b| b.scores.shown.total_cmp(&a.scores.shown));
    let mut seen = BTreeSet::new();
    all.into_iter().map(|p| p.name.trim_end_matches(".md").to_owned()).filter(|n| seen.insert(n.clone())).collect()
}

/// What the person is to say word for word.
fn quoted(instructions: &str) -> Vec<String> {
    let plain = instructions.replace(['“', '”'], "\"");
    plain.split('"').skip(1).step_by(2).map(str::trim).filter(|q| q.split(' ').count() > 4).map(str::to_owned).collect()
}

/// Share of the needed documents among the first k, and the largest share that k documents can have.
fn recall(found: &[String], needed: &[String], k: usize) -> (f64, f64) {
    let hits = needed.iter().filter(|n| found.iter().take(k).any(|f| f == *n)).count();
    let share = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / needed.len().max(1) as f64;
    (share(hits), share(k.min(needed.len())))
}

async fn measure(rag: &Rag, tasks: &[Task], name: &str, questions: impl Fn(&Task) -> Vec<String>) -> [f64; 2] {
    let (mut sums, mut most, mut first) = ([0.0; 2], [0.0; 2], 0);
    for task in tasks {
        let found = found(rag, &questions(task)).await;
        first += usize::from(found.first().is_some_and(|f| task.required_documents.contains(f)));
        for (n, k) in [5, 10].into_iter().enumerate() {
            let (hit, possible) = recall(&found, &task.required_documents, k);
            sums[n] += hit;
            most[n] += possible;
        }
    }
    let mean = |sum: f64| sum / tasks.len() as f64;
    println!(
        "{name:<28} recall@5 {:.3} (of {:.3} possible)  recall@10 {:.3} (of {:.3})  first is needed {:.3}",
        mean(sums[0]),
        mean(most[0]),
        mean(sums[1]),
        mean(most[1]),
        first as f64 / tasks.len() as f64
    );
    sums.map(mean)
}

#[tokio::test]
#[ignore = "its data is not kept here; see above"]
async fn recall_over_the_banking_domain() {
    let folder =
        PathBuf::from(std::env::var_os("COLLOQUY_TEST_BANKING").expect("COLLOQUY_TEST_BANKING names the folder"));
    let tasks: Vec<Task> =
        serde_json::from_slice(&fs::read(folder.join("tasks.json")).expect("tasks.json")).expect("tasks");
    let whole = |t: &Task| vec![t.user_scenario.instructions.clone()];
    let spoken = |t: &Task| {
        let said = quoted(&t.user_scenario.instructions);
        if said.is_empty() { whole(t) } else { said }
    };
    for models in [real_models().await, Models::new(PathBuf::from("no-models"), None)] {
        let work = tempfile::tempdir().expect("a folder");
        let store = VectorStore::Embedded { dir: work.path().join("index") };
        let rag =
            Rag::open(RagOptions { store, models, elsewhere: None, extractor: Arc::new(InProcess), reranker: None })
                .await
                .expect("opens");
        let how =
            if matches!(rag.model_state(), ModelStatus::Ready { .. }) { "words and meaning" } else { "words alone" };
        let documents = ingest(&rag, &folder, work.path()).await;
        println!(
            "{how}: {documents} documents, {} passages, {} tasks",
            rag.passages().await.expect("counted"),
            tasks.len()
        );
        let [at5, at10] = measure(&rag, &tasks, "whole instructions", whole).await;
        let said = measure(&rag, &tasks, "what the person says", spoken).await;
        // Far below what is measured: only a retrieval that is broken falls through.
        assert!(at10 > 0.1 && at10 >= at5 && said[1] >= said[0], "{at5} {at10} {said:?}");
        rag.close().await.expect("closes");
    }
}
