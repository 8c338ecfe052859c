//! The simulator's speed, next to that of the bare actors.

use super::{
    figures::median,
    report::{Target, cells, print_targets, section},
};
use crate::out;
use colloquy_sim::{Options, Verdict, bare, run, scenario::Scenario};
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// Rounds, in which both run by turns; each figure is the median of its rounds.
const ROUNDS: u64 = 5;
/// When people begin to write, at most.
const SPAN: Duration = Duration::from_secs(24 * 3600);
/// Messages of one person.
const MESSAGES: u64 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Speed {
    pub messages_per_second: f64,
    /// From the first message of each person to their last, all of them together, by the seconds that the machine took.
    pub talked_hours_per_second: f64,
    /// Conversations times virtual hours of the world.
    pub conversation_hours_per_second: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub conversations: u64,
    pub messages: u64,
    pub simulator: Speed,
    pub bare: Speed,
    pub ratio: f64,
    pub targets: Vec<Target>,
}

/// # Errors
/// A run did not pass.
pub async fn measure(conversations: u64) -> anyhow::Result<Report> {
    tokio::task::spawn_blocking(move || rounds(conversations)).await?
}

fn rounds(conversations: u64) -> anyhow::Result<Report> {
    let (mut simulated, mut bare_runs) = (Vec::new(), Vec::new());
    for seed in 1..=ROUNDS {
        out::note(format!("round {seed} of {ROUNDS} …"));
        let scenario = bare::workload(conversations, MESSAGES, SPAN, seed);
        let start = Instant::now();
        let bare = bare::run(&scenario, seed);
        bare_runs.push(speed(&scenario, bare.messages, bare.lasted, start.elapsed()));
        let start = Instant::now();
        let report = run(&scenario, seed, Options::default());
        simulated.push(speed(&scenario, report.stats.messages, report.lasted, start.elapsed()));
        anyhow::ensure!(
            report.verdict == Verdict::Pass,
            "the run with seed {seed} broke a promise: {:?}",
            report.violations
        );
        anyhow::ensure!(bare.messages == report.stats.messages, "the two did not answer the same messages");
    }
    let ratio =
        median(simulated.iter().zip(&bare_runs).map(|(s, b)| s.messages_per_second / b.messages_per_second).collect());
    let (simulator, bare) = (middle(&simulated), middle(&bare_runs));
    let targets = vec![
        at_least("conversation-hours per second", 500.0, simulator.conversation_hours_per_second),
        at_least("simulator ÷ bare actors", 0.3, ratio),
    ];
    Ok(Report { conversations, messages: conversations * MESSAGES, simulator, bare, ratio, targets })
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn speed(scenario: &Scenario, messages: u64, lasted: Duration, wall: Duration) -> Speed {
    let (wall, hours) = (wall.as_secs_f64().max(1e-6), |d: Duration| d.as_secs_f64() / 3600.0);
    Speed {
        messages_per_second: messages as f64 / wall,
        talked_hours_per_second: hours(bare::talked(scenario)) / wall,
        conversation_hours_per_second: scenario.conversations.len() as f64 * hours(lasted) / wall,
    }
}

fn middle(all: &[Speed]) -> Speed {
    let of = |field: fn(&Speed) -> f64| median(all.iter().map(field).collect());
    Speed {
        messages_per_second: of(|s| s.messages_per_second),
        talked_hours_per_second: of(|s| s.talked_hours_per_second),
        conversation_hours_per_second: of(|s| s.conversation_hours_per_second),
    }
}

fn at_least(name: &str, bound: f64, measured: f64) -> Target {
    let bound_told = format!("at least {bound}");
    Target { name: name.to_owned(), bound: bound_told, measured: Some(measured), met: Some(measured >= bound) }
}

impl Report {
    pub fn print(&self) {
        let row = |name: &str, of: fn(&Speed) -> f64| {
            cells([name, &format!("{:.0}", of(&self.simulator)), &format!("{:.0}", of(&self.bare))])
        };
        let rows = [
            cells(["", "simulator", "bare actors"]),
            row("messages a second", |s| s.messages_per_second),
            row("hours that people talk, a second", |s| s.talked_hours_per_second),
            row("conversation-hours a second", |s| s.conversation_hours_per_second),
        ];
        let title = format!("{} people, {} messages within a virtual day", self.conversations, self.messages);
        section(&title, &rows);
        print_targets(&self.targets);
    }
}
