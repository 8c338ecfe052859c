use super::{run::show, work};
use crate::{
    exit::{CommandResult, Outcome},
    out,
};
use clap::{Args, ValueEnum};
use colloquy_sim::{
    Options, Report, Verdict, fuzz,
    report::{Summary, Totals},
    run,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{num::NonZeroUsize, ops::Range};
use tokio::time::Instant;

/// Make worlds up from seeds and look for one that breaks a promise
///
/// Each seed is a world: tenants, agents, channels, one to three nodes, people who write, and
/// faults at a few seams. The same seed is the same world on every machine. A seed that fails is
/// printed with what was broken; `sim replay` shows it event by event.
///
/// What is counted: seeds a minute, and conversation-hours a second (conversations x virtual
/// hours, over all worlds, by the seconds that the machine took).
///
/// Example:
///   colloquy sim fuzz --seeds 0..10000
///   colloquy sim fuzz --seeds 0..200 --size large --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Fuzz {
    /// From A up to but not including B; `A..=B` includes it
    #[arg(long, value_name = "A..B", default_value = "0..1000", value_parser = seeds)]
    seeds: Range<u64>,
    /// How much there is in a world
    #[arg(long, value_enum, default_value_t)]
    size: Size,
    /// Worlds at a time; each runs on one thread
    #[arg(long, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    /// Print {scenarios, trials, passed, failed, verdicts, trace_hash, seed, conversation_hours, wall_seconds}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// Up to 2 tenants and 3 conversations, within a minute
    #[default]
    Small,
    /// Up to 4 tenants and 24 conversations, within ten minutes
    Large,
}

impl From<Size> for fuzz::Size {
    fn from(size: Size) -> Self {
        match size {
            Size::Small => Self::SMALL,
            Size::Large => Self::LARGE,
        }
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("{text:?} is no range of seeds: write 0..1000");
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let (to, included) = to.strip_prefix('=').map_or((to, 0), |to| (to, 1));
    let from: u64 = from.trim().parse().map_err(|_| wrong())?;
    let to: u64 = to.trim().parse().ok().and_then(|to: u64| to.checked_add(included)).ok_or_else(wrong)?;
    if from < to { Ok(from..to) } else { Err(format!("{text:?} is empty")) }
}

impl Fuzz {
    pub async fn run(self) -> CommandResult {
        let json = self.json;
        let summary = tokio::task::spawn_blocking(move || self.all()).await?;
        if json {
            out::json(&summary)?;
        } else {
            out::line(told(&summary));
        }
        Ok(if summary.failed == 0 { Outcome::Done } else { Outcome::Failed })
    }

    fn all(&self) -> Summary {
        let count = self.seeds.end - self.seeds.start;
        let (mut totals, start) = (Totals::default(), Instant::now());
        let bar = ProgressBar::new(count).with_style(style());
        let make = |n: u64| {
            let seed = self.seeds.start + n;
            run(&fuzz::scenario(seed, self.size.into()), seed, Options::default())
        };
        let mut failed = 0_u64;
        work::in_order(count, self.jobs.get(), make, |_, report: Report, wall| {
            totals.scenario();
            totals.add(&report);
            if report.verdict != Verdict::Pass {
                failed += 1;
                let size = if self.size == Size::Large { " --size large" } else { "" };
                let name = format!("colloquy sim replay --seed {}{size}", report.seed);
                bar.suspend(|| show(&name, &report, wall, self.json));
                bar.set_message(format!("{failed} failed"));
            }
            bar.inc(1);
        });
        bar.finish_and_clear();
        totals.summary(start.elapsed())
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:24} {pos}/{len} seeds, {per_sec}, {eta} left {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 seeds")]
fn told(summary: &Summary) -> String {
    let wall = summary.wall_seconds.max(0.001);
    format!(
        "{} of {} seeds passed in {:.1} s: {:.0} seeds a minute, {:.0} conversation-hours a second; trace {}",
        summary.passed,
        summary.trials,
        summary.wall_seconds,
        summary.trials as f64 * 60.0 / wall,
        summary.conversation_hours / wall,
        summary.trace_hash
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_written() {
        assert_eq!(seeds("0..1000"), Ok(0..1000));
        assert_eq!(seeds("5..=5"), Ok(5..6));
        for wrong in ["5", "5..5", "a..b", "..3", "3..", "9..1", "0..=18446744073709551615"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }
}
