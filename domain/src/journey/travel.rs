//! Where somebody stands on a journey. All of it follows from what is filled and done: nothing remembers a current step, so
//! that nothing can be at a step that it did not come to.

use super::{Argument, END, Journey, JourneyStep, Value};
use crate::{approval::Taint, ids::AgentId, json::quoted, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A journey under way, left, or at its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Travel {
    /// Whose journey it is.
    pub agent: AgentId,
    pub journey: String,
    pub state: TravelState,
    /// By the slot's name.
    pub slots: BTreeMap<String, Filled>,
    /// Steps whose tool did its work.
    pub done: BTreeSet<String>,
    /// Steps that ask for nothing that is required, and were told or answered.
    pub passed: BTreeSet<String>,
    /// When it last moved.
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TravelState {
    UnderWay,
    /// It can be taken up again.
    Left {
        /// In the model's words.
        reason: String,
    },
    Over,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filled {
    pub value: Value,
    /// What of it came from text that nobody vouches for, when the model gave it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

/// Where a travel is.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'a> {
    /// The steps that it came through, in order, the current one last.
    pub path: Vec<&'a JourneyStep>,
    /// `None` at the journey's end.
    pub current: Option<&'a JourneyStep>,
}

/// What a model says of slots: their names, what is in them, and what of that came from where.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub values: BTreeMap<String, String>,
    pub taints: Vec<Taint>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filling {
    pub taken: BTreeMap<String, Value>,
    /// With what they must be.
    pub refused: BTreeMap<String, String>,
    /// Of steps that were not come to.
    pub too_early: Vec<String>,
    /// What is to be told on the way.
    pub say: Vec<String>,
}

impl Travel {
    #[must_use]
    pub fn begin(agent: AgentId, journey: String, at: Timestamp) -> Self {
        let (slots, done, passed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { agent, journey, state: TravelState::UnderWay, slots, done, passed, at }
    }

    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.state == TravelState::UnderWay
    }

    /// Walks from the first step, over what is complete and past what is not entered.
    #[must_use]
    pub fn place<'a>(&self, journey: &'a Journey) -> Place<'a> {
        let (mut path, mut at) = (Vec::new(), 0);
        while let Some(step) = journey.steps.get(at) {
            if !step.condition.as_ref().is_none_or(|c| c.holds(&|slot| self.value(&path, slot))) {
                at += 1;
                continue;
            }
            path.push(step);
            if !self.is_complete(&path, step) {
                return Place { path, current: Some(step) };
            }
            let behind = || journey.steps.len();
            at = match step.next.as_deref() {
                None => at + 1,
                Some(END) => behind(),
                // Forward only, whatever an older definition said: a walk ends.
                Some(name) => {
                    let next = journey.steps.iter().position(|s| s.name == name);
                    next.filter(|next| *next > at).unwrap_or_else(behind)
                }
            };
        }
        Place { path, current: None }
    }

    /// What is in a slot of the steps that were come to; what its slot would not take any more does not count.
    fn value<'t>(&'t self, path: &[&JourneyStep], name: &str) -> Option<&'t Value> {
        let slot = path.iter().flat_map(|s| &s.slots).find(|s| s.name == name)?;
        self.slots.get(name).map(|f| &f.value).filter(|value| slot.takes(value))
    }

    fn is_complete(&self, path: &[&JourneyStep], step: &JourneyStep) -> bool {
        let filled = step.required().all(|slot| self.value(path, &slot.name).is_some());
        let rest = match &step.tool {
            Some(_) => self.done.contains(&step.name),
            None => step.required().next().is_some() || self.passed.contains(&step.name),
        };
        filled && rest
    }

    /// The slots that the current step still needs.
    #[must_use]
    pub fn missing<'a>(&self, place: &Place<'a>) -> Vec<&'a super::Slot> {
        let Some(step) = place.current else { return Vec::new() };
        step.required().filter(|slot| self.value(&place.path, &slot.name).is_none()).collect()
    }

    /// The tool that may be called now, with its arguments as JSON: all that the current step needs is filled.
    #[must_use]
    pub fn call(&self, journey: &Journey) -> Option<(String, String)> {
        if !self.is_under_way() {
            return None;
        }
        self.bound(journey)
    }

    /// The same, whether the journey was left meanwhile or not.
    fn bound(&self, journey: &Journey) -> Option<(String, String)> {
        let place = self.place(journey);
        let tool = place.current?.tool.as_ref().filter(|_| self.missing(&place).is_empty())?;
        let argument = |(name, argument): (&String, &Argument)| {
            let value = match argument {
                Argument::Value(value) => value,
                Argument::Slot(slot) => self.value(&place.path, slot)?,
            };
            Some(format!("{}:{}", quoted(name), value.json()))
        };
        let arguments: Vec<String> = tool.arguments.iter().filter_map(argument).collect();
        Some((tool.name.clone(), format!("{{{}}}", arguments.join(","))))
    }

    /// What of the current call's arguments came from text that nobody vouches for.
    #[must_use]
    pub fn taints(&self, journey: &Journey) -> Vec<Taint> {
        let place = self.place(journey);
        let Some(tool) = place.current.and_then(|s| s.tool.as_ref()) else { return Vec::new() };
        let of = |(name, argument): (&String, &Argument)| {
            let Argument::Slot(slot) = argument else { return Vec::new() };
            let taints = self.slots.get(slot).map(|f| f.taints.as_slice()).unwrap_or_default();
            taints.iter().map(|t| Taint { argument: name.clone(), origin: t.origin.clone() }).collect()
        };
        tool.arguments.iter().flat_map(of).collect()
    }

    /// The call that the current step makes was carried out; what is to be told next. `None` if it is not that call.
    #[must_use]
    pub fn carried_out(&mut self, journey: &Journey, (tool, arguments): (&str, &str)) -> Option<Vec<String>> {
        let (name, bound) = self.bound(journey)?;
        if name != tool || bound != arguments {
            return None;
        }
        let step = self.place(journey).current?.name.clone();
        self.done.insert(step);
        Some(self.go_on(journey))
    }

    /// Takes what fits the steps that are come to, one after the other.
    pub fn fill(&mut self, journey: &Journey, given: Given, today: &str) -> Filling {
        let mut filling = Filling { say: self.go_on(journey), ..Filling::default() };
        let mut left = given.values;
        // Nothing is no value: it is how some models say that there is none.
        left.retain(|_, text| !text.trim().is_empty());
        let first = self.place(journey).current.map(|s| s.name.as_str());
        loop {
            let before = left.len();
            for slot in self.open(journey) {
                let Some(text) = left.remove(&slot.name) else { continue };
                match slot.read(&text, today) {
                    Ok(value) => {
                        let of = |t: &&Taint| t.argument == slot.name || t.argument.is_empty();
                        let taints = given.taints.iter().filter(of).cloned().collect();
                        self.slots.insert(slot.name.clone(), Filled { value: value.clone(), taints });
                        filling.taken.insert(slot.name.clone(), value);
                    }
                    Err(why) => _ = filling.refused.insert(slot.name.clone(), why),
                }
            }
            let passed = self.pass(journey, first, &filling);
            filling.say.extend(self.go_on(journey));
            if left.len() == before && !passed {
                break;
            }
        }
        for name in left.into_keys() {
            if journey.slot(&name).is_none() {
                filling.refused.insert(name, "is not asked for on this journey".to_owned());
            } else if self.place(journey).path.iter().flat_map(|s| &s.slots).any(|s| s.name == name) {
                filling.refused.insert(name, "was used already and cannot be changed any more".to_owned());
            } else {
                filling.too_early.push(name);
            }
        }
        filling
    }

    /// The slots that can be filled or changed: those of the steps behind the last tool that did its work.
    fn open<'a>(&self, journey: &'a Journey) -> Vec<&'a super::Slot> {
        let path = self.place(journey).path;
        let used = path.iter().rposition(|s| self.done.contains(&s.name)).map_or(0, |last| last + 1);
        path[used..].iter().flat_map(|s| &s.slots).collect()
    }

    /// A step that needs nothing and has no tool is passed by an answer to it; that there is none is one, where the model
    /// was at the step when it said so.
    fn pass(&mut self, journey: &Journey, first: Option<&str>, filling: &Filling) -> bool {
        let current = self.place(journey).current;
        let Some(step) = current.filter(|s| s.tool.is_none() && s.required().next().is_none()) else { return false };
        let has = |of: &BTreeMap<String, _>| step.slots.iter().any(|s| of.contains_key(&s.name));
        let refused = step.slots.iter().any(|s| filling.refused.contains_key(&s.name));
        (has(&filling.taken) || first == Some(&step.name)) && !refused && self.passed.insert(step.name.clone())
    }

    /// Past what is only told, to a step that needs something, or to the end.
    #[must_use]
    pub fn go_on(&mut self, journey: &Journey) -> Vec<String> {
        let mut say = Vec::new();
        while let Some(step) = self.place(journey).current.filter(|s| s.only_says()) {
            say.push(step.say.clone());
            self.passed.insert(step.name.clone());
        }
        if self.place(journey).current.is_none() {
            self.state = TravelState::Over;
        }
        say
    }
}
