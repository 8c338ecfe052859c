//! The mutation score: how many of the oracle's possible mistakes the expectations notice.
//!
//! What is left out because nobody could notice it: a wrong value of an argument that is free words (any are right);
//! two calls that are the same changing places; and words after a call that hands over, which are never said.

use super::{NEIGHBOUR, says};
use crate::{
    Options, Verdict,
    check::canary,
    model::{Garbling, Mutation, misspelt},
    run,
    scenario::{CallSpec, Effect, Gold, ModelSpec, Scenario},
    toolset::{self, Kind},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many mistakes of a kind were noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    pub all: u64,
    pub killed: u64,
    /// Noticed by what came of the run alone (data, words, promises), without a look at the calls.
    pub by_outcome: u64,
}

/// A mistake that was not noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survivor {
    pub scenario: String,
    pub mutation: String,
}

/// Of one or many scenarios.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Score {
    pub by_operator: BTreeMap<&'static str, Tally>,
    pub survivors: Vec<Survivor>,
}

impl Score {
    #[must_use]
    pub fn total(&self) -> Tally {
        self.by_operator.values().fold(Tally::default(), |t, o| Tally {
            all: t.all + o.all,
            killed: t.killed + o.killed,
            by_outcome: t.by_outcome + o.by_outcome,
        })
    }

    /// 0 to 1; 1 where nothing was to be noticed.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    pub fn killed(&self) -> f64 {
        let Tally { all, killed, .. } = self.total();
        if all == 0 { 1.0 } else { killed as f64 / all as f64 }
    }
}

/// Runs each scenario's mutants once, with the scenario's own seed.
#[must_use]
pub fn score(scenarios: &[Scenario]) -> Score {
    let mut score = Score::default();
    for scenario in scenarios {
        for (mutation, mutant) in mutants(scenario) {
            let report = run(&mutant, mutant.runs.seed, Options::default());
            let tally = score.by_operator.entry(mutation.operator()).or_default();
            tally.all += 1;
            if report.verdict == Verdict::Pass {
                let survivor = Survivor { scenario: scenario.name.clone(), mutation: format!("{mutation:?}") };
                score.survivors.push(survivor);
                continue;
            }
            tally.killed += 1;
            let outcome = report.unmet.iter().any(|u| !u.starts_with("tools."));
            tally.by_outcome += u64::from(outcome || !report.violations.is_empty());
        }
    }
    score
}

/// Every mistake that an oracle's scenario allows, each as a scenario; none where the model is no oracle.
#[must_use]
pub fn mutants(scenario: &Scenario) -> Vec<(Mutation, Scenario)> {
    let ModelSpec::Oracle(gold) = &scenario.model else { return Vec::new() };
    let mistakes = mistakes(scenario, gold);
    let mutant = |mutation: Mutation| {
        let model = ModelSpec::Mutant { gold: gold.clone(), mutation: mutation.clone() };
        let name = format!("{}-{}", scenario.name, mutation.operator());
        (mutation, Scenario { name, model, ..scenario.clone() })
    };
    mistakes.into_iter().map(mutant).collect()
}

fn mistakes(scenario: &Scenario, gold: &Gold) -> Vec<Mutation> {
    let mut all = Vec::new();
    for (n, call) in gold.calls.iter().enumerate() {
        all.push(Mutation::Drop { call: n });
        if gold.calls.get(n + 1).is_some_and(|next| next != call) {
            all.push(Mutation::Swap { call: n });
        }
        all.push(Mutation::UnknownTool { call: n });
        all.extend(garblings(scenario, call).into_iter().map(|how| Mutation::Garble { call: n, how }));
        if effect(scenario, call) == Some(Effect::Unsafe) {
            all.push(Mutation::Repeat { call: n });
        }
    }
    if !gold.calls.is_empty() {
        all.push(Mutation::EarlyAnswer { after: 0 });
    }
    if speaks(gold) {
        all.push(Mutation::Leak { words: canary(NEIGHBOUR) });
        all.extend(misstatements(&scenario.expect.texts.must_say));
    }
    all
}

fn effect(scenario: &Scenario, call: &CallSpec) -> Option<Effect> {
    toolset::named(&scenario.toolset.as_ref()?.name)?.tool(&call.tool).map(|t| t.effect)
}

/// Whether anything is said after the calls: the conversation is a person's as soon as it is handed over.
fn speaks(gold: &Gold) -> bool {
    !gold.calls.iter().any(|c| c.tool == "transfer_to_human_agents")
}

fn garblings(scenario: &Scenario, call: &CallSpec) -> Vec<Garbling> {
    let set = scenario.toolset.as_ref().and_then(|t| toolset::named(&t.name));
    let tool = set.and_then(|s| s.tool(&call.tool));
    let free = |name: &str| tool.is_some_and(|t| t.params.iter().any(|p| p.name == name && p.kind == Kind::Words));
    let wrong = call.arguments.keys().filter(|name| !free(name)).map(|name| Garbling::Wrong(name.clone()));
    let missing = call.arguments.keys().map(|name| Garbling::Missing(name.clone()));
    wrong.chain(missing).chain([Garbling::Broken]).collect()
}

/// Says nothing of what must be said; and each part of it wrong.
fn misstatements(told: &[String]) -> Vec<Mutation> {
    if told.is_empty() {
        return Vec::new();
    }
    let wrong = (0..told.len()).map(|n| {
        let mut told = told.to_vec();
        told[n] = misspelt(&told[n]);
        says(&told)
    });
    [says(&[])].into_iter().chain(wrong).map(|say| Mutation::Misstate { say }).collect()
}
