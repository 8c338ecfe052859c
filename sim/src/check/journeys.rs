//! Whether somebody was led past a step. What it takes to come to one is found out here anew, from the words of the journey
//! and what is written down of the conversation: the code that decides it is not asked.

use super::{Watch, approvals::has_it};
use crate::world::Core;
use colloquy_domain::{
    journey::{Argument, Compared, Condition, END, Journey, JourneyStep, Travel, Value, is_kept},
    tool::ToolInvocation,
};
use std::cmp::Ordering;

impl Watch {
    /// A tool begins: if journeys keep it, some step is there whose call this is.
    pub(super) fn in_its_step(&self, core: &Core, who: &str, inv: &ToolInvocation) {
        let Some(profile) = has_it(core, inv).filter(|p| is_kept(&p.journeys, &inv.call.name)) else { return };
        // What a person approved is carried out whatever happened meanwhile.
        if core.store.approvals(inv.conversation).iter().any(|a| a.asked.key == inv.key) {
            return;
        }
        let travels = core.store.travels(inv.conversation);
        let on = |t: &&Travel| t.agent == profile.id && t.is_under_way();
        let why = match travels.iter().find(on) {
            None => Some("no journey is under way".to_owned()),
            Some(travel) => Journey::named(&profile.journeys, &travel.journey)
                .and_then(|journey| led_past(journey, travel, (&inv.call.name, &inv.call.arguments))),
        };
        if let Some(why) = why {
            self.broken(core, "journey.skipped", who, format!("{}: {why}", inv.call.name));
        }
    }
}

/// What was not there when the tool ran.
fn led_past(journey: &Journey, travel: &Travel, (tool, arguments): (&str, &str)) -> Option<String> {
    let value = |name: &str| travel.slots.get(name).map(|f| &f.value);
    let mut at = 0;
    while let Some(step) = journey.steps.get(at) {
        at += 1;
        if step.condition.as_ref().is_some_and(|c| !holds(c, &value)) {
            continue;
        }
        if let Some(slot) = step.slots.iter().find(|s| s.required && value(&s.name).is_none()) {
            return Some(format!("the step {} has no {}", step.name, slot.name));
        }
        if let Some(call) = &step.tool
            && !travel.done.contains(&step.name)
        {
            let is_this = call.name == tool;
            return if is_this { unbound(step, arguments, &value) } else { Some(format!("{} is not done", step.name)) };
        }
        match step.next.as_deref() {
            Some(END) => break,
            Some(next) => at = journey.steps.iter().position(|s| s.name == next).unwrap_or(at),
            None => {}
        }
    }
    Some("it is not in a step that was come to".to_owned())
}

/// An argument that is not what its slot holds.
fn unbound<'a>(step: &JourneyStep, arguments: &str, value: &dyn Fn(&str) -> Option<&'a Value>) -> Option<String> {
    let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap_or_default();
    let tool = step.tool.as_ref()?;
    let wrong =
        |name: &str, is: Option<&Value>| arguments.get(name) != is.and_then(|v| serde_json::to_value(v).ok()).as_ref();
    let found = tool.arguments.iter().find(|(name, argument)| match argument {
        Argument::Slot(slot) => wrong(name, value(slot)),
        Argument::Value(always) => wrong(name, Some(always)),
    });
    found.map(|(name, _)| format!("{name} is not what its slot holds"))
}

fn holds<'a>(condition: &Condition, value: &dyn Fn(&str) -> Option<&'a Value>) -> bool {
    let order = |c: &Compared| match (value(&c.slot)?, &c.value) {
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match condition {
        Condition::Filled(name) => value(name).is_some(),
        Condition::Is(c) => order(c) == Some(Ordering::Equal),
        Condition::AtLeast(c) => order(c).is_some_and(Ordering::is_ge),
        Condition::AtMost(c) => order(c).is_some_and(Ordering::is_le),
        Condition::All(each) => each.iter().all(|c| holds(c, value)),
        Condition::Any(each) => each.iter().any(|c| holds(c, value)),
        Condition::Not(not) => !holds(not, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::{ids::AgentId, journey::Filled, time::Timestamp};
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn a_step_that_was_passed_over_is_found() {
        let journey: Journey = serde_json::from_value(json!({ "name": "table", "when": "somebody wants a table", "steps": [
            { "name": "size", "slots": [{ "name": "people", "type": "integer" }] },
            { "name": "large", "if": { "at_least": { "slot": "people", "value": 9 } }, "slots": [{ "name": "phone", "type": "phone" }] },
            { "name": "book", "tool": { "name": "book", "arguments": { "people": { "slot": "people" } } } },
        ]}))
        .expect("a journey");
        let travel = |slots: &[(&str, Value)]| {
            let slots =
                slots.iter().map(|(n, value)| ((*n).to_owned(), Filled { value: value.clone(), taints: Vec::new() }));
            let begun = Travel::begin(AgentId::new(Uuid::from_u128(1)), "table".to_owned(), Timestamp(0));
            Travel { slots: slots.collect(), ..begun }
        };
        let found = |slots: &[(&str, Value)], arguments: &str| led_past(&journey, &travel(slots), ("book", arguments));
        let people = |n: f64| ("people", Value::Number(n));
        assert_eq!(found(&[], "{}").as_deref(), Some("the step size has no people"));
        assert_eq!(found(&[people(4.0)], r#"{"people":4}"#), None);
        assert_eq!(found(&[people(4.0)], r#"{"people":5}"#).as_deref(), Some("people is not what its slot holds"));
        assert_eq!(found(&[people(9.0)], r#"{"people":9}"#).as_deref(), Some("the step large has no phone"));
        let called = ("phone", Value::Text("0612345678".into()));
        assert_eq!(found(&[people(9.0), called], r#"{"people":9}"#), None);
        let done = Travel { done: ["book".to_owned()].into(), ..travel(&[people(4.0)]) };
        assert!(led_past(&journey, &done, ("book", r#"{"people":4}"#)).is_some(), "once is enough");
    }
}
