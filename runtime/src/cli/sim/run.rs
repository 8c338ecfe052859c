use super::{
    against::{Against, Target},
    found,
    reports::Reports,
    servers::{self, Cassettes},
    work,
};
use crate::{
    exit::{CommandResult, Outcome, Stop},
    out,
};
use anyhow::Context;
use clap::Args;
use colloquy_sim::{
    Options, Outside, Report, Verdict,
    report::{Run as Ran, Summary, Totals},
    run_with,
    scenario::Scenario,
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
/// With `--against` the people of the scenarios write to a running server instead, over its HTTP API
/// and the webhooks of its channels, on the real clock; this command is the channels' provider. What
/// cannot be seen from outside is named as not checked. For staging: real people must not be there.
///
/// Example:
///   colloquy sim run sim/scenarios --html report.html
///   colloquy sim run burst.yaml --against http://127.0.0.1:8080 --key clq_… --agent Desk
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
    /// Ask the servers of real models, and write their answers into the cassettes that the scenarios name
    #[arg(long)]
    record: bool,
    /// Keep the world as the run leaves it, for scenarios that go on from it (`world.resume_from`); one scenario, one trial
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    save_world: Option<PathBuf>,
    #[command(flatten)]
    against: Against,
    #[command(flatten)]
    reports: Reports,
    /// Print {scenarios, trials, passed, failed, verdicts, trace_hash, seed, conversation_hours, wall_seconds, reliability}
    #[arg(long)]
    json: bool,
}

/// One run to be made.
struct Trial {
    /// Whether it is its scenario's first.
    first: bool,
    source: String,
    scenario: Arc<Scenario>,
    seed: u64,
}

impl Run {
    pub async fn run(self) -> CommandResult {
        let trials = self.trials()?;
        if self.save_world.is_some() && trials.len() != 1 {
            return Err(Stop::wrong(format!("--save-world: one run can be kept, and these are {}", trials.len())));
        }
        let scenarios: Vec<&Scenario> = trials.iter().filter(|t| t.first).map(|t| &*t.scenario).collect();
        let target = self.against.target(&scenarios).await?;
        let save = self.save_world.is_some();
        let wanted = Wanted {
            traced: self.reports.want_traces(),
            kept: self.reports.are_wanted() || save,
            save,
            json: self.json,
        };
        let made = Made::new(trials.len(), wanted);
        let (summary, ran, cassettes) = match target {
            Some(target) => live(made, &trials, &target, self.record).await?,
            None => {
                let outside = servers::outside(self.record);
                tokio::task::spawn_blocking(move || simulated(made, &trials, &outside)).await?
            }
        };
        cassettes.write()?;
        self.reports.write(&summary, &ran)?;
        if let (Some(file), [only]) = (&self.save_world, ran.as_slice()) {
            save_world(file, &only.report)?;
        }
        if self.json {
            out::json(&summary)?;
        } else {
            summary.reliability.iter().for_each(out::line);
            out::line(told(&summary));
        }
        Ok(if summary.is_fine { Outcome::Done } else { Outcome::Failed })
    }

    fn trials(&self) -> CommandResult<Vec<Trial>> {
        let mut trials = Vec::new();
        for found::Found { file, scenario } in found::find(&self.paths)? {
            servers::check_keys(&file, &scenario, self.record)?;
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

/// What came of the runs so far; a line for each, unless a program reads the results.
struct Made {
    totals: Totals,
    ran: Vec<Ran>,
    cassettes: Cassettes,
    start: Instant,
    bar: ProgressBar,
    wanted: Wanted,
}

type All = (Summary, Vec<Ran>, Cassettes);

impl Made {
    fn new(trials: usize, wanted: Wanted) -> Self {
        let (totals, cassettes) = (Totals::default(), Cassettes::default());
        let bar = ProgressBar::new(trials as u64);
        Self { totals, ran: Vec::new(), cassettes, start: Instant::now(), bar, wanted }
    }

    fn add(&mut self, trial: &Trial, report: Report, wall: Duration) {
        if trial.first {
            self.totals.repeated(&trial.scenario);
        }
        self.totals.add(&report);
        self.cassettes.add(Path::new(&trial.source), &report.takes);
        self.bar.inc(1);
        self.bar.suspend(|| show(&trial.source, &report, wall, self.wanted.json));
        if self.wanted.kept {
            let (source, scenario) = (trial.source.clone(), Arc::clone(&trial.scenario));
            self.ran.push(Ran { source, scenario, report, wall });
        }
    }

    fn end(self) -> All {
        self.bar.finish_and_clear();
        (self.totals.summary(self.start.elapsed()), self.ran, self.cassettes)
    }
}

/// In worlds of their own, one after another.
fn simulated(mut made: Made, trials: &[Trial], outside: &Outside) -> All {
    let Wanted { traced, save, .. } = made.wanted;
    let options = Options { trace: traced, save, ..Options::default() };
    let make = |n: u64| {
        let trial = trials.get(usize::try_from(n).ok()?)?;
        Some((trial, run_with(&trial.scenario, trial.seed, options, Some(outside))))
    };
    work::in_order(trials.len() as u64, 1, make, |_, run, wall| {
        if let Some((trial, report)) = run {
            made.add(trial, report, wall);
        }
    });
    made.end()
}

/// On a running server, one after another.
async fn live(mut made: Made, trials: &[Trial], target: &Target, record: bool) -> CommandResult<All> {
    for trial in trials {
        let start = Instant::now();
        let report = target.run(&trial.scenario, trial.seed, record).await?;
        made.add(trial, report, start.elapsed());
    }
    Ok(made.end())
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
    let people = report.off_script.iter().map(|o| format!("  person: {o}"));
    let unmet = report.unmet.iter().map(|u| format!("  expected: {u}"));
    let doubts = report.doubts.iter().map(|d| format!("  doubt: {d}"));
    let unchecked = report.unchecked.iter().map(|u| format!("  not checked: {u}"));
    violations.chain(people).chain(unmet).chain(doubts).chain(unchecked).for_each(|line| tell(&line));
}

pub fn told(summary: &Summary) -> String {
    format!(
        "{} of {} runs passed; {:.1} conversation-hours in {:.2} s; trace {}",
        summary.passed, summary.trials, summary.conversation_hours, summary.wall_seconds, summary.trace_hash
    )
}
