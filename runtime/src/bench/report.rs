//! The table: what this machine gives, what Colloquy makes of it, and whether that is enough.

use super::{figures::Percentiles, memory::Memory, neighbour::Neighbour};
use crate::out;
use serde::Serialize;

/// Commits that a turn takes part in: log, inbox, reply.
const COMMITS: u32 = 3;

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    pub syncs_per_second: f64,
    pub single_commits_per_second: f64,
    pub single_commit: Percentiles,
    pub log_rows_per_second: f64,
    pub log_rows_together_per_second: f64,
    pub turn_limit_per_second: f64,
    pub turn_limit_together_per_second: f64,
    pub http_per_second: f64,
    pub webhooks_per_second: f64,
    pub webhook: Percentiles,
    pub webhooks_refused: u64,
    pub turns_per_second: f64,
    pub turns_unanswered: u64,
    pub latency: Latency,
    pub memory: Memory,
    pub neighbour: Neighbour,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Latency {
    /// Messages a second.
    pub rate: f64,
    pub messages: u64,
    pub added: Percentiles,
    /// Of the same messages' rows in the log, each its caller's single-row commit.
    pub commit: Percentiles,
}

/// A bound and what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    pub name: String,
    /// In words: `at least 0.5`.
    pub bound: String,
    pub measured: Option<f64>,
    pub met: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub version: &'static str,
    pub cores: usize,
    pub seconds: u64,
    #[serde(flatten)]
    pub figures: Figures,
    pub targets: Vec<Target>,
}

impl Report {
    #[must_use]
    pub fn new(seconds: u64, figures: Figures) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let targets = targets(&figures);
        Self { version: env!("CARGO_PKG_VERSION"), cores, seconds, figures, targets }
    }

    pub fn print(&self) {
        let f = &self.figures;
        out::line(format_args!(
            "Colloquy {} on {} cores, {} s for each measurement, medians of rounds.",
            self.version, self.cores, self.seconds
        ));
        section("This machine", &limits(f));
        section("Colloquy", &ours(f));
        section("Everybody else", &f.neighbour.rows());
        print_targets(&self.targets);
    }
}

pub fn print_targets(targets: &[Target]) {
    out::line("");
    let mut rows = vec![cells(["Target", "bound", "measured", ""])];
    for t in targets {
        let met = t.met.map_or("not measured", |met| if met { "met" } else { "NOT MET" });
        let measured = t.measured.map_or_else(|| "-".to_owned(), |m| format!("{m:.2}"));
        rows.push(vec![t.name.clone(), t.bound.clone(), measured, met.to_owned()]);
    }
    out::table(&rows);
}

pub fn section(name: &str, rows: &[Vec<String>]) {
    out::line("");
    let mut all = vec![vec![name.to_owned()]];
    all.extend_from_slice(rows);
    out::table(&all);
}

fn limits(f: &Figures) -> Vec<Vec<String>> {
    vec![
        row("append 4 KiB + fdatasync", &per_second(f.syncs_per_second), ""),
        row("SQLite, 1 log row per commit", &per_second(f.single_commits_per_second), &times(f.single_commit)),
        row("SQLite, 128 log rows per commit, row by row", &per_second(f.log_rows_per_second), "rows"),
        row("SQLite, 128 log rows per commit, multi-row", &per_second(f.log_rows_together_per_second), "rows"),
        row("HTTP, answers without any work (/health/live)", &per_second(f.http_per_second), "requests"),
        row("SQLite, 128 turns per 3 commits, row by row", &per_second(f.turn_limit_per_second), "turns"),
        row("SQLite, 128 turns per 3 commits, multi-row", &per_second(f.turn_limit_together_per_second), "turns"),
    ]
}

fn ours(f: &Figures) -> Vec<Vec<String>> {
    let m = &f.memory;
    let kib = |bytes: Option<f64>| bytes.map_or_else(|| "-".to_owned(), |b| format!("{:.1} KiB", b / 1024.0));
    let refused = if f.webhooks_refused == 0 { String::new() } else { format!(", {} refused", f.webhooks_refused) };
    let unanswered =
        if f.turns_unanswered == 0 { String::new() } else { format!(", {} unanswered", f.turns_unanswered) };
    vec![
        row(
            "webhooks accepted over HTTP, while they are answered",
            &per_second(f.webhooks_per_second),
            &format!(
                "{:.2} of the batched log rate ({:.2} of multi-row, {:.2} of bare HTTP), {}{refused}",
                ratio(f.webhooks_per_second, f.log_rows_per_second),
                ratio(f.webhooks_per_second, f.log_rows_together_per_second),
                ratio(f.webhooks_per_second, f.http_per_second),
                times(f.webhook)
            ),
        ),
        row(
            "turns with an instant model",
            &per_second(f.turns_per_second),
            &format!(
                "{:.2} of the statements alone ({:.2} of multi-row, {:.2} of plain log rows ÷ {COMMITS}){unanswered}",
                ratio(f.turns_per_second, f.turn_limit_per_second),
                ratio(f.turns_per_second, f.turn_limit_together_per_second),
                ratio(f.turns_per_second, f.log_rows_per_second / f64::from(COMMITS)),
            ),
        ),
        row(
            &format!("added latency at {:.0} messages/s", f.latency.rate),
            &times(f.latency.added),
            &format!("commit of one row meanwhile: {}", times(f.latency.commit)),
        ),
        row("memory of an active conversation", &kib(m.bytes_per_active), &format!("{} active", m.active)),
        row(
            "… of as many others after those went",
            &kib(m.bytes_per_active_again),
            &format!("{} left active after idling", m.active_after_idle),
        ),
        row(
            &format!("a message behind {} once active", m.once_active),
            &format!("{:.2} ms", m.message_of_new),
            &format!(
                "{:.2} ms of someone returning, {:.2} ms with an empty store",
                m.message_of_returning, m.message_when_empty
            ),
        ),
    ]
}

fn targets(f: &Figures) -> Vec<Target> {
    let accepted = ratio(f.webhooks_per_second, f.log_rows_per_second);
    let turns = ratio(f.turns_per_second, f.turn_limit_per_second);
    let latency = ratio(f.latency.added.p99, f.latency.commit.p99);
    let memory = f.memory.bytes_per_active.map(|b| b / 1024.0);
    let slower = ratio(f.memory.message_of_new.max(f.memory.message_of_returning), f.memory.message_when_empty);
    vec![
        at_least("webhooks accepted ÷ batched log rate", 0.5, accepted),
        at_least("turns ÷ (commit rate ÷ commits per turn)", 0.5, turns),
        at_most("added latency p99 ÷ commit p99", 5.0, Some(latency)),
        at_most("KiB per active conversation", 16.0, memory),
        at_most("message behind 100,000 once active ÷ with an empty store", 1.5, Some(slower)),
        f.neighbour.target(),
    ]
}

pub fn at_least(name: &str, bound: f64, measured: f64) -> Target {
    Target {
        name: name.to_owned(),
        bound: format!("at least {bound}"),
        measured: Some(measured),
        met: Some(measured >= bound),
    }
}

pub fn at_most(name: &str, bound: f64, measured: Option<f64>) -> Target {
    Target { name: name.to_owned(), bound: format!("at most {bound}"), measured, met: measured.map(|m| m <= bound) }
}

pub fn ratio(ours: f64, limit: f64) -> f64 {
    if limit > 0.0 { ours / limit } else { 0.0 }
}

pub fn row(name: &str, value: &str, more: &str) -> Vec<String> {
    cells([&format!("  {name}"), value, more])
}

pub fn cells<const N: usize>(of: [&str; N]) -> Vec<String> {
    of.iter().map(|c| (*c).to_owned()).collect()
}

pub fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}

pub fn times(p: Percentiles) -> String {
    format!("p50 {:.2} ms, p99 {:.2} ms", p.p50, p.p99)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_only_by_what_was_measured() {
        let mut figures = Figures {
            webhooks_per_second: 49.0,
            log_rows_per_second: 100.0,
            turns_per_second: 50.0,
            turn_limit_per_second: 100.0,
            ..Figures::default()
        };
        figures.latency.added.p99 = 11.0;
        figures.latency.commit.p99 = 2.0;
        let met: Vec<Option<bool>> = targets(&figures).into_iter().map(|t| t.met).collect();
        assert_eq!(met[..4], [Some(false), Some(true), Some(false), None]);
    }
}
