//! Measures the extractive provider on a question-answering set: `evaluate_extractive FOLDER [QUESTIONS [WRONG]]`;
//! WRONG is how many wrong answers are shown.
//!
//! The folder holds `passages.jsonl` ({id, title, text}) and `queries.jsonl` ({text, relevant, answers}). Four situations
//! are measured: the right passage among five random ones; six random passages; the six best by BM25 (as retrieval
//! gives them); the six best by BM25 without the right one, the hardest to refuse.

use colloquy_domain::{
    grounding::ABSTAIN,
    ids::{ConversationId, DocumentId, TenantId},
    knowledge::{Passage, Scores},
    language::Language,
    model::{CompletionRequest, ModelChoice},
    ports::{Model, TokenSink},
};
use colloquy_llm::Extractive;
use serde::Deserialize;
use std::{
    collections::{HashMap, HashSet},
    error::Error,
    fs,
    io::Write,
    path::Path,
    time::Duration,
};

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
    answers: Vec<String>,
}

struct Silent;

impl TokenSink for Silent {
    fn delta(&self, _: &str) {}
}

/// Plain BM25 over title and text.
struct Index {
    postings: HashMap<String, Vec<(usize, f32)>>,
    lengths: Vec<f32>,
    mean: f32,
}

impl Index {
    #[allow(clippy::cast_precision_loss)]
    fn new(sources: &[Source]) -> Self {
        let mut postings: HashMap<String, Vec<(usize, f32)>> = HashMap::new();
        let mut lengths = Vec::new();
        for (place, source) in sources.iter().enumerate() {
            let mut counts: HashMap<String, f32> = HashMap::new();
            for word in words(&format!("{} {}", source.title, source.text)) {
                *counts.entry(word).or_default() += 1.0;
            }
            lengths.push(counts.values().sum());
            for (word, count) in counts {
                postings.entry(word).or_default().push((place, count));
            }
        }
        let mean = lengths.iter().sum::<f32>() / lengths.len() as f32;
        Self { postings, lengths, mean }
    }

    #[allow(clippy::cast_precision_loss)]
    fn search(&self, text: &str) -> Vec<(usize, f32)> {
        let mut scores: HashMap<usize, f32> = HashMap::new();
        for word in words(text).into_iter().collect::<HashSet<_>>() {
            let Some(list) = self.postings.get(&word) else { continue };
            let held = list.len() as f32;
            let idf = (1.0 + (self.lengths.len() as f32 - held + 0.5) / (held + 0.5)).ln();
            for (place, count) in list {
                let norm = 1.2 * (0.25 + 0.75 * self.lengths[*place] / self.mean);
                *scores.entry(*place).or_default() += idf * count * 2.2 / (count + norm);
            }
        }
        let mut ranked: Vec<(usize, f32)> = scores.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(50);
        ranked
    }
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(|w| w.chars().take(6).collect())
        .collect()
}

#[derive(Default)]
struct Tally {
    asked: u32,
    right: u32,
    abstained: u32,
    characters: usize,
}

fn passage(sources: &[Source], place: usize, bm25: f32) -> Passage {
    Passage {
        document: DocumentId::new(uuid::Uuid::from_u128(place as u128)),
        version: String::new(),
        name: sources[place].title.clone(),
        headings: Vec::new(),
        page: None,
        offset: 0,
        text: sources[place].text.clone(),
        scores: Scores { cosine: None, bm25, shown: 0.5 },
    }
}

fn request(text: &str, language: Language, passages: Vec<Passage>) -> CompletionRequest {
    CompletionRequest {
        tenant: TenantId::new(uuid::Uuid::from_u128(1)),
        conversation: ConversationId::new(uuid::Uuid::from_u128(2)),
        choice: ModelChoice {
            provider: "extractive".into(),
            model: String::new(),
            temperature: None,
            max_tokens: None,
            sees_images: false,
        },
        instructions: String::new(),
        language,
        history: Vec::new(),
        messages: vec![text.to_owned()],
        images: Vec::new(),
        passages,
        tools: Vec::new(),
        steps: Vec::new(),
        timeout: Duration::from_secs(5),
    }
}

fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<T>, Box<dyn Error>> {
    fs::read_to_string(path)?.lines().map(|l| Ok(serde_json::from_str(l)?)).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("usage: evaluate_extractive FOLDER [QUESTIONS [WRONG]]")?;
    let limit: usize = args.next().map_or(Ok(400), |n| n.parse())?;
    let shown: usize = args.next().map_or(Ok(0), |n| n.parse())?;
    let sources: Vec<Source> = lines(&Path::new(&folder).join("passages.jsonl"))?;
    let queries: Vec<Query> = lines(&Path::new(&folder).join("queries.jsonl"))?;
    let index = Index::new(&sources);
    let places: HashMap<&str, usize> = sources.iter().enumerate().map(|(n, s)| (s.id.as_str(), n)).collect();
    let language = if folder.contains("fr") { Language::Fr } else { Language::En };
    let mut tallies: Vec<(&str, Tally)> =
        ["gold + 5 random", "6 random", "BM25 top 6", "BM25 top 6 without gold"].map(|n| (n, Tally::default())).into();
    let mut seed = 42_usize;
    // Every k-th question, so that all articles are met.
    let step = (queries.len() / limit).max(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut out = std::io::stdout().lock();
    for query in queries.iter().step_by(step).take(limit) {
        let Some(&gold) = query.relevant.first().and_then(|id| places.get(id.as_str())) else { continue };
        let ranked = index.search(&query.text);
        let score = |place: usize| ranked.iter().find(|(p, _)| *p == place).map_or(0.0, |(_, s)| *s);
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % sources.len()
        };
        let random: Vec<usize> = std::iter::repeat_with(&mut random).filter(|p| *p != gold).take(6).collect();
        let with_gold: Vec<usize> =
            random.iter().copied().take(2).chain([gold]).chain(random.iter().copied().skip(3)).collect();
        let top: Vec<usize> = ranked.iter().map(|(p, _)| *p).take(6).collect();
        let hard: Vec<usize> = ranked.iter().map(|(p, _)| *p).filter(|p| *p != gold).take(6).collect();
        for ((name, tally), set) in tallies.iter_mut().zip([with_gold, random, top, hard]) {
            let passages = set.iter().map(|p| passage(&sources, *p, score(*p))).collect();
            let text = runtime.block_on(Extractive.complete(request(&query.text, language, passages), &Silent))?.text;
            let plain = text.to_lowercase();
            let right = query.answers.iter().any(|a| plain.contains(&a.to_lowercase()));
            tally.asked += 1;
            tally.right += u32::from(right);
            tally.abstained += u32::from(text == ABSTAIN);
            tally.characters += if text == ABSTAIN { 0 } else { text.chars().count() };
            if !right && text != ABSTAIN && *name == "gold + 5 random" && (tally.asked - tally.right) as usize <= shown
            {
                writeln!(out, "Q {}\n  wanted {:?}\n  said {text}", query.text, query.answers)?;
            }
        }
    }
    for (name, t) in &tallies {
        let share = |n: u32| 100.0 * f64::from(n) / f64::from(t.asked.max(1));
        let answered = f64::from((t.asked - t.abstained).max(1));
        writeln!(
            out,
            "{name:24} asked {:4}  answer in the words {:5.1} %  abstained {:5.1} %  mean length {:.0}",
            t.asked,
            share(t.right),
            share(t.abstained),
            t.characters as f64 / answered
        )?;
    }
    Ok(())
}
