//! Compares what is read out of real documents with what `pdftotext` (PDF) and `pandoc` (the rest) read out of them.
//!
//! ```text
//! cargo run --release -p colloquy-rag --example extraction -- FOLDER [LEAST_WORDS]
//! ```
//!
//! Every file is read as in production, in a child process under the usual limits. Files of which the reference has fewer
//! than `LEAST_WORDS` words (20 unless given) are read but not scored. Per file: pages, words of the reference, how much of
//! its words was found (F1 over words) and of its pairs of neighbours (F1 over pairs: reading order), seconds of the wall
//! clock and of the processor, and the most memory that the child held.
#![allow(clippy::print_stdout, reason = "a report for people")]

mod reference;
mod score;

use colloquy_domain::failure::Failure;
use colloquy_rag::{
    document::Extraction,
    extract::{ExtractLimits, Extractor, run_in_child},
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tokio::time::Instant;

type Error = Box<dyn std::error::Error>;

/// Set for the child: where it writes down what it cost.
const COST: &str = "EXTRACTION_COST";
/// The reference's words from which on a file is scored.
const LEAST_WORDS: usize = 20;

fn main() -> Result<ExitCode, Error> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|a| a == "extract") {
        return child(Path::new(arguments.last().ok_or("which file?")?));
    }
    let folder = arguments.first().ok_or("which folder?")?;
    let least = arguments.get(1).map_or(Ok(LEAST_WORDS), |n| n.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(compare(Path::new(folder), least))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads one file under limits, like `colloquy extract --wire`.
fn child(file: &Path) -> Result<ExitCode, Error> {
    let extraction = run_in_child(file, &ExtractLimits::default());
    println!("\n{}", serde_json::to_string(&extraction)?);
    if let Some(path) = env::var_os(COST) {
        fs::write(path, own_cost().unwrap_or_default())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `SECONDS KILOBYTES`: processor time and the most memory held, where the system tells.
fn own_cost() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").to_owned();
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // User and system time in hundredths of a second.
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(format!("{} {most}", ticks / 100.0))
}

struct Row {
    name: String,
    outcome: String,
    pages: usize,
    words: usize,
    score: Option<score::Score>,
    seconds: f64,
    cpu: f64,
    megabytes: f64,
}

async fn compare(folder: &Path, least: usize) -> Result<(), Error> {
    let work = tempfile::tempdir()?;
    let cost = work.path().join("cost");
    let extractor = Extractor::new(wrapper(work.path(), &cost)?, ExtractLimits::default());
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.sort();
    println!(
        "| file | outcome | pages | words | F1 words | F1 pairs | s | CPU s | MB |\n|---|---|---|---|---|---|---|---|---|"
    );
    let mut rows = Vec::new();
    for file in &files {
        let row = measure(&extractor, file, &cost, least).await;
        println!("{}", row.line());
        rows.push(row);
    }
    summary(&rows);
    Ok(())
}

/// A script that starts this program again as the child: the extractor gives it no environment.
fn wrapper(folder: &Path, cost: &Path) -> Result<PathBuf, Error> {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("child");
    let own = env::current_exe()?;
    fs::write(&path, format!("#!/bin/sh\n{COST}='{}' exec '{}' \"$@\"\n", cost.display(), own.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

async fn measure(extractor: &Extractor, file: &Path, cost: &Path, least: usize) -> Row {
    let _ = fs::remove_file(cost);
    let started = Instant::now();
    let read = extractor.extract(file).await;
    let seconds = started.elapsed().as_secs_f64();
    let cost = fs::read_to_string(cost).unwrap_or_default();
    let (cpu, kilobytes) = cost.split_once(' ').unwrap_or(("0", "0"));
    let reference = reference::text(file).map(|text| score::words(&text)).unwrap_or_default();
    let text = read.as_ref().map(Extraction::text).unwrap_or_default();
    Row {
        name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        outcome: outcome(&read),
        pages: read.as_ref().map_or(0, |e| e.pages.len()),
        words: reference.len(),
        score: (reference.len() >= least).then(|| score::Score::of(&score::words(&text), &reference)),
        seconds,
        cpu: cpu.parse().unwrap_or(0.0),
        megabytes: kilobytes.trim().parse::<f64>().unwrap_or(0.0) / 1024.0,
    }
}

fn outcome(read: &Result<Extraction, Failure>) -> String {
    match read {
        Ok(read) => match &read.cause {
            None => "ok".to_owned(),
            Some(cause) => cause.split(':').next().unwrap_or_default().trim_start_matches("extract.").to_owned(),
        },
        Err(failure) => format!("killed: {}", failure.code.trim_start_matches("extract.")),
    }
}

impl Row {
    fn line(&self) -> String {
        let score = self.score.map_or("| – | –".to_owned(), |s| format!("| {:.3} | {:.3}", s.words, s.pairs));
        format!(
            "| {} | {} | {} | {} {score} | {:.1} | {:.1} | {:.0} |",
            self.name, self.outcome, self.pages, self.words, self.seconds, self.cpu, self.megabytes
        )
    }
}

fn summary(rows: &[Row]) {
    let scores: Vec<score::Score> = rows.iter().filter_map(|r| r.score).collect();
    let mean = |value: fn(&score::Score) -> f64| scores.iter().map(value).sum::<f64>() / (scores.len().max(1) as f64);
    let killed = rows.iter().filter(|r| r.outcome.starts_with("killed")).count();
    let most = rows.iter().map(|r| r.megabytes).fold(0.0, f64::max);
    println!(
        "\n{} files, {} scored: mean F1 of words {:.4}, of pairs {:.4}; {} children killed by their limits; {:.0} s of the \
         processor for {} pages; at most {most:.0} MB",
        rows.len(),
        scores.len(),
        mean(|s| s.words),
        mean(|s| s.pairs),
        killed,
        rows.iter().map(|r| r.cpu).sum::<f64>(),
        rows.iter().map(|r| r.pages).sum::<usize>(),
    );
}
