//! Measures retrieval on a folder with `passages.jsonl` ({id, title, text}) and `queries.jsonl` ({id, text, relevant,
//! and for conversations history and answerable}).
//!
//! ```text
//! cargo run -p colloquy-rag --example evaluate -- FOLDER [QUERIES]
//! ```
//!
//! Prints R@1, R@5 and nDCG@10 by words, by meaning and fused; with histories also for the last turn alone; with
//! unanswerable questions also how well the best score tells them apart (AUROC).
#![allow(clippy::print_stdout, reason = "a report for people")]

use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{KnowledgeQuery, Passage},
};
use colloquy_rag::{
    embed::{Embedder, Slot},
    index::{DocumentKey, Index, NewPassage, Stored, VectorStore},
    models::{ModelState, Models, default_dir, manifest::DEFAULT_MODEL},
    retrieve::{Mode, Retriever},
    sparse,
};
use serde::Deserialize;
use std::{collections::HashSet, path::Path};
use tokio::time::Instant;
use uuid::Uuid;

/// More than any passage is long: a passage's place in the file is its offset divided by this.
const SPACING: u64 = 1_000_000;
/// An agent's usual lowest cosine.
const FLOOR: f32 = 0.30;
/// Passages written at once.
const WINDOW: usize = 64;

#[derive(Deserialize)]
struct Source {
    id: String,
    title: String,
    text: String,
}

#[derive(Deserialize)]
struct Query {
    text: String,
    relevant: Vec<String>,
    #[serde(default)]
    history: Vec<Turn>,
    answerable: Option<bool>,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let most: usize = arguments.next().map_or(Ok(usize::MAX), |n| n.parse())?;
    let sources: Vec<Source> = read(&Path::new(&folder).join("passages.jsonl"))?;
    let mut queries: Vec<Query> = read(&Path::new(&folder).join("queries.jsonl"))?;
    queries.truncate(most);

    let slot = Slot::default();
    match Models::from_env(default_dir()).locate() {
        ModelState::Ready(files) => slot.set(Embedder::load(files, DEFAULT_MODEL).await?),
        ModelState::Missing { what, hint } => println!("by words only: {what}; {hint}"),
    }
    let dir = tempfile::tempdir()?;
    let index = Index::open(VectorStore::Embedded { dir: dir.path().to_owned() }).await?;
    let key = DocumentKey {
        tenant: TenantId::new(Uuid::from_u128(1)),
        base: KnowledgeBaseId::new(Uuid::from_u128(2)),
        document: DocumentId::new(Uuid::from_u128(3)),
    };
    let started = Instant::now();
    fill(&index, &slot, key, &sources).await?;
    let seconds = started.elapsed().as_secs_f64();
    println!("{} passages in {seconds:.1} s ({:.1} a second)", sources.len(), sources.len() as f64 / seconds);
    report(&Retriever::new(index, slot), key, &sources, &queries).await?;
    Ok(())
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<T>, Box<dyn std::error::Error>> {
    Ok(std::fs::read_to_string(path)?.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// As the pipeline writes: windows of similar length.
async fn fill(index: &Index, slot: &Slot, key: DocumentKey, sources: &[Source]) -> Result<(), Failure> {
    let mut waiting: Vec<(u32, &Source)> = (0_u32..).zip(sources).collect();
    waiting.sort_by_key(|(_, s)| std::cmp::Reverse(s.text.len()));
    for window in waiting.chunks(WINDOW) {
        let texts: Vec<String> = window.iter().map(|(_, s)| format!("{}\n{}", s.title, s.text)).collect();
        let vectors = match slot.get() {
            Some(embedder) => embedder.embed_documents(&texts).await?.into_iter().map(Some).collect(),
            None => vec![None; texts.len()],
        };
        let passages = window.iter().zip(&texts).zip(vectors).map(|(((ordinal, source), indexed), dense)| {
            let stored = stored(key, *ordinal, source);
            let words = sparse::document(indexed, sparse::Script::from_code(&stored.script));
            NewPassage { stored, words, dense }
        });
        index.stage(passages.collect()).await?;
    }
    index.switch(key, "evaluation".to_owned(), u32::try_from(sources.len()).unwrap_or(u32::MAX)).await
}

fn stored(key: DocumentKey, ordinal: u32, source: &Source) -> Stored {
    Stored {
        tenant: key.tenant,
        base: key.base,
        document: key.document,
        generation: "evaluation".to_owned(),
        live: false,
        model: DEFAULT_MODEL.id.to_owned(),
        script: sparse::detect_script(&source.text, None).code().to_owned(),
        ordinal,
        name: source.title.clone(),
        headings: Vec::new(),
        page: None,
        offset: u64::from(ordinal) * SPACING,
        text: source.text.clone(),
    }
}

async fn report(retriever: &Retriever, key: DocumentKey, sources: &[Source], queries: &[Query]) -> Result<(), Failure> {
    let conversations = queries.iter().any(|q| !q.history.is_empty());
    println!("{:<18} {:>6} {:>6} {:>8} {:>9}", "", "R@1", "R@5", "nDCG@10", "ms/query");
    for (mode, name) in [(Mode::Words, "words"), (Mode::Meaning, "meaning"), (Mode::Hybrid, "hybrid")] {
        for history in [false, true].into_iter().filter(|h| !*h || conversations) {
            let mut tally = Tally::default();
            let started = Instant::now();
            for query in queries {
                tally.add(query, &ask(retriever, key, query, mode, history).await?, sources);
            }
            let name = format!("{name}{}", if history { " + history" } else { "" });
            tally.print(&name, started.elapsed().as_secs_f64() * 1000.0 / queries.len() as f64);
        }
    }
    Ok(())
}

async fn ask(
    retriever: &Retriever,
    key: DocumentKey,
    query: &Query,
    mode: Mode,
    history: bool,
) -> Result<Vec<Passage>, Failure> {
    let said = query.history.iter().filter(|t| history && t.role == "user").map(|t| t.text.clone());
    let query = KnowledgeQuery {
        tenant: key.tenant,
        bases: vec![key.base],
        without: Vec::new(),
        text: query.text.clone(),
        previous: said.collect(),
        language: None,
        limit: 10,
    };
    retriever.search_by(query, mode).await
}

/// The best of one question's passages.
struct Best {
    answerable: bool,
    shown: f32,
    cosine: f32,
}

#[derive(Default)]
struct Tally {
    asked: f64,
    first: f64,
    five: f64,
    ndcg: f64,
    /// Relevant passages among the first five, and how many of them have a cosine below [`FLOOR`].
    good: f64,
    below: f64,
    best: Vec<Best>,
}

impl Tally {
    fn add(&mut self, query: &Query, found: &[Passage], sources: &[Source]) {
        if let Some(answerable) = query.answerable {
            let cosine = found.iter().filter_map(|p| p.scores.cosine).fold(-1.0, f32::max);
            self.best.push(Best { answerable, shown: found.first().map_or(0.0, |p| p.scores.shown), cosine });
        }
        if query.relevant.is_empty() {
            return;
        }
        let relevant: HashSet<&str> = query.relevant.iter().map(String::as_str).collect();
        let place = |p: &Passage| usize::try_from(p.offset / SPACING).unwrap_or(usize::MAX);
        let hits: Vec<bool> =
            found.iter().map(|p| sources.get(place(p)).is_some_and(|s| relevant.contains(s.id.as_str()))).collect();
        for (passage, _) in found.iter().zip(&hits).take(5).filter(|(_, hit)| **hit) {
            self.good += 1.0;
            self.below += f64::from(u8::from(passage.scores.cosine.is_some_and(|c| c < FLOOR)));
        }
        let within = |n: usize| hits.iter().take(n).filter(|h| **h).count() as f64;
        let gain = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
        let ideal: f64 = (0..relevant.len().min(10)).map(gain).sum();
        self.asked += 1.0;
        self.first += within(1).min(1.0);
        self.five += within(5) / relevant.len() as f64;
        self.ndcg += hits.iter().enumerate().filter(|(_, h)| **h).map(|(rank, _)| gain(rank)).sum::<f64>() / ideal;
    }

    fn print(&self, name: &str, ms: f64) {
        let of = |sum: f64| sum / self.asked.max(1.0);
        print!("{name:<18} {:>6.3} {:>6.3} {:>8.3} {ms:>9.1}", of(self.first), of(self.five), of(self.ndcg));
        print!("   good passages below {FLOOR}: {:.3}", self.below / self.good.max(1.0));
        let answerable = self.best.iter().filter(|b| b.answerable).count();
        if answerable > 0 && answerable < self.best.len() {
            print!("   AUROC shown {:.3} cosine {:.3}", self.auroc(|b| b.shown), self.auroc(|b| b.cosine));
        }
        println!();
    }

    /// How often an answerable question scores above an unanswerable one.
    fn auroc(&self, score: impl Fn(&Best) -> f32) -> f64 {
        let (mut above, mut pairs) = (0.0, 0.0);
        for yes in self.best.iter().filter(|b| b.answerable) {
            for no in self.best.iter().filter(|b| !b.answerable) {
                pairs += 1.0;
                above += match score(yes).total_cmp(&score(no)) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        above / pairs
    }
}
