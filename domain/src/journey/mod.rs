//! Journeys: what an agent must find out and do, step by step, as its owner declares it.
//!
//! A model fills the slots of a journey with the tool [`FILL`]; it decides nothing else. Which step is current follows from
//! what is filled and done ([`Travel::place`]), so that no words of a model or of a person lead past a question, into a step
//! whose condition does not hold, or to a tool before its time.
//!
//! This is also the form in which journeys are written down: in requests, in scenarios, beside an agent.

mod check;
mod date;
mod kind;
mod offer;
mod travel;

pub use check::{Wrong, check};
pub use kind::Value;
pub use offer::offered;
pub(crate) use offer::told;
pub use travel::{Filled, Filling, Given, Place, Travel, TravelState};

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tool by which a model begins a journey, or takes up one that was left.
pub const BEGIN: &str = "begin_journey";
/// The tool by which it says what it found out.
pub const FILL: &str = "fill";
/// The tool by which it leaves one.
pub const LEAVE: &str = "leave_journey";
/// Where a step leads that is the last one.
pub const END: &str = "end";

/// A declared sequence of steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Journey {
    pub name: String,
    /// When to begin it, in a sentence for the model.
    pub when: String,
    pub steps: Vec<JourneyStep>,
}

/// One step: something to say, something to find out, something to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JourneyStep {
    pub name: String,
    /// What to ask or to tell, for the model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub say: String,
    /// The step is passed over where this does not hold.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Slot>,
    /// Called once the slots are filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<StepTool>,
    /// A later step, or `end`; the one that follows here if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Something to find out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Small letters, digits and `_`.
    pub name: String,
    /// What it is, for the model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The step does not end without it.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub required: bool,
    /// Of a text: `#` stands for a digit, `@` for a letter, `?` for either, everything else for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The least number, the first date (`today` is understood), or the fewest characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Value>,
    /// Of an `enum`: what it can be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Text,
    Number,
    Integer,
    /// `2026-03-01`.
    Date,
    Enum,
    Boolean,
    Email,
    Phone,
}

/// A closed set: what a journey depends on is seen at a glance, and nothing of it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The slot of this name is filled.
    Filled(String),
    Is(Compared),
    /// A number is not below this, a date not before it.
    AtLeast(Compared),
    AtMost(Compared),
    All(#[cfg_attr(feature = "schema", schemars(schema_with = "conditions"))] Vec<Condition>),
    Any(#[cfg_attr(feature = "schema", schemars(schema_with = "conditions"))] Vec<Condition>),
    Not(#[cfg_attr(feature = "schema", schemars(schema_with = "condition"))] Box<Condition>),
}

/// A condition within another; a schema that names itself cannot be written out in place.
#[cfg(feature = "schema")]
fn condition(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object" })
}

#[cfg(feature = "schema")]
fn conditions(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": { "type": "object" } })
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Compared {
    pub slot: String,
    pub value: Value,
}

/// The call that a step makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StepTool {
    /// One of the agent's tools. No agent with the journey has it but in such a step.
    pub name: String,
    /// All of its arguments: the model writes none of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Argument>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    /// What is in this slot; left out if nothing is.
    Slot(String),
    /// Always this.
    Value(Value),
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_yes(required: &bool) -> bool {
    *required
}

impl Journey {
    #[must_use]
    pub fn named<'a>(journeys: &'a [Self], name: &str) -> Option<&'a Self> {
        journeys.iter().find(|j| j.name == name)
    }

    pub(crate) fn slot(&self, name: &str) -> Option<&Slot> {
        self.steps.iter().flat_map(|s| &s.slots).find(|s| s.name == name)
    }
}

impl JourneyStep {
    /// There is nothing to find out and nothing to do: it is over as soon as it is told.
    pub(crate) const fn only_says(&self) -> bool {
        self.slots.is_empty() && self.tool.is_none()
    }

    pub(crate) fn required(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|s| s.required)
    }
}

/// The day of a point in time (UTC), as slots are told it.
#[must_use]
pub fn today(now: Timestamp) -> String {
    date::of(now)
}

/// The travel that is under way, and on which there is something left to do.
#[must_use]
pub fn under_way<'a>(journeys: &'a [Journey], travels: &[&'a Travel]) -> Option<(&'a Travel, &'a Journey)> {
    let travel = travels.iter().find(|t| t.is_under_way())?;
    let journey = Journey::named(journeys, &travel.journey)?;
    travel.place(journey).current.map(|_| (*travel, journey))
}

/// Whether a tool is one that journeys keep for their steps.
#[must_use]
pub fn is_kept(journeys: &[Journey], tool: &str) -> bool {
    journeys.iter().flat_map(|j| &j.steps).filter_map(|s| s.tool.as_ref()).any(|t| t.name == tool)
}

/// Whether a tool is one of those by which a model moves in journeys.
#[must_use]
pub fn moves(tool: &str) -> bool {
    [BEGIN, FILL, LEAVE].contains(&tool)
}

#[cfg(test)]
pub(crate) mod tests;
