//! Searches over a filled embedded index: how long they take, and the memory that it needs.
//!
//! The texts are made of words with the frequencies of natural language and of a subject for each passage; the vectors
//! lie in clusters, as those of subjects do, one for each passage's subject. So both sides have to tell near from far. The
//! model's own time for a question is not in the figures.

use super::{
    figures::Percentiles,
    report::{Target, at_most},
};
use crate::out;
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{KnowledgeQuery, Narrow},
};
use colloquy_rag::{
    embed::{Slot, Vector},
    index::{Index, NewPassage, Point, Stored, VectorStore},
    models::manifest::DEFAULT_MODEL,
    retrieve::Retriever,
    sparse::{self, Script},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use std::{path::Path, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// Passages written at once.
const WINDOW: usize = 512;
/// Passages of one document.
const DOCUMENT: usize = 50;
const WORDS: usize = 120;
const VOCABULARY: usize = 40_000;
const SUBJECTS: usize = 500;
/// How far a passage's vector lies from the middle of its subject's, beside the length 1 of that.
const SPREAD: f32 = 0.8;
const LIMIT: usize = 6;
const SEED: u64 = 7;

/// What `--json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub passages: usize,
    /// For writing, and for building the vectors' links.
    pub write_seconds: f64,
    pub optimise_seconds: f64,
    /// A search of a tenant with half of all passages, and of one with a hundredth.
    pub large_tenant: Percentiles,
    pub small_tenant: Percentiles,
    /// Resident memory that the index added, pages of its files that were read included.
    pub memory_mb: f64,
    pub disk_mb: f64,
    pub targets: Vec<Target>,
}

/// Fills an index with so many passages and asks so many questions of each tenant.
///
/// # Errors
/// The index's.
pub async fn run(dir: &Path, passages: usize, questions: usize) -> anyhow::Result<Report> {
    let scratch = tempfile::Builder::new().prefix("colloquy-bench-").tempdir_in(dir)?;
    let path = scratch.path().join("index");
    let store = VectorStore::Embedded { dir: path.clone() };
    let before = resident();
    let index = Index::open(store.clone()).await?;
    let mut made = Made::new();
    out::note("writing …");
    let begun = Instant::now();
    for first in (0..passages).step_by(WINDOW) {
        let window = (first..passages.min(first + WINDOW)).map(|n| made.point(n)).collect();
        index.import(window).await?;
    }
    let write_seconds = begun.elapsed().as_secs_f64();
    out::note("optimising …");
    let begun = Instant::now();
    index.maintain().await?;
    let optimise_seconds = begun.elapsed().as_secs_f64();
    // What writing needed is given back; what is measured is a store in service.
    index.close().await?;
    let index = Index::open(store).await?;
    let retriever = Retriever::new(index.clone(), Slot::default());
    out::note("asking …");
    let large = ask(&retriever, &mut made, LARGE, questions).await?;
    let small = ask(&retriever, &mut made, 1, questions).await?;
    let memory_mb = (resident() - before).max(0.0);
    index.close().await?;
    let targets = vec![
        at_most("search, a tenant with half of all passages, p99 in ms", 10.0, Some(large.p99)),
        at_most("search, a tenant with a hundredth, p99 in ms", 10.0, Some(small.p99)),
    ];
    let disk_mb = size(&path) as f64 / 1e6;
    Ok(Report {
        passages,
        write_seconds,
        optimise_seconds,
        large_tenant: large,
        small_tenant: small,
        memory_mb,
        disk_mb,
        targets,
    })
}

/// The tenant that has half of all; 50 others share the rest.
const LARGE: u128 = 0;

fn tenant_of(place: usize) -> u128 {
    let document = place / DOCUMENT;
    if document.is_multiple_of(2) { LARGE } else { 1 + (document / 2 % 50) as u128 }
}

struct Made {
    random: StdRng,
    subjects: Vec<Vector>,
    /// Sums of the words' frequencies: 1 / rank each.
    frequencies: Vec<f32>,
}

impl Made {
    fn new() -> Self {
        let mut random = StdRng::seed_from_u64(SEED);
        let subjects = (0..SUBJECTS).map(|_| unit(noise(&mut random))).collect();
        let mut sum = 0.0;
        let frequencies = (1..=VOCABULARY)
            .map(|rank| {
                sum += 1.0 / rank as f32;
                sum
            })
            .collect();
        Self { random, subjects, frequencies }
    }

    fn word(&mut self) -> usize {
        let all = self.frequencies.last().copied().unwrap_or_default();
        let drawn = self.random.random::<f32>() * all;
        self.frequencies.partition_point(|sum| *sum < drawn).min(VOCABULARY - 1)
    }

    /// Words of the language, and one in four of the subject.
    fn text(&mut self, subject: usize, words: usize) -> String {
        let one = |made: &mut Self, n: usize| match n % 4 {
            0 => format!("subject{}x{}", subject, made.word() % 60),
            _ => format!("word{}", made.word()),
        };
        (0..words).map(|n| one(self, n)).collect::<Vec<_>>().join(" ")
    }

    fn vector(&mut self, subject: usize) -> Vector {
        let noise = unit(noise(&mut self.random));
        unit(self.subjects[subject].iter().zip(noise).map(|(s, n)| s + SPREAD * n).collect())
    }

    fn point(&mut self, place: usize) -> Point {
        let subject = self.random.random_range(0..SUBJECTS);
        let (text, tenant) = (self.text(subject, WORDS), tenant_of(place));
        let stored = Stored {
            tenant: TenantId::new(Uuid::from_u128(1_000 + tenant)),
            base: KnowledgeBaseId::new(Uuid::from_u128(2_000 + tenant)),
            document: DocumentId::new(Uuid::from_u128(1_000_000 + (place / DOCUMENT) as u128)),
            generation: "bench".to_owned(),
            live: true,
            model: DEFAULT_MODEL.id.to_owned(),
            script: Script::English.code().to_owned(),
            ordinal: u32::try_from(place % DOCUMENT).unwrap_or_default(),
            name: "bench.txt".to_owned(),
            title: None,
            headings: Vec::new(),
            page: None,
            offset: (place % DOCUMENT * 1_000) as u64,
            text,
        };
        let dense = Some(self.vector(subject));
        Point::from(NewPassage { words: sparse::document(&stored.text, Script::English), stored, dense })
    }
}

async fn ask(retriever: &Retriever, made: &mut Made, tenant: u128, questions: usize) -> anyhow::Result<Percentiles> {
    let mut times: Vec<Duration> = Vec::with_capacity(questions);
    // The first ones read the index from the disk.
    let (warm, space) = (questions / 4, DEFAULT_MODEL.space());
    for n in 0..questions + warm {
        let subject = made.random.random_range(0..SUBJECTS);
        let (text, vector) = (made.text(subject, 8), made.vector(subject));
        let query = KnowledgeQuery {
            tenant: TenantId::new(Uuid::from_u128(1_000 + tenant)),
            bases: vec![KnowledgeBaseId::new(Uuid::from_u128(2_000 + tenant))],
            text,
            previous: Vec::new(),
            rewritten: None,
            language: Some(colloquy_domain::language::Language::En),
            limit: LIMIT,
            without: Vec::new(),
            narrow: Narrow::default(),
        };
        let begun = Instant::now();
        let found = retriever.search_vector(query, vector, &space).await?;
        if n >= warm {
            times.push(begun.elapsed());
        }
        anyhow::ensure!(!found.is_empty(), "a question found nothing");
    }
    Ok(Percentiles::of(times))
}

fn noise(random: &mut StdRng) -> Vector {
    // The sum of uniform numbers is near enough to normal ones.
    (0..DEFAULT_MODEL.dimension).map(|_| (0..6).map(|_| random.random::<f32>() - 0.5).sum()).collect()
}

fn unit(vector: Vector) -> Vector {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / length).collect()
}

/// Megabytes of this process in memory; 0 where the system does not tell.
fn resident() -> f64 {
    memory_stats::memory_stats().map_or(0.0, |m| m.physical_mem as f64 / 1e6)
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

impl Report {
    pub fn print(&self) {
        out::line(format_args!(
            "{} passages written in {:.1} s, optimised in {:.1} s; {:.0} MB in memory, {:.0} MB on the disk",
            self.passages, self.write_seconds, self.optimise_seconds, self.memory_mb, self.disk_mb
        ));
        for (name, times) in
            [("a tenant with half of all", self.large_tenant), ("a tenant with a hundredth", self.small_tenant)]
        {
            out::line(format_args!("search, {name}: p50 {:.1} ms, p99 {:.1} ms", times.p50, times.p99));
        }
        for target in &self.targets {
            let met = if target.met == Some(true) { "met" } else { "NOT MET" };
            out::line(format_args!("{}: {}, {met}", target.name, target.bound));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_small_run_measures_everything() {
        let dir = tempfile::tempdir().expect("a folder");
        let report = run(dir.path(), 400, 8).await.expect("measured");
        assert_eq!(report.passages, 400);
        assert!(report.large_tenant.p99 > 0.0 && report.small_tenant.p99 > 0.0 && report.disk_mb > 0.0, "{report:?}");
        assert_eq!(report.targets.len(), 2);
    }
}
