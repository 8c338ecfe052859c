use super::{found, reports::Reports, work};
use crate::{
    exit::{CommandResult, Outcome, Stop},
    out,
};
use anyhow::Context;
use clap::Args;
use colloquy_sim::{
    Options, Report, Verdict,
    report::{Run as Ran, Summary, Totals},
    run,
};
use indicatif::ProgressBar;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// Run scenario files and hold what happens against what they expect
///
/// Each scenario is run as often as it says, from the seed that it names on. Beside its own
/// expectations every run is held against the promises of Colloquy. The trace hash covers every
/// event of all runs: two machines that print the same one have seen the same.
///
/// Example:
///   colloquy sim run sim/scenarios --html report.html
///   colloquy sim run burst.yaml --seed 40 --trials 100 --json | jq .verdicts
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Run {
    /// Scenario files (convsim/1), and folders of them
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Seed of the first trial [default: the scenario's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Trials of each scenario, each with the next seed [default: the scenario's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,
    /// Keep the world as the run leaves it, for scenarios that go on from it (`world.resume_from`); one scenario, one trial
    #[arg(long, value_name = "FILE")]
    save_world: Option<PathBuf>,
    #[command(flatten)]
    reports: Reports,
    /// Print {scenarios, trials, passed, failed, verdicts, trace_hash, seed, conversation_hours, wall_seconds}
    #[arg(long)]
    json: bool,
}

/// One run to be made.
struct Trial {
    /// Whether it is its scenario's first.
    first: bool,
    source: String,
    scenario: Arc<colloquy_sim::scenario::Scenario>,
    seed: u64,
}

impl Run {
    pub async fn run(self) -> CommandResult {
        let trials = self.trials()?;
        if self.save_world.is_some() && trials.len() != 1 {
            return Err(Stop::wrong(format!("--save-world: one run can be kept, and these are {}", trials.len())));
        }
        let save = self.save_world.is_some();
        let (summary, ran) = {
            let traced = self.reports.want_traces();
            let (kept, json) = (self.reports.are_wanted(), self.json);
            tokio::task::spawn_blocking(move || all(&trials, Wanted { traced, kept: kept || save, save, json })).await?
        };
        self.reports.write(&summary, &ran)?;
        if let (Some(file), [only]) = (&self.save_world, ran.as_slice()) {
            save_world(file, &only.report)?;
        }
        if self.json {
            out::json(&summary)?;
        } else {
            out::line(told(&summary));
        }
        Ok(if summary.failed == 0 { Outcome::Done } else { Outcome::Failed })
    }

    fn trials(&self) -> CommandResult<Vec<Trial>> {
        let mut trials = Vec::new();
        for found::Found { file, scenario } in found::find(&self.paths)? {
            let (scenario, source) = (Arc::new(scenario), file.display().to_string());
            let runs = scenario.runs;
            for n in 0..self.trials.unwrap_or(runs.trials) {
                let seed = self.seed.unwrap_or(runs.seed).wrapping_add(n.into());
                trials.push(Trial { first: n == 0, source: source.clone(), scenario: Arc::clone(&scenario), seed });
            }
        }
        Ok(trials)
    }
}

/// What is wanted of the runs.
#[derive(Clone, Copy)]
struct Wanted {
    traced: bool,
    /// Whether reports are kept, and whether the world is.
    kept: bool,
    save: bool,
    json: bool,
}

fn save_world(file: &Path, report: &Report) -> CommandResult<()> {
    match &report.saved {
        Some(Ok(saved)) => {
            let text = serde_json::to_string_pretty(saved).context("the world cannot be written as JSON")?;
            std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
            Ok(())
        }
        Some(Err(why)) => Err(Stop::wrong(format!("--save-world: the world cannot be kept: {why}"))),
        None => Ok(()),
    }
}

/// Runs them one after another; a line for each, unless a program reads the results.
fn all(trials: &[Trial], wanted: Wanted) -> (Summary, Vec<Ran>) {
    let Wanted { traced, kept, save, json } = wanted;
    let (mut totals, mut ran, start) = (Totals::default(), Vec::new(), Instant::now());
    let bar = ProgressBar::new(trials.len() as u64);
    let make = |n: u64| {
        let trial = trials.get(usize::try_from(n).ok()?)?;
        Some((trial, run(&trial.scenario, trial.seed, Options { trace: traced, save, ..Options::default() })))
    };
    work::in_order(trials.len() as u64, 1, make, |_, made, wall| {
        let Some((trial, report)) = made else { return };
        if trial.first {
            totals.scenario();
        }
        totals.add(&report);
        bar.inc(1);
        bar.suspend(|| show(&trial.source, &report, wall, json));
        if kept {
            ran.push(Ran { source: trial.source.clone(), scenario: Arc::clone(&trial.scenario), report, wall });
        }
    });
    bar.finish_and_clear();
    (totals.summary(start.elapsed()), ran)
}

/// What failed is told on standard error where standard output is a program's.
pub fn show(name: &str, report: &Report, wall: Duration, json: bool) {
    let line = format!(
        "{:<10} {name} (seed {}, {:.1} virtual hours in {} ms)",
        report.verdict.name(),
        report.seed,
        report.lasted.as_secs_f64() / 3600.0,
        wall.as_millis()
    );
    let tell = |line: &str| if json { out::note(line) } else { out::line(line) };
    if !json || report.verdict != Verdict::Pass {
        tell(&line);
    }
    let violations = report.violations.iter().map(|v| format!("  broken: {v}"));
    let unmet = report.unmet.iter().map(|u| format!("  expected: {u}"));
    violations.chain(unmet).for_each(|line| tell(&line));
}

pub fn told(summary: &Summary) -> String {
    format!(
        "{} of {} runs passed; {:.1} conversation-hours in {:.2} s; trace {}",
        summary.passed, summary.trials, summary.conversation_hours, summary.wall_seconds, summary.trace_hash
    )
}
