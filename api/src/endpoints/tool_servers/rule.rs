//! What is decided of a server's tools.

use super::super::http_tools::Request;
use crate::{error::Detail, openapi::one_of};
use colloquy_domain::{
    tool::{EffectClass, ToolLimits, UndoneBy},
    tool_server::ToolRule,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds.
const LONGEST_CALL: u32 = 300;
const MOST_UNDO_ARGUMENTS: usize = 50;

/// What is decided of one tool.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Whether agents can be given it.
    #[serde(default = "super::yes")]
    enabled: bool,
    /// What it does, whatever its server says: `read` and `idempotent` ones may be repeated, `unsafe` ones never.
    #[serde(default)]
    #[schemars(schema_with = "one_of::<EffectClass>")]
    effect: Option<EffectClass>,
    /// How long a call may take; 60 unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300))]
    timeout_seconds: Option<u32>,
    /// Calls within any 60 seconds, of all agents. One too many is refused, and the model is told: `tool.rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    per_minute: Option<u32>,
    /// Calls within any 24 hours: `tool.budget`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    per_day: Option<u32>,
    /// What undoes a call of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undo: Option<Undo>,
}

/// The tool of the same server that undoes what a call did.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// What the server calls it.
    tool: String,
    /// Its arguments, each a JSON pointer into what was done: `/arguments/…` or `/result/…`, which is what a model read.
    #[serde(default)]
    arguments: BTreeMap<String, String>,
    /// Also without anybody's word, if the turn of the call ends in failure.
    #[serde(default = "super::yes")]
    automatic: bool,
}

impl From<UndoneBy> for Undo {
    fn from(by: UndoneBy) -> Self {
        Self { tool: by.tool, arguments: by.arguments, automatic: by.automatic }
    }
}

impl From<Undo> for UndoneBy {
    fn from(by: Undo) -> Self {
        Self { tool: by.tool, arguments: by.arguments, automatic: by.automatic }
    }
}

impl From<&ToolRule> for Rule {
    fn from(r: &ToolRule) -> Self {
        let ToolLimits { timeout_seconds, per_minute, per_day } = r.limits;
        let undo = r.undo.clone().map(Undo::from);
        Self { enabled: r.enabled, effect: r.effect, timeout_seconds, per_minute, per_day, undo }
    }
}

impl From<Rule> for ToolRule {
    fn from(r: Rule) -> Self {
        let limits = ToolLimits { timeout_seconds: r.timeout_seconds, per_minute: r.per_minute, per_day: r.per_day };
        Self { enabled: r.enabled, effect: r.effect, limits, undo: r.undo.map(UndoneBy::from) }
    }
}

impl Rule {
    /// What is wrong with it, by its field.
    pub(super) fn wrong(&self, name: &str, declared: Option<&[Request]>) -> Vec<Detail> {
        let of = |field: &str, must: &str| Detail::new(format!("rules.{name}.{field}"), must);
        let long = self.timeout_seconds.is_some_and(|s| !(1..=LONGEST_CALL).contains(&s));
        let mut wrong = Vec::new();
        if long {
            wrong.push(of("timeout_seconds", &format!("must be 1 to {LONGEST_CALL}")));
        }
        for (field, most) in [("per_minute", self.per_minute), ("per_day", self.per_day)] {
            if most == Some(0) {
                wrong.push(of(field, "must be at least 1; `enabled` switches a tool off"));
            }
        }
        let Some(Undo { tool, arguments, .. }) = &self.undo else { return wrong };
        if tool == name || tool.is_empty() || declared.is_some_and(|all| all.iter().all(|o| o.name() != tool)) {
            wrong.push(of("undo.tool", "must be another tool of this server"));
        }
        if arguments.len() > MOST_UNDO_ARGUMENTS {
            wrong.push(of("undo.arguments", &format!("must be at most {MOST_UNDO_ARGUMENTS}")));
        }
        let leads = |pointer: &str| {
            ["/arguments", "/result"]
                .iter()
                .any(|of| pointer.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
        };
        for (argument, _) in arguments.iter().filter(|(_, pointer)| !leads(pointer)) {
            wrong.push(of(&format!("undo.arguments.{argument}"), "must begin with `/arguments` or `/result`"));
        }
        wrong
    }
}
