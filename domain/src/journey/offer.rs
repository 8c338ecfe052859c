//! What a model is told of journeys, and the tools by which it moves in them.

use super::{BEGIN, FILL, Journey, Kind, LEAVE, Slot, Travel, TravelState, date, is_kept, under_way};
use crate::{
    json::quoted,
    time::Timestamp,
    tool::{EffectClass, ToolSpec},
};
use std::time::Duration;

/// The tools as the model gets them: without those that journeys keep for their steps, but for the one whose time has come,
/// and with those that move.
#[must_use]
pub fn offered(journeys: &[Journey], travels: &[&Travel], tools: Vec<ToolSpec>) -> Vec<ToolSpec> {
    if journeys.is_empty() {
        return tools;
    }
    let on = under_way(journeys, travels);
    let ready = on.and_then(|(travel, journey)| travel.call(journey)).map(|(tool, _)| tool);
    let kept = |mut spec: ToolSpec| {
        if ready.as_ref() == Some(&spec.name) {
            // The arguments are in the slots: there is nothing to write.
            spec.parameters = r#"{"type":"object","properties":{}}"#.to_owned();
            return Some(spec);
        }
        (!is_kept(journeys, &spec.name)).then_some(spec)
    };
    let mut tools: Vec<ToolSpec> = tools.into_iter().filter_map(kept).collect();
    match on {
        Some((_, journey)) => tools.extend([fill(journey), leave()]),
        None => tools.push(begin(journeys)),
    }
    tools
}

fn spec(name: &str, description: &str, parameters: String) -> ToolSpec {
    let (name, description) = (name.to_owned(), description.to_owned());
    // The conversation itself answers, in the commit that intends the call.
    ToolSpec { name, description, parameters, effect: EffectClass::Idempotent, timeout: Duration::from_secs(1) }
}

fn begin(journeys: &[Journey]) -> ToolSpec {
    let names: Vec<String> = journeys.iter().map(|j| quoted(&j.name)).collect();
    let parameters = format!(
        r#"{{"type":"object","properties":{{"journey":{{"type":"string","enum":[{}]}}}},"required":["journey"]}}"#,
        names.join(",")
    );
    let description = "Begins a journey, or takes up one that was left: a sequence of questions and actions that leads to what \
        the person wants. You are told what to ask, step by step.";
    spec(BEGIN, description, parameters)
}

fn leave() -> ToolSpec {
    let parameters = r#"{"type":"object","properties":{"reason":{"type":"string","maxLength":500,"description":"Why, in one sentence."}},"required":["reason"]}"#;
    let description = "Leaves the journey when the person wants something else, or not to go on. What was filled in stays: it \
        can be taken up again.";
    spec(LEAVE, description, parameters.to_owned())
}

fn fill(journey: &Journey) -> ToolSpec {
    let slots: Vec<String> = journey.steps.iter().flat_map(|s| &s.slots).map(property).collect();
    let parameters = format!(r#"{{"type":"object","properties":{{{}}}}}"#, slots.join(","));
    let description = "Fills in what the person said: as much as they said, of this step or of later ones. Never guess or make \
        up a value. What is wrong is told to you. Call it without values where the step asks for nothing that is needed.";
    spec(FILL, description, parameters)
}

fn property(slot: &Slot) -> String {
    let kind = match slot.kind {
        Kind::Number => "number",
        Kind::Integer => "integer",
        Kind::Boolean => "boolean",
        Kind::Text | Kind::Date | Kind::Enum | Kind::Email | Kind::Phone => "string",
    };
    let values: Vec<String> = slot.values.iter().map(|v| quoted(v)).collect();
    let choice = if values.is_empty() { String::new() } else { format!(r#","enum":[{}]"#, values.join(",")) };
    format!(r#"{}:{{"type":"{kind}"{choice},"description":{}}}"#, quoted(&slot.name), quoted(&described(slot)))
}

fn described(slot: &Slot) -> String {
    let form = match slot.kind {
        Kind::Date => "a date as YYYY-MM-DD",
        Kind::Email => "an e-mail address",
        Kind::Phone => "a telephone number",
        Kind::Text | Kind::Number | Kind::Integer | Kind::Enum | Kind::Boolean => "",
    };
    let like = slot.pattern.as_ref().map(|p| format!("written like {p} (# a digit, @ a letter, ? either)"));
    let bound = |word: &str, bound: &Option<super::Value>| bound.as_ref().map(|b| format!("{word} {b}"));
    let characters = if slot.kind == Kind::Text { " characters" } else { "" };
    let least = bound("at least", &slot.min).map(|b| format!("{b}{characters}"));
    let most = bound("at most", &slot.max).map(|b| format!("{b}{characters}"));
    let optional = (!slot.required).then(|| "optional".to_owned());
    let parts = [Some(slot.about.clone()), Some(form.to_owned()), like, least, most, optional];
    parts.into_iter().flatten().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Where the conversation stands, for the instructions; nothing if the agent has no journeys. No value of a slot stands
/// here: they are words of the person, which have no authority.
#[must_use]
pub fn told(journeys: &[Journey], travels: &[&Travel], now: Timestamp) -> String {
    match under_way(journeys, travels) {
        _ if journeys.is_empty() => String::new(),
        Some((travel, journey)) => standing(travel, journey, now),
        None => choices(journeys, travels),
    }
}

fn choices(journeys: &[Journey], travels: &[&Travel]) -> String {
    let left = |j: &Journey| travels.iter().any(|t| t.journey == j.name && matches!(t.state, TravelState::Left { .. }));
    let line = |j: &Journey| {
        format!("- {}: {}{}\n", j.name, j.when, if left(j) { " (left earlier: it goes on from there)" } else { "" })
    };
    let lines: String = journeys.iter().map(line).collect();
    format!(
        "Where one of these journeys is what the person wants, call {BEGIN} with its name before you ask anything.\n{lines}"
    )
}

fn standing(travel: &Travel, journey: &Journey, now: Timestamp) -> String {
    let place = travel.place(journey);
    let Some(step) = place.current else { return String::new() };
    let missing = travel.missing(&place);
    let mut text = format!(
        "You are on the journey \"{}\", at the step \"{}\". Today is {} {} (UTC).\n",
        journey.name,
        step.name,
        date::weekday(now),
        date::of(now)
    );
    if !step.say.is_empty() {
        text.push_str(&format!("What this step is for: {}\n", step.say));
    }
    let asked: Vec<String> = missing.iter().map(|slot| format!("- {}: {}\n", slot.name, described(slot))).collect();
    match (&step.tool, asked.is_empty()) {
        (Some(tool), true) => {
            text.push_str(&format!("All that is needed is known: call {} now, without arguments.\n", tool.name));
        }
        (_, true) => {
            let slots: Vec<&str> = step.slots.iter().map(|s| s.name.as_str()).collect();
            text.push_str(&format!(
                "Nothing of it is needed; offer it, then call {FILL} with the answer ({}), or without values if there is none.\n",
                slots.join(", ")
            ));
        }
        (_, false) => {
            text.push_str(&format!(
                "It needs, in the person's own words:\n{}Call {FILL} with what they said; ask them for what is missing.\n",
                asked.concat()
            ));
        }
    }
    text.push_str(&format!("Do not go ahead of this step. If the person wants something else, call {LEAVE}.\n"));
    text
}
