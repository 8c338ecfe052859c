//! What is wrong with journeys, told with its place: before an agent has them, never in a conversation.

use super::{Argument, Condition, END, Journey, JourneyStep, Kind, Slot, StepTool, Value, moves};
use std::collections::BTreeSet;

/// The field, and what it must be.
pub type Wrong = (String, String);

const MOST_JOURNEYS: usize = 10;
const MOST_STEPS: usize = 40;
/// Of one step; a person is asked for them in one breath.
const MOST_SLOTS: usize = 12;
const MOST_VALUES: usize = 50;
const DEEPEST: usize = 8;
const LONGEST_NAME: usize = 60;
const LONGEST_SENTENCE: usize = 500;
const LONGEST_SAY: usize = 2_000;

/// All that is wrong, each with its field below `journeys`. `tools` are those of the agent.
#[must_use]
pub fn check(journeys: &[Journey], tools: &[String]) -> Vec<Wrong> {
    let mut checker = Checker { tools, wrong: Vec::new() };
    if journeys.len() > MOST_JOURNEYS {
        checker.say("journeys", format!("must be at most {MOST_JOURNEYS}"));
        return checker.wrong;
    }
    let mut names = BTreeSet::new();
    for (n, journey) in journeys.iter().enumerate() {
        let at = format!("journeys[{n}]");
        checker.name(&format!("{at}.name"), &journey.name, &mut names);
        checker.length(&format!("{at}.when"), &journey.when, (1, LONGEST_SENTENCE));
        checker.steps(&at, &journey.steps);
    }
    checker.wrong
}

struct Checker<'a> {
    tools: &'a [String],
    wrong: Vec<Wrong>,
}

impl Checker<'_> {
    fn say(&mut self, field: &str, what: impl Into<String>) {
        self.wrong.push((field.to_owned(), what.into()));
    }

    fn length(&mut self, field: &str, text: &str, (least, most): (usize, usize)) {
        let length = if least > 0 { text.trim().chars().count() } else { text.chars().count() };
        if !(least..=most).contains(&length) {
            let what = if least > 0 { format!("{least} to {most}") } else { format!("at most {most}") };
            self.say(field, format!("must have {what} characters"));
        }
    }

    fn name<'n>(&mut self, field: &str, name: &'n str, names: &mut BTreeSet<&'n str>) {
        let plain = |c: char| c.is_alphanumeric() || "_- ".contains(c);
        if name.trim() != name || !(1..=LONGEST_NAME).contains(&name.chars().count()) || !name.chars().all(plain) {
            self.say(field, format!("must have 1 to {LONGEST_NAME} letters, digits, spaces, `_` or `-`"));
        }
        if !names.insert(name) {
            self.say(field, "stands here twice");
        }
    }

    fn steps(&mut self, at: &str, steps: &[JourneyStep]) {
        if !(1..=MOST_STEPS).contains(&steps.len()) {
            self.say(&format!("{at}.steps"), format!("must be 1 to {MOST_STEPS}"));
            return;
        }
        let mut names = BTreeSet::new();
        let mut known: Vec<&Slot> = Vec::new();
        for (n, step) in steps.iter().enumerate() {
            let at = format!("{at}.steps[{n}]");
            self.name(&format!("{at}.name"), &step.name, &mut names);
            if step.name == END {
                self.say(&format!("{at}.name"), format!("`{END}` is where the last step leads"));
            }
            self.length(&format!("{at}.say"), &step.say, (0, LONGEST_SAY));
            if step.only_says() && step.say.trim().is_empty() {
                self.say(&at, "needs something to `say`, `slots` or a `tool`");
            }
            if let Some(condition) = &step.condition {
                self.condition(&format!("{at}.if"), condition, &known);
            }
            self.slots(&at, &step.slots, &mut known);
            if let Some(tool) = &step.tool {
                self.tool(&format!("{at}.tool"), tool, &known);
            }
            let later = |name: &str| name == END || steps[n + 1..].iter().any(|s| s.name == name);
            if step.next.as_deref().is_some_and(|name| !later(name)) {
                self.say(&format!("{at}.next"), format!("must be a later step, or `{END}`"));
            }
        }
    }

    fn slots<'s>(&mut self, at: &str, slots: &'s [Slot], known: &mut Vec<&'s Slot>) {
        if slots.len() > MOST_SLOTS {
            self.say(&format!("{at}.slots"), format!("must be at most {MOST_SLOTS}"));
        }
        for (n, slot) in slots.iter().enumerate() {
            let at = format!("{at}.slots[{n}]");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let fits = slot.name.chars().all(plain) && slot.name.starts_with(|c: char| c.is_ascii_lowercase());
            if !fits || slot.name.len() > LONGEST_NAME {
                self.say(&format!("{at}.name"), "must have small letters, digits and `_`, a letter first");
            }
            if known.iter().any(|k| k.name == slot.name) {
                self.say(&format!("{at}.name"), "stands in this journey twice");
            }
            self.length(&format!("{at}.about"), &slot.about, (0, LONGEST_SENTENCE));
            self.kind(&at, slot);
            known.push(slot);
        }
    }

    fn kind(&mut self, at: &str, slot: &Slot) {
        if slot.kind == Kind::Enum {
            if !(1..=MOST_VALUES).contains(&slot.values.len()) || slot.values.iter().any(|v| v.trim().is_empty()) {
                self.say(&format!("{at}.values"), format!("must be 1 to {MOST_VALUES} words, as this is an `enum`"));
            }
        } else if !slot.values.is_empty() {
            self.say(&format!("{at}.values"), "are only of an `enum`");
        }
        match &slot.pattern {
            Some(_) if slot.kind != Kind::Text => self.say(&format!("{at}.pattern"), "is only of a `text`"),
            Some(pattern) => self.length(&format!("{at}.pattern"), pattern, (1, 100)),
            None => {}
        }
        for (name, bound) in [("min", &slot.min), ("max", &slot.max)] {
            let Some(bound) = bound else { continue };
            if let Err(what) = fits(slot, bound) {
                self.say(&format!("{at}.{name}"), what);
            }
        }
    }

    fn condition(&mut self, at: &str, condition: &Condition, known: &[&Slot]) {
        if depth(condition) > DEEPEST {
            self.say(at, format!("must be at most {DEEPEST} levels deep"));
            return;
        }
        for (name, value) in condition.compared() {
            match (known.iter().find(|k| k.name == name), value) {
                (None, _) => self.say(at, format!("`{name}` must be a slot of an earlier step")),
                (Some(slot), Some(value)) => {
                    let is_bound = matches!(slot.kind, Kind::Number | Kind::Integer | Kind::Date);
                    let free = Slot { min: None, max: None, pattern: None, ..(*slot).clone() };
                    let taken = free.read(&value.to_string(), "0000-00-00");
                    if taken.as_ref() != Ok(value) {
                        let why = taken.err().unwrap_or_else(|| "must be of its type".to_owned());
                        self.say(at, format!("what `{name}` is compared with {why}"));
                    } else if !is_bound && ordered(condition, name) {
                        self.say(at, format!("`{name}` is neither a number nor a date: it has no order"));
                    }
                }
                (Some(_), None) => {}
            }
        }
    }

    fn tool(&mut self, at: &str, tool: &StepTool, known: &[&Slot]) {
        if moves(&tool.name) || !self.tools.contains(&tool.name) {
            self.say(&format!("{at}.name"), "must be one of the agent's tools");
        }
        for (name, argument) in &tool.arguments {
            if let Argument::Slot(slot) = argument
                && !known.iter().any(|k| k.name == *slot)
            {
                let what = format!("`{slot}` must be a slot of this or of an earlier step");
                self.say(&format!("{at}.arguments.{name}"), what);
            }
        }
    }
}

/// What a bound must be, if it is not.
fn fits(slot: &Slot, bound: &Value) -> Result<(), String> {
    let fine = match (slot.kind, bound) {
        (Kind::Number | Kind::Integer, Value::Number(n)) => n.is_finite(),
        (Kind::Text, Value::Number(n)) => n.fract() == 0.0 && (0.0..=10_000.0).contains(n),
        (Kind::Date, Value::Text(text)) => text == "today" || super::date::day(text).is_some(),
        _ => false,
    };
    let what = match slot.kind {
        Kind::Number | Kind::Integer => "must be a number",
        Kind::Text => "must be a number of characters",
        Kind::Date => "must be a date, or `today`",
        Kind::Enum | Kind::Boolean | Kind::Email | Kind::Phone => "is not of this type",
    };
    if fine { Ok(()) } else { Err(what.to_owned()) }
}

fn depth(condition: &Condition) -> usize {
    match condition {
        Condition::All(each) | Condition::Any(each) => 1 + each.iter().map(depth).max().unwrap_or(0),
        Condition::Not(not) => 1 + depth(not),
        Condition::Filled(_) | Condition::Is(_) | Condition::AtLeast(_) | Condition::AtMost(_) => 1,
    }
}

/// Whether the condition asks which of two is the greater.
fn ordered(condition: &Condition, name: &str) -> bool {
    match condition {
        Condition::AtLeast(c) | Condition::AtMost(c) => c.slot == name,
        Condition::All(each) | Condition::Any(each) => each.iter().any(|c| ordered(c, name)),
        Condition::Not(not) => ordered(not, name),
        Condition::Filled(_) | Condition::Is(_) => false,
    }
}
