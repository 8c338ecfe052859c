//! The table of a cluster.

use super::{
    super::{
        figures::Percentiles,
        neighbour::Neighbour,
        report::{Target, at_least, at_most, per_second, print_targets, ratio, row, section, times},
    },
    phases::CROWDS,
};
use crate::out;
use colloquy_store::limits::server::TRANSACTIONS;
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    /// Of one row each, on one connection.
    pub commits_per_second: f64,
    pub commit: Percentiles,
    /// On 32 connections.
    pub commits_together_per_second: f64,
    pub turn_transactions_per_second: f64,
    pub entries_batched_per_second: f64,
    pub entries_pipelined_per_second: f64,
    /// Empty, and the next two `None`, where it was not asked for.
    pub throughput: Vec<Throughput>,
    pub restart: Option<Restart>,
    pub neighbour: Option<Neighbour>,
    /// Over the whole run; there must be none of either.
    pub doubled_replies: u64,
    pub dead_letters: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Throughput {
    pub nodes: usize,
    /// At the same time.
    pub conversations: u64,
    /// Of all nodes together.
    pub turns_per_second: f64,
    /// Transactions of the database, reads and heartbeats, too.
    pub commits_per_turn: f64,
    /// Of PostgreSQL's log; `None` where it does not tell.
    pub syncs_per_turn: Option<f64>,
    /// In NATS.
    pub log_messages_per_turn: f64,
    pub unanswered: u64,
    /// From the first byte of the webhook to the reply's arrival, in milliseconds.
    pub reply: Percentiles,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Restart {
    /// Messages a second.
    pub rate: f64,
    /// That the restarts took.
    pub seconds: f64,
    pub messages: u64,
    pub failed: u64,
    /// Requests that another node took.
    pub elsewhere: u64,
    pub calm: Percentiles,
    pub restarted: Percentiles,
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
            "Colloquy {} on {} cores (nodes, load and whatever of the engines is on this machine), {} s for each \
             measurement, medians of rounds.",
            self.version, self.cores, self.seconds
        ));
        if !f.throughput.is_empty() {
            section("PostgreSQL and NATS", &limits(f));
            section("Nodes", &f.throughput.iter().map(|t| turns(t, f)).collect::<Vec<_>>());
        }
        section("Everybody else", &others(f));
        print_targets(&self.targets);
    }
}

fn limits(f: &Figures) -> Vec<Vec<String>> {
    let turns = f.turn_transactions_per_second / f64::from(TRANSACTIONS);
    vec![
        row("PostgreSQL, one row per commit", &per_second(f.commits_per_second), &times(f.commit)),
        row("PostgreSQL, the same on 32 connections", &per_second(f.commits_together_per_second), "commits"),
        row(
            "PostgreSQL, bare turn transactions on 32 connections",
            &per_second(f.turn_transactions_per_second),
            &format!("{} of whole turns ({TRANSACTIONS} each)", per_second(turns)),
        ),
        row("NATS, 128 entries per message", &per_second(f.entries_batched_per_second), "entries"),
        row("NATS, one entry per message, pipelined", &per_second(f.entries_pipelined_per_second), "entries"),
    ]
}

fn of_limit(t: &Throughput, f: &Figures) -> f64 {
    ratio(t.turns_per_second * f64::from(TRANSACTIONS), f.turn_transactions_per_second)
}

fn turns(t: &Throughput, f: &Figures) -> Vec<String> {
    let nodes = if t.nodes == 1 { "1 node".to_owned() } else { format!("{} nodes", t.nodes) };
    let syncs = t.syncs_per_turn.map_or_else(|| "-".to_owned(), |s| format!("{s:.2}"));
    let unanswered = if t.unanswered == 0 { String::new() } else { format!(", {} unanswered", t.unanswered) };
    row(
        &format!("turns of {nodes}, {} conversations at once", t.conversations),
        &per_second(t.turns_per_second),
        &format!(
            "{:.0}/s per node, {:.2} of the bare transactions; per turn {syncs} fsyncs, {:.1} commits (reads too), {:.2} \
             log messages; reply {}{unanswered}",
            t.turns_per_second / t.nodes.max(1) as f64,
            of_limit(t, f),
            t.commits_per_turn,
            t.log_messages_per_turn,
            times(t.reply),
        ),
    )
}

fn others(f: &Figures) -> Vec<Vec<String>> {
    let mut rows = f.restart.as_ref().map(restarts).unwrap_or_default();
    rows.extend(f.neighbour.as_ref().map(Neighbour::rows).unwrap_or_default());
    rows.push(row(
        "over the whole run",
        &format!("{} doubled", f.doubled_replies),
        &format!("replies; {} dead letters", f.dead_letters),
    ));
    rows
}

fn restarts(r: &Restart) -> Vec<Vec<String>> {
    vec![
        row(
            &format!("reply at {:.0} messages/s", r.rate),
            &format!("p99 {:.0} ms", r.calm.p99),
            &format!("p50 {:.1} ms", r.calm.p50),
        ),
        row(
            "… while all nodes are restarted in turn",
            &format!("p99 {:.0} ms", r.restarted.p99),
            &format!(
                "p50 {:.1} ms; {} messages in {:.0} s, {} failed, {} requests taken by the next node",
                r.restarted.p50, r.messages, r.seconds, r.failed, r.elsewhere
            ),
        ),
    ]
}

fn targets(f: &Figures) -> Vec<Target> {
    let mut all = Vec::new();
    for nodes in (1..=super::phases::NODES).filter(|_| !f.throughput.is_empty()) {
        let few = f.throughput.iter().find(|t| (t.nodes, t.conversations) == (nodes, CROWDS[0]));
        let name = format!(
            "turns x {TRANSACTIONS} / bare turn transactions, {} conversations at once, nodes: {nodes}",
            CROWDS[0]
        );
        all.push(at_least(&name, 0.6, few.map_or(0.0, |t| of_limit(t, f))));
    }
    for t in f.throughput.iter().filter(|t| t.conversations == CROWDS[0]) {
        let name = format!("fsyncs per turn, {} conversations at once, nodes: {}", t.conversations, t.nodes);
        all.push(at_most(&name, 1.0, t.syncs_per_turn));
    }
    let unanswered = f.throughput.iter().map(|t| t.unanswered).sum::<u64>()
        + f.restart.map_or(0, |r| r.failed)
        + f.neighbour.map_or(0, |n| n.failed);
    let failed = (unanswered + f.doubled_replies) as f64 + f.dead_letters as f64;
    all.push(at_most("failed or doubled turns", 0.0, Some(failed)));
    if let Some(r) = &f.restart {
        let added = (r.restarted.p99 - r.calm.p99) / 1000.0;
        all.push(at_most("seconds that a rolling restart adds to p99", 1.0, Some(added)));
    }
    all.extend(f.neighbour.as_ref().map(Neighbour::target));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_nodes_is_held_against_the_limit_of_the_same_run() {
        let of = |nodes, turns_per_second, syncs| Throughput {
            nodes,
            conversations: CROWDS[0],
            turns_per_second,
            syncs_per_turn: syncs,
            ..Throughput::default()
        };
        let mut figures = Figures {
            turn_transactions_per_second: 4000.0,
            throughput: vec![of(1, 599.0, Some(0.9)), of(2, 601.0, Some(1.1)), of(3, 700.0, None)],
            ..Figures::default()
        };
        figures.restart = Some(Restart { failed: 1, ..Restart::default() });
        let ms = |p99| Percentiles { p50: 1.0, p99 };
        figures.neighbour = Some(Neighbour { alone: ms(10.0), beside: ms(15.1), ..Neighbour::default() });
        let met: Vec<Option<bool>> = targets(&figures).into_iter().map(|t| t.met).collect();
        let want =
            [Some(false), Some(true), Some(true), Some(true), Some(false), None, Some(false), Some(true), Some(false)];
        assert_eq!(met, want);
        let only = Figures { neighbour: figures.neighbour, ..Figures::default() };
        let names: Vec<String> = targets(&only).into_iter().map(|t| t.name).collect();
        assert_eq!(names.len(), 2, "of what was not measured nothing is said: {names:?}");
    }
}
