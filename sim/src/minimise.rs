//! From a failing run to the smallest scenario that fails in the same way.
//!
//! Delta debugging, from the coarse to the fine: conversations, messages, faults, nodes, delays, words. A candidate is kept
//! only if the same promise is broken for the same conversation.

use crate::{
    check::Violation,
    fault::FaultSpec,
    scenario::{Scenario, ScriptedMessage, Span, UserSpec},
    world::{Options, Report, run},
};
use std::collections::BTreeSet;

/// What minimising found.
#[derive(Debug, Clone)]
pub struct Minimised {
    pub scenario: Scenario,
    /// The promise that it breaks.
    pub violation: Violation,
    /// Runs that it took.
    pub runs: u32,
}

impl Minimised {
    /// Messages, events of the timeline, and faults.
    #[must_use]
    pub fn events(&self) -> usize {
        events(&self.scenario)
    }
}

/// Messages, events of the timeline, and faults.
#[must_use]
pub fn events(scenario: &Scenario) -> usize {
    let messages: usize = scenario.conversations.iter().map(|c| messages(&c.user).len()).sum();
    messages + scenario.faults.len() + scenario.timeline.len()
}

/// The smallest scenario found that breaks the first promise that this one breaks; `None` if it breaks none.
#[must_use]
pub fn minimise(scenario: &Scenario, seed: u64, options: Options) -> Option<Minimised> {
    let report = run(scenario, seed, options);
    let violation = report.violations.first()?.clone();
    let mut search = Search { seed, options, violation, runs: 1 };
    let mut best = scenario.clone();
    best.runs.seed = seed;
    best.runs.trials = 1;
    // What happened by chance is said outright, so that each can be taken away alone.
    let outright = Scenario { faults: report.fired.iter().map(FaultSpec::from).collect(), ..best.clone() };
    if search.fails(&outright) {
        best = outright;
    }
    loop {
        let before = best.clone();
        best = search.conversations(best);
        best = search.messages(best);
        best = search.faults(best);
        best = search.timeline(best);
        best = search.nodes(best);
        best = search.lanes(best);
        best = search.documents(best);
        best = search.unused(best);
        best = search.times(best);
        best = search.words(best);
        if best == before {
            break;
        }
    }
    Some(Minimised { scenario: best, violation: search.violation, runs: search.runs })
}

fn messages(user: &UserSpec) -> &[ScriptedMessage] {
    match user {
        UserSpec::Script { messages } => messages,
        // What they write depends on what they are told: nothing can be taken out of it.
        UserSpec::Automaton(_) | UserSpec::Replay(_) | UserSpec::Model(_) => &[],
    }
}

struct Search {
    seed: u64,
    options: Options,
    violation: Violation,
    runs: u32,
}

impl Search {
    fn fails(&mut self, candidate: &Scenario) -> bool {
        self.runs += 1;
        let report: Report = run(candidate, self.seed, Options { trace: false, ..self.options });
        let same = |v: &Violation| v.invariant == self.violation.invariant && v.entity == self.violation.entity;
        report.violations.iter().any(same)
    }

    fn or(&mut self, best: Scenario, candidate: Scenario) -> Scenario {
        if candidate != best && self.fails(&candidate) { candidate } else { best }
    }

    /// Takes away as many of `items` as can go: halves first, then quarters, down to single ones.
    fn fewer<T: Clone>(&mut self, items: Vec<T>, with: impl Fn(Vec<T>) -> Scenario) -> Vec<T> {
        let (mut items, mut size) = (items.clone(), items.len().div_ceil(2));
        while size > 0 && !items.is_empty() {
            let mut start = 0;
            while start < items.len() {
                let mut rest = items.clone();
                rest.drain(start..(start + size).min(items.len()));
                if self.fails(&with(rest.clone())) {
                    items = rest;
                } else {
                    start += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        items
    }

    fn conversations(&mut self, best: Scenario) -> Scenario {
        let conversations =
            self.fewer(best.conversations.clone(), |conversations| Scenario { conversations, ..best.clone() });
        Scenario { conversations, ..best }
    }

    fn messages(&mut self, mut best: Scenario) -> Scenario {
        for n in 0..best.conversations.len() {
            if messages(&best.conversations[n].user).is_empty() {
                continue;
            }
            let with = |messages: Vec<ScriptedMessage>| {
                let mut candidate = best.clone();
                candidate.conversations[n].user = UserSpec::Script { messages };
                candidate
            };
            let all = messages(&best.conversations[n].user).to_vec();
            let fewer = self.fewer(all, with);
            best.conversations[n].user = UserSpec::Script { messages: fewer };
        }
        best
    }

    fn faults(&mut self, best: Scenario) -> Scenario {
        let faults = self.fewer(best.faults.clone(), |faults| Scenario { faults, ..best.clone() });
        Scenario { faults, ..best }
    }

    fn timeline(&mut self, best: Scenario) -> Scenario {
        let timeline = self.fewer(best.timeline.clone(), |timeline| Scenario { timeline, ..best.clone() });
        Scenario { timeline, ..best }
    }

    fn nodes(&mut self, mut best: Scenario) -> Scenario {
        while best.world.nodes > 1 {
            let mut candidate = best.clone();
            candidate.world.nodes -= 1;
            if !self.fails(&candidate) {
                break;
            }
            best = candidate;
        }
        best
    }

    fn lanes(&mut self, best: Scenario) -> Scenario {
        let mut candidate = best.clone();
        candidate.world.lanes = 1;
        self.or(best, candidate)
    }

    fn documents(&mut self, mut best: Scenario) -> Scenario {
        for n in 0..best.world.knowledge.len() {
            let with = |documents| {
                let mut candidate = best.clone();
                candidate.world.knowledge[n].documents = documents;
                candidate
            };
            let fewer = self.fewer(best.world.knowledge[n].documents.clone(), with);
            best.world.knowledge[n].documents = fewer;
        }
        best
    }

    /// Channels, agents and tools that nobody needs.
    fn unused(&mut self, best: Scenario) -> Scenario {
        let mut candidate = best.clone();
        let channels: BTreeSet<&String> = best.conversations.iter().map(|c| &c.channel).collect();
        candidate.world.channels.retain(|c| channels.contains(&c.name));
        let agents: BTreeSet<String> = candidate.world.channels.iter().map(|c| c.agent.clone()).collect();
        candidate.world.agents.retain(|a| agents.contains(&a.name));
        for agent in &mut candidate.world.agents {
            agent.team.retain(|member| agents.contains(&member.agent));
            agent.specialists.retain(|member| agents.contains(&member.agent));
            agent.routes.retain(|route| agents.contains(&route.to));
        }
        let tenants: BTreeSet<String> = candidate.world.agents.iter().map(|a| a.tenant.clone()).collect();
        candidate.world.knowledge.retain(|b| tenants.contains(&b.tenant));
        let bases: BTreeSet<String> = candidate.world.knowledge.iter().map(|b| b.name.clone()).collect();
        candidate.timeline.retain(|e| e.action.base().is_none_or(|base| bases.contains(base)));
        if candidate.world.channels.is_empty() {
            return best;
        }
        self.or(best, candidate)
    }

    /// Earlier, and in whole seconds.
    fn times(&mut self, mut best: Scenario) -> Scenario {
        for n in 0..best.conversations.len() {
            for m in 0..messages(&best.conversations[n].user).len() {
                for rounded in [1_000, 100] {
                    let mut candidate = best.clone();
                    let UserSpec::Script { messages } = &mut candidate.conversations[n].user else { continue };
                    let ms = u64::try_from(messages[m].at.0.as_millis()).unwrap_or(0);
                    messages[m].at = Span::millis(ms / rounded * rounded);
                    messages.sort_by_key(|m| m.at);
                    best = self.or(best, candidate);
                }
            }
        }
        best
    }

    /// Nothing but what is needed.
    fn words(&mut self, mut best: Scenario) -> Scenario {
        for n in 0..best.conversations.len() {
            for m in 0..messages(&best.conversations[n].user).len() {
                let mut candidate = best.clone();
                let UserSpec::Script { messages } = &mut candidate.conversations[n].user else { continue };
                let short = format!("{n}.{m}");
                if messages[m].text.len() > short.len() {
                    messages[m].text = short;
                    best = self.or(best, candidate);
                }
            }
        }
        best
    }
}
