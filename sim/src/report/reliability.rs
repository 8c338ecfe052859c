//! How reliably scenarios pass, over their trials.

use crate::{
    Verdict,
    scenario::{PassK, Scenario},
};
use serde::Serialize;
use std::fmt;

/// The normal quantile of a two-sided interval of 95 %.
const Z95: f64 = 1.959_963_984_540_054;

/// What the trials of one scenario come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    pub scenario: String,
    /// Trials that say something about the agent: `pass` and `fail_agent`.
    pub trials: u32,
    pub passed: u32,
    /// The 95 % interval of Wilson for the chance that a trial passes.
    pub interval: (f64, f64),
    /// The chance that k trials all pass, for k from 1 to `trials`: C(passed, k) / C(trials, k), which is unbiased.
    pub pass_k: Vec<f64>,
    /// What the scenario expects.
    pub expected: Option<PassK>,
    /// Whether that came true; `None` where nothing is expected, or too few trials count.
    pub met: Option<bool>,
}

/// Counts trials while they are made.
#[derive(Debug, Clone)]
pub struct Trials {
    scenario: String,
    expected: Option<PassK>,
    all: u32,
    trials: u32,
    passed: u32,
    /// Runs in which a promise of the runtime was broken.
    broken: u32,
}

impl Trials {
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.name.clone(),
            expected: scenario.expect.pass_k,
            all: 0,
            trials: 0,
            passed: 0,
            broken: 0,
        }
    }

    pub fn add(&mut self, verdict: Verdict) {
        self.all += 1;
        self.trials += u32::from(matches!(verdict, Verdict::Pass | Verdict::FailAgent));
        self.passed += u32::from(verdict == Verdict::Pass);
        self.broken += u32::from(verdict == Verdict::FailInfra);
    }

    /// Whether what was expected came true: of each trial, or of all together. A broken promise is never excused.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        match self.expected {
            Some(_) => self.broken == 0 && self.reliability().is_some_and(|r| r.met == Some(true)),
            None => self.passed == self.all,
        }
    }

    /// `None` for a scenario of one trial that expects nothing of several.
    #[must_use]
    pub fn reliability(&self) -> Option<Reliability> {
        if self.all < 2 && self.expected.is_none() {
            return None;
        }
        let (trials, passed) = (self.trials, self.passed);
        let pass_k: Vec<f64> = (1..=trials).map(|k| pass_hat_k(trials, passed, k)).collect();
        let met = self.expected.and_then(|e| Some(*pass_k.get(e.k as usize - 1)? >= e.at_least));
        Some(Reliability {
            scenario: self.scenario.clone(),
            trials,
            passed,
            interval: wilson(trials, passed),
            pass_k,
            expected: self.expected,
            met,
        })
    }
}

/// C(passed, k) / C(trials, k).
fn pass_hat_k(trials: u32, passed: u32, k: u32) -> f64 {
    if k > passed {
        return 0.0;
    }
    (0..k).map(|n| f64::from(passed - n) / f64::from(trials - n)).product()
}

fn wilson(trials: u32, passed: u32) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let (n, share, zz) = (f64::from(trials), f64::from(passed) / f64::from(trials), Z95 * Z95);
    let middle = (share + zz / (2.0 * n)) / (1.0 + zz / n);
    let half = Z95 / (1.0 + zz / n) * (share * (1.0 - share) / n + zz / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

impl fmt::Display for Reliability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval;
        write!(f, "{}: {} of {} trials passed (95 %: {low:.2} to {high:.2})", self.scenario, self.passed, self.trials)?;
        for (k, value) in (1..).zip(&self.pass_k).filter(|(k, _)| shown(*k, self.pass_k.len(), self.expected)) {
            write!(f, ", pass^{k} {value:.2}")?;
        }
        match (self.expected, self.met) {
            (Some(PassK { k, at_least }), Some(met)) => {
                write!(f, "; expected pass^{k} of at least {at_least}: {}", if met { "met" } else { "not met" })
            }
            (Some(PassK { k, .. }), None) => write!(f, "; expected pass^{k}: too few trials say something"),
            (None, _) => Ok(()),
        }
    }
}

/// The first ones, the last one and the expected one: nobody reads a hundred.
fn shown(k: usize, of: usize, expected: Option<PassK>) -> bool {
    k <= 4 || k == of || expected.is_some_and(|e| e.k as usize == k)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 5e-4
    }

    #[test]
    fn estimates_are_those_of_the_books() {
        // C(3,2)/C(5,2), and all of the subsets of a set that always passes or never does.
        assert!(near(pass_hat_k(5, 3, 2), 0.3) && near(pass_hat_k(5, 3, 1), 0.6) && near(pass_hat_k(5, 3, 4), 0.0));
        assert!(near(pass_hat_k(8, 8, 8), 1.0) && near(pass_hat_k(8, 0, 1), 0.0));
        // Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (passed, trials, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let (l, h) = wilson(trials, passed);
            assert!(near(l, low) && near(h, high), "{passed}/{trials}: {l} {h}");
        }
    }

    #[test]
    fn only_what_the_agent_did_counts() {
        let mut trials = Trials {
            scenario: "s".to_owned(),
            expected: Some(PassK { k: 2, at_least: 0.3 }),
            all: 0,
            trials: 0,
            passed: 0,
            broken: 0,
        };
        for verdict in [Verdict::Pass, Verdict::FailUserSim, Verdict::Inconclusive, Verdict::FailInfra] {
            trials.add(verdict);
        }
        assert_eq!(trials.reliability().map(|r| (r.trials, r.met)), Some((1, None)));
        for verdict in [Verdict::Pass, Verdict::Pass, Verdict::FailAgent, Verdict::FailAgent] {
            trials.add(verdict);
        }
        let found = trials.reliability().expect("several trials");
        assert_eq!((found.trials, found.passed, found.met), (5, 3, Some(true)));
        assert!(!trials.is_fine(), "a promise was broken");
        trials.broken = 0;
        assert!(trials.is_fine());
        assert_eq!(
            found.to_string(),
            "s: 3 of 5 trials passed (95 %: 0.23 to 0.88), pass^1 0.60, pass^2 0.30, pass^3 0.10, pass^4 0.00, \
             pass^5 0.00; expected pass^2 of at least 0.3: met"
        );
    }
}
