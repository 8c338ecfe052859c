//! The same world in which no node dies: what people are told must be the same.

use super::{Options, Report, Told, run};
use crate::{
    check::Violation,
    fault::{FaultSpec, Kind},
    scenario::{Action, Scenario},
};

/// Whether two worlds can be held against each other that differ by the deaths of nodes: everything else that goes wrong only
/// takes time, and so changes no answer.
#[must_use]
pub fn is_comparable(faults: &[FaultSpec]) -> bool {
    let takes_time = |kind| matches!(kind, Kind::Slow | Kind::Late | Kind::Duplicate | Kind::Lost | Kind::Pause);
    faults.iter().all(|f| f.kind.ends_a_life() || takes_time(f.kind))
}

/// The scenario without what ends a node's life.
fn deathless(scenario: &Scenario) -> Scenario {
    let mut twin = scenario.clone();
    twin.faults.retain(|f| !f.kind.ends_a_life());
    twin.timeline.retain(|e| !matches!(e.action, Action::Kill { .. } | Action::Restart { .. }));
    twin.expect.as_without_crashes = false;
    twin
}

/// Where somebody was told something else than in the world in which no node dies.
#[must_use]
pub fn unlike(scenario: &Scenario, report: &Report) -> Vec<Violation> {
    let twin = run(&deathless(scenario), report.seed, Options::default());
    let told = |report: &Report| report.told.iter().map(|t| (t.who.clone(), sentences(t))).collect::<Vec<_>>();
    let (is, should) = (told(report), told(&twin));
    let differs = is.iter().filter(|conversation| !should.contains(conversation));
    differs
        .map(|(who, said)| {
            let without = should.iter().find(|(w, _)| w == who).map(|(_, said)| said.join(" | ")).unwrap_or_default();
            let detail = format!("told {:?}, and {without:?} where no node dies", said.join(" | "));
            Violation { invariant: "rehydrated", at: report.lasted, entity: who.clone(), detail }
        })
        .collect()
}

/// What was said, whatever was put together into one answer, in whichever order, and whatever it rests on: a death takes time. So
/// more may have come until the answer, and a delivery that a dead node did not take comes again after later ones.
fn sentences(told: &Told) -> Vec<String> {
    let answers = told.replies.iter().map(|r| r.strip_suffix(" [1]").unwrap_or(r));
    let answers = answers.map(|r| r.strip_prefix("re: ").unwrap_or(r));
    let mut said: Vec<String> = answers.flat_map(|r| r.split(" + ")).map(str::to_owned).collect();
    said.sort();
    said
}
