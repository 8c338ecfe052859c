//! Reads damaged documents of every format, many of them, and tells what came of it.
//!
//! ```text
//! cargo run --release -p colloquy-rag --example fuzz_formats -- [--runs N] [--format NAME] [--from NUMBER] [--seeds FOLDER]
//! ```
//!
//! The whole documents are those of `rag/tests/fixtures` and, with `--seeds`, of a folder; each run damages one of them by its
//! number, so that a number tells again what it told before. Runs happen in child processes under production's limits on memory
//! and stack. A panic that a format catches is counted; a child that ends, or is silent for longer than a run may take, is
//! counted with the number that did it, and the number's document is read once more through the extractor that actors use: that
//! must give an answer.
//! The exit code is 1 when it does not.
#![allow(clippy::print_stdout, reason = "a report for people, and what a child tells its parent")]

mod mutate;

use colloquy_rag::{
    extract::{ExtractLimits, Extractor, run_in_child},
    formats,
};
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

type Error = Box<dyn std::error::Error>;

/// Runs of one child: leaks of libraries must not add up for ever.
const BATCH: u64 = 500;
/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Larger documents make slow runs that find no more, in bytes.
const LARGEST_SEED: u64 = 128 << 10;

fn main() -> Result<ExitCode, Error> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("extract") => {
            let extraction = run_in_child(Path::new(arguments.last().ok_or("which file?")?), &ExtractLimits::default());
            println!("\n{}", serde_json::to_string(&extraction)?);
            Ok(ExitCode::SUCCESS)
        }
        Some("batch") => batch(&arguments[1..]),
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(all(&Options::read(&arguments)?)),
    }
}

struct Options {
    runs: u64,
    from: u64,
    format: Option<String>,
    seeds: Vec<PathBuf>,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self, Error> {
        let mut options = Self { runs: 2_000, from: 0, format: None, seeds: Vec::new() };
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")];
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} needs a value", pair[0]).into()) };
            match name.as_str() {
                "--runs" => options.runs = value.parse()?,
                "--from" => options.from = value.parse()?,
                "--format" => options.format = Some(value.clone()),
                "--seeds" => folders.push(value.into()),
                _ => return Err(format!("{name} is not known").into()),
            }
        }
        for folder in folders {
            options.seeds.extend(fs::read_dir(folder)?.flatten().map(|e| e.path()));
        }
        options.seeds.retain(|p| p.metadata().is_ok_and(|m| m.is_file() && m.len() <= LARGEST_SEED));
        options.seeds.sort();
        Ok(options)
    }
}

/// What came of the runs of one format.
#[derive(Default)]
struct Tally {
    outcomes: BTreeMap<String, u64>,
    /// The largest memory of any child, in kilobytes.
    most: u64,
    /// Numbers that ended a child, and how.
    ended: Vec<(u64, String)>,
}

async fn all(options: &Options) -> Result<ExitCode, Error> {
    let mut by_format: BTreeMap<&'static str, Vec<PathBuf>> = BTreeMap::new();
    for seed in &options.seeds {
        if let Ok(format) = formats::detect(seed, &fs::read(seed)?) {
            by_format.entry(format.name).or_default().push(seed.clone());
        }
    }
    let mut answered = true;
    for (name, seeds) in by_format {
        if options.format.as_ref().is_some_and(|f| f != name) {
            continue;
        }
        let tally = fuzz(options, &seeds).await?;
        let outcomes: Vec<String> = tally.outcomes.iter().map(|(what, n)| format!("{what} {n}")).collect();
        println!(
            "{name}: {} runs on {} documents, at most {} MB: {}",
            options.runs,
            seeds.len(),
            tally.most >> 10,
            outcomes.join(", ")
        );
        for (number, how) in &tally.ended {
            let answer = once_more(&seeds, *number).await?;
            println!(
                "  {number} ended its child ({how}); the extractor says: {}",
                answer.as_deref().unwrap_or("nothing")
            );
            answered &= answer.is_some();
        }
    }
    Ok(if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn fuzz(options: &Options, seeds: &[PathBuf]) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    let (mut next, end) = (options.from, options.from + options.runs);
    while next < end {
        let count = BATCH.min(end - next);
        let mut command = Command::new(env::current_exe()?);
        command.arg("batch").arg(next.to_string()).arg(count.to_string()).args(seeds);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let mut silent = false;
        loop {
            match tokio::time::timeout(PATIENCE, lines.next_line()).await {
                Ok(Ok(Some(line))) => {
                    if let Some(outcome) = line.strip_prefix("@ ") {
                        *tally.outcomes.entry(outcome.to_owned()).or_default() += 1;
                        next += 1;
                    } else if let Some(most) = line.strip_prefix("@memory ") {
                        tally.most = tally.most.max(most.trim().parse().unwrap_or(0));
                    }
                }
                Ok(_) => break,
                Err(_) => {
                    silent = true;
                    child.kill().await?;
                    break;
                }
            }
        }
        let status = child.wait().await?;
        if silent || !status.success() {
            let how = if silent { "silent for a minute".to_owned() } else { status.to_string() };
            *tally.outcomes.entry("ended its child".to_owned()).or_default() += 1;
            tally.ended.push((next, how));
            next += 1;
        }
    }
    Ok(tally)
}

/// Reads the numbered documents in this process, one line each.
fn batch(arguments: &[String]) -> Result<ExitCode, Error> {
    let limits = ExtractLimits::default();
    let (from, count): (u64, u64) = (arguments[0].parse()?, arguments[1].parse()?);
    let seeds: Vec<PathBuf> = arguments[2..].iter().map(PathBuf::from).collect();
    colloquy_rag::extract::limit_this_process(&limits)?;
    std::panic::set_hook(Box::new(|_| {}));
    let stack = limits.stack_bytes;
    let work = move || {
        for number in from..from + count {
            let (name, bytes) = damaged(&seeds, number);
            let extraction = formats::extract(&name, &bytes, &limits);
            let cause = extraction.cause.as_deref().and_then(|c| c.split(':').next()).unwrap_or("ok");
            println!("@ {}", cause.trim_start_matches("extract."));
        }
    };
    let done = std::thread::Builder::new().stack_size(stack).spawn(work)?.join();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("@memory {}", most.trim().trim_end_matches(" kB"));
    Ok(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn damaged(seeds: &[PathBuf], number: u64) -> (PathBuf, Vec<u8>) {
    let seed = &seeds[usize::try_from(number).unwrap_or(0) % seeds.len()];
    (seed.clone(), mutate::document(&fs::read(seed).unwrap_or_default(), number))
}

/// What an actor would hear of it.
async fn once_more(seeds: &[PathBuf], number: u64) -> Result<Option<String>, Error> {
    let work = tempfile::tempdir()?;
    let (name, bytes) = damaged(seeds, number);
    let path = work.path().join(name.file_name().unwrap_or_default());
    fs::write(&path, bytes)?;
    let extractor = Extractor::new(env::current_exe()?, ExtractLimits::default());
    let longest = ExtractLimits::default().wall_max + PATIENCE;
    let answer = tokio::time::timeout(longest, extractor.extract(&path)).await;
    Ok(answer.ok().map(|read| match read {
        Ok(extraction) => extraction.cause.unwrap_or_else(|| "ok".to_owned()),
        Err(failure) => failure.code,
    }))
}
