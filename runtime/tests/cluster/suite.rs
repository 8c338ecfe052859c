//! Every fault, one after the other on a machine of its own, as often as one wants, with a table at the end:
//! `COLLOQUY_TEST_KILLS=100 cargo test --release -p colloquy --test cluster -- suite --ignored --nocapture`.

use crate::{cuts, faults, full, town::times};
use futures::{FutureExt as _, future::LocalBoxFuture};
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio::time::Instant;

/// What was seen of one fault; that nothing was lost, doubled or reordered was asserted before.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often the fault came.
    pub times: u64,
    /// Accepted, each once.
    pub messages: usize,
    /// Accepted again after that.
    pub repeated: usize,
    /// Answers 503.
    pub put_off: usize,
    /// Replies of which nobody knows whether the provider took them.
    pub uncertain: usize,
    /// Writes that the database refused because their node did not own the partition any more.
    pub fenced: u64,
    /// How long it took until others owned what the node had.
    pub takeovers: Vec<Duration>,
}

impl Seen {
    pub fn of(self, times: u64, takeovers: Vec<Duration>) -> Self {
        Self { times, takeovers, ..self }
    }

    /// The middle and the 99th percentile, and the worst, in seconds.
    fn takeover(&self) -> String {
        let mut all = self.takeovers.clone();
        all.sort_unstable();
        let Some(last) = all.len().checked_sub(1) else { return "-".to_owned() };
        let at = |part: usize| all[(all.len() * part / 100).min(last)].as_secs_f64();
        format!("{:.1} / {:.1} / {:.1}", at(50), at(99), at(100))
    }

    pub fn worst(&self) -> Duration {
        self.takeovers.iter().max().copied().unwrap_or_default()
    }
}

/// A fault that comes [`times`] times; `None` where the machine does not permit it.
type Fault = fn() -> LocalBoxFuture<'static, Option<Seen>>;

const FAULTS: &[(&str, Fault)] = &[
    ("a node is killed", || faults::killed().map(Some).boxed_local()),
    ("a node is stopped for longer than its lease", || faults::stopped().map(Some).boxed_local()),
    ("nodes are replaced one after the other", || faults::replaced().map(Some).boxed_local()),
    ("PostgreSQL crashes", || faults::postgresql_crashes().map(Some).boxed_local()),
    ("NATS is killed", || faults::nats_is_killed().map(Some).boxed_local()),
    ("every webhook comes fifty times", || faults::storm().map(Some).boxed_local()),
    ("a node's cables are pulled (network namespaces)", || cuts::cables().boxed_local()),
    ("a node's connections fall silent", || cuts::silence().map(Some).boxed_local()),
    ("one node's disk is full", || full::of_one_node().boxed_local()),
    ("one node's files may not grow", || full::of_files().boxed_local()),
    ("PostgreSQL's disk is full", || full::of_postgresql().boxed_local()),
    ("NATS's disk is full", || full::of_nats().boxed_local()),
    ("JetStream has reached its limit", || full::of_jetstream().map(Some).boxed_local()),
];

/// One line of what was seen.
pub fn tell(name: &str, seen: &Seen) {
    let Seen { times, messages, repeated, put_off, uncertain, fenced, .. } = seen;
    let takeover = seen.takeover();
    eprintln!(
        "| {name:<47} | {times:>5} | {messages:>8} | {repeated:>8} | {put_off:>7} | {uncertain:>9} | {fenced:>6} | {takeover:>18} |"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the long form of the fault suite, for a machine of its own: it takes minutes for each time that a fault comes"]
async fn every_fault_as_often_as_wanted() {
    let (begun, mut rows) = (Instant::now(), Vec::new());
    for (name, fault) in FAULTS {
        eprintln!("--- {name}");
        rows.push((name, AssertUnwindSafe(fault()).catch_unwind().await));
    }
    eprintln!("\n{} of each fault, {:.0} minutes", times(), begun.elapsed().as_secs_f64() / 60.0);
    eprintln!("| {:<47} | times | messages | repeated | put off | uncertain | fenced | takeover 50/99/max |", "fault");
    for (name, row) in &rows {
        match row {
            Ok(Some(seen)) => tell(name, seen),
            Ok(None) => eprintln!("| {name:<47} | not permitted on this machine"),
            Err(_) => eprintln!("| {name:<47} | FAILED"),
        }
    }
    assert!(rows.iter().all(|(_, row)| row.is_ok()), "see above");
    eprintln!("nothing lost, nothing twice, nothing out of order");
}
