//! What a scenario expects of its agents.

use super::ToolRun;
use crate::{
    scenario::{CallSpec, Scenario, Texts},
    toolset::{InUse, same},
    world::Core,
};
use colloquy_domain::{model::Speaker, tool::EffectClass};
use serde_json::Value;
use std::collections::BTreeMap;

/// Expectations that were not met, in words.
#[must_use]
pub fn unmet(core: &Core, scenario: &Scenario) -> Vec<String> {
    let mut unmet = Vec::new();
    let expect = &scenario.expect;
    let called: Vec<String> = core.watch.tools().into_iter().map(|t| t.tool).collect();
    for tool in expect.tools.required.iter().filter(|t| !called.contains(t)) {
        unmet.push(format!("tools.required: {tool} was not called"));
    }
    for tool in expect.tools.forbidden.iter().filter(|t| called.contains(t)) {
        unmet.push(format!("tools.forbidden: {tool} was called"));
    }
    let mut rest = called.iter();
    for tool in &expect.tools.order {
        if !rest.any(|t| t == tool) {
            unmet.push(format!("tools.order: {tool} was not called in its place"));
            break;
        }
    }
    unmet.extend(calls(core, &expect.tools.calls));
    unmet.extend(end_state(core, scenario));
    unmet.extend(super::knowledge::unmet(core, scenario));
    unmet.extend(texts(&expect.texts, &said(core)));
    if let Some(wanted) = &expect.outcomes {
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for (_, inbox, _) in core.news() {
            for (_, outcome) in inbox {
                *found.entry(outcome.map_or("none", |o| o.name()).to_owned()).or_default() += 1;
            }
        }
        unmet.extend(counts("outcomes", &found, wanted));
    }
    if let Some(wanted) = &expect.deliveries {
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for sending in core.store.outbox() {
            *found.entry(sending.status.name().to_owned()).or_default() += 1;
        }
        unmet.extend(counts("deliveries", &found, wanted));
    }
    unmet
}

/// What was said that must not be, and was not said that must be.
#[must_use]
pub fn texts(wanted: &Texts, said: &str) -> Vec<String> {
    let said = said.to_lowercase();
    let missing = wanted.must_say.iter().filter(|w| !said.contains(&w.to_lowercase()));
    let missing = missing.map(|w| format!("texts.must_say: {w:?} was not said"));
    let spoken = wanted.never_say.iter().filter(|w| said.contains(&w.to_lowercase()));
    missing.chain(spoken.map(|w| format!("texts.never_say: {w:?} was said"))).collect()
}

/// Whether there are exactly so many of each.
#[must_use]
pub fn counts(what: &str, found: &BTreeMap<String, u64>, wanted: &BTreeMap<String, u64>) -> Option<String> {
    (found != wanted).then(|| format!("{what}: {found:?} instead of {wanted:?}"))
}

/// Calls with their arguments, in order; and none beside them that changes something.
fn calls(core: &Core, expected: &[CallSpec]) -> Vec<String> {
    if expected.is_empty() {
        return Vec::new();
    }
    let runs = core.watch.tools();
    let mut rest = runs.iter();
    let mut beside: Vec<&ToolRun> = Vec::new();
    for call in expected {
        loop {
            match rest.next() {
                Some(run) if is_call(core.toolset.as_ref(), call, run) => break,
                Some(run) => beside.push(run),
                None => {
                    let arguments = Value::from_iter(call.arguments.clone());
                    return vec![format!("tools.calls: {} {arguments} was not called in its place", call.tool)];
                }
            }
        }
    }
    let changing = beside.into_iter().chain(rest).filter(|r| r.effect != EffectClass::Read);
    changing.map(|r| format!("tools.calls: {} {} was called beside them", r.tool, r.arguments)).collect()
}

fn is_call(toolset: Option<&InUse>, expected: &CallSpec, run: &ToolRun) -> bool {
    let Ok(arguments) = serde_json::from_str::<Value>(&run.arguments) else { return false };
    match toolset {
        Some(toolset) => toolset.set.is_call(expected, &run.tool, &arguments),
        None => run.tool == expected.tool && same(&arguments, &Value::from_iter(expected.arguments.clone()), &[]),
    }
}

/// The data is as the calls would have left it.
fn end_state(core: &Core, scenario: &Scenario) -> Vec<String> {
    let (Some(wanted), Some(spec)) = (&scenario.expect.database, &scenario.toolset) else { return Vec::new() };
    let Some(in_use) = &core.toolset else { return vec![format!("database: there is no tool set {:?}", spec.name)] };
    let mut fresh = spec.fresh();
    in_use.set.replay(&mut fresh, &wanted.replay);
    let unlike = in_use.snapshot().unlike(&fresh, in_use.set.unordered);
    unlike.into_iter().map(|u| format!("database: {u}")).collect()
}

fn said(core: &Core) -> String {
    let mut all = String::new();
    for (_, _, lines) in core.news() {
        for line in lines.iter().filter(|l| l.speaker == Speaker::Agent) {
            all.push_str(&line.text);
            all.push('\n');
        }
    }
    all
}
