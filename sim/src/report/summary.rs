//! What many runs come to, kept while they go on.

use super::{Reliability, Trials};
use crate::{Report, Verdict, scenario::Scenario};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, time::Duration};

/// The numbers that `--json` prints; stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    pub scenarios: u64,
    /// Runs, over all scenarios.
    pub trials: u64,
    pub passed: u64,
    pub failed: u64,
    /// Runs of each verdict; all verdicts are named.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Of the runs' trace hashes, in order: two summaries of the same runs are the same only if every event was.
    pub trace_hash: String,
    /// Of the first run.
    pub seed: Option<u64>,
    /// Conversations × virtual hours, added up.
    pub conversation_hours: f64,
    pub wall_seconds: f64,
    /// Of each scenario with several trials.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<Reliability>,
    /// Whether all that was expected came true: every run passed, or its scenario expects something of its trials together,
    /// and gets it.
    #[serde(skip)]
    pub is_fine: bool,
}

/// Adds runs up, in their order.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    scenarios: u64,
    trials: u64,
    verdicts: BTreeMap<&'static str, u64>,
    hash: Sha256,
    seed: Option<u64>,
    hours: f64,
    /// Of each scenario that is repeated, in order.
    repeated: Vec<Trials>,
    /// Whether the scenario under way is the last one of `repeated`.
    repeats: bool,
    /// Runs that did not pass, of scenarios that are not repeated.
    failed_alone: u64,
}

impl Totals {
    /// A scenario that is run once; its run follows.
    pub fn scenario(&mut self) {
        self.scenarios += 1;
        self.repeats = false;
    }

    /// A scenario, whose trials follow.
    pub fn repeated(&mut self, scenario: &Scenario) {
        self.scenarios += 1;
        self.repeats = true;
        self.repeated.push(Trials::of(scenario));
    }

    /// A trial.
    pub fn add(&mut self, report: &Report) {
        self.trials += 1;
        *self.verdicts.entry(report.verdict.name()).or_default() += 1;
        self.hash.update(report.trace_hash.as_bytes());
        self.hash.update(b"\n");
        self.seed.get_or_insert(report.seed);
        self.hours += hours(report);
        match self.repeated.last_mut().filter(|_| self.repeats) {
            Some(trials) => trials.add(report.verdict),
            None => self.failed_alone += u64::from(report.verdict != Verdict::Pass),
        }
    }

    /// `wall`: what all of it took on the machine.
    #[must_use]
    pub fn summary(&self, wall: Duration) -> Summary {
        let passed = self.verdicts.get(Verdict::Pass.name()).copied().unwrap_or(0);
        let count = |v: &Verdict| (v.name(), self.verdicts.get(v.name()).copied().unwrap_or(0));
        Summary {
            scenarios: self.scenarios,
            trials: self.trials,
            passed,
            failed: self.trials - passed,
            verdicts: Verdict::ALL.iter().map(count).collect(),
            trace_hash: hex::encode(self.hash.clone().finalize()),
            seed: self.seed,
            conversation_hours: self.hours,
            wall_seconds: wall.as_secs_f64(),
            reliability: self.repeated.iter().filter_map(Trials::reliability).collect(),
            is_fine: self.failed_alone == 0 && self.repeated.iter().all(Trials::is_fine),
        }
    }
}

/// Conversations × virtual hours of one run.
#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 conversations")]
pub fn hours(report: &Report) -> f64 {
    report.stats.conversations as f64 * report.lasted.as_secs_f64() / 3600.0
}
