//! Sets of tools that work on data of their own, as a business's systems would: what a scenario names instead of writing
//! each tool and its answer. One folder for each set; [`SETS`] is the registry.
//!
//! A set is pure: its tools read and write the [`Rows`] that they are given, and nothing else.

mod canonical;
mod retail;
mod rows;

pub use canonical::same;
pub use rows::Rows;

use crate::scenario::{CallSpec, Effect, ToolSetSpec};
use serde_json::{Value, json};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// All sets.
pub static SETS: &[&ToolSet] = &[&retail::SET];

/// Tools that belong together, and how their data is compared.
#[derive(Debug)]
pub struct ToolSet {
    pub name: &'static str,
    pub tools: &'static [SetTool],
    /// Fields whose lists are sets: the order in them says nothing.
    pub unordered: &'static [&'static str],
}

/// One tool of a set.
#[derive(Debug)]
pub struct SetTool {
    pub name: &'static str,
    /// What a model is told about it.
    pub about: &'static str,
    pub effect: Effect,
    /// Each is required.
    pub params: &'static [Param],
    pub run: fn(&mut Rows, Args<'_>) -> Result<Answer, Refused>,
}

/// An argument.
#[derive(Debug)]
pub struct Param {
    pub name: &'static str,
    pub kind: Kind,
    pub about: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An id, a name, a number: one spelling is right.
    Text,
    /// A person's or a model's own words: any are right, and they are not compared.
    Words,
    /// A list of [`Kind::Text`].
    List,
    OneOf(&'static [&'static str]),
}

/// What a tool says when it did its work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub content: String,
    /// Why a person is to take over, where that was asked for.
    pub hand_over: Option<String>,
}

impl Answer {
    pub fn of(content: impl Into<String>) -> Self {
        Self { content: content.into(), hand_over: None }
    }
}

/// Why a tool did nothing, for the model. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

impl Refused {
    pub fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

/// The arguments of a call. The engine has held them against the schema; a call that did not pass it (a replay of gold
/// calls) finds empty ones, which name nothing.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a>(pub &'a Value);

impl<'a> Args<'a> {
    #[must_use]
    pub fn text(self, name: &str) -> &'a str {
        self.0[name].as_str().unwrap_or_default()
    }

    #[must_use]
    pub fn list(self, name: &str) -> Vec<&'a str> {
        self.0[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// The set of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static ToolSet> {
    SETS.iter().copied().find(|s| s.name == name)
}

/// The tools that an agent gets by this name: all of a set, or the one of this name.
#[must_use]
pub fn expanded(name: &str) -> Vec<String> {
    named(name).map_or_else(|| vec![name.to_owned()], |set| set.tools.iter().map(|t| t.name.to_owned()).collect())
}

impl ToolSet {
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&'static SetTool> {
        self.tools.iter().find(|t| t.name == name)
    }

    /// Calls, one after another, straight on the data. What is refused changes nothing, as when an agent calls.
    pub fn replay(&self, rows: &mut Rows, calls: &[CallSpec]) -> Vec<Result<Answer, Refused>> {
        calls.iter().map(|c| self.call(rows, &c.tool, &json!(c.arguments))).collect()
    }

    fn call(&self, rows: &mut Rows, tool: &str, arguments: &Value) -> Result<Answer, Refused> {
        let Some(tool) = self.tool(tool) else { return Err(Refused::because("there is no tool of this name")) };
        (tool.run)(rows, Args(arguments))
    }

    /// Whether a call is the expected one: the same tool, and the same arguments but for free words.
    #[must_use]
    pub fn is_call(&self, expected: &CallSpec, tool: &str, arguments: &Value) -> bool {
        let free = |name: &str| {
            let params = self.tool(tool).map_or(&[][..], |t| t.params);
            params.iter().any(|p| p.name == name && p.kind == Kind::Words)
        };
        let Some(given) = arguments.as_object() else { return false };
        expected.tool == tool
            && given.len() == expected.arguments.len()
            && expected
                .arguments
                .iter()
                .all(|(name, value)| given.get(name).is_some_and(|g| free(name) || same(g, value, &[])))
    }
}

impl SetTool {
    /// The JSON Schema of the arguments.
    #[must_use]
    pub fn schema(&self) -> Value {
        let property = |p: &Param| {
            let schema = match p.kind {
                Kind::Text | Kind::Words => json!({"type": "string", "description": p.about}),
                Kind::List => {
                    json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "description": p.about})
                }
                Kind::OneOf(words) => json!({"type": "string", "enum": words, "description": p.about}),
            };
            (p.name.to_owned(), schema)
        };
        let properties: serde_json::Map<String, Value> = self.params.iter().map(property).collect();
        let required: Vec<&str> = self.params.iter().map(|p| p.name).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }
}

/// A set with the data of one run.
pub struct InUse {
    pub set: &'static ToolSet,
    /// How long each call takes.
    pub takes: Duration,
    rows: Mutex<Rows>,
}

impl InUse {
    /// `None` where the set is not known.
    #[must_use]
    pub fn of(spec: &ToolSetSpec) -> Option<Self> {
        Some(Self { set: named(&spec.name)?, takes: spec.takes.0, rows: Mutex::new(spec.fresh()) })
    }

    /// # Errors
    /// What the tool refuses, and why.
    pub fn call(&self, tool: &str, arguments: &Value) -> Result<Answer, Refused> {
        self.set.call(&mut self.rows(), tool, arguments)
    }

    /// As it is now.
    #[must_use]
    pub fn snapshot(&self) -> Rows {
        self.rows().clone()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_schemas_require_what_they_name() {
        for set in SETS {
            for (n, tool) in set.tools.iter().enumerate() {
                assert!(set.tools[..n].iter().all(|t| t.name != tool.name), "{}", tool.name);
                let schema = tool.schema();
                assert_eq!(schema["required"].as_array().map(Vec::len), Some(tool.params.len()), "{}", tool.name);
                assert_eq!(
                    schema["properties"].as_object().map(serde_json::Map::len),
                    Some(tool.params.len()),
                    "{}",
                    tool.name
                );
            }
        }
    }

    #[test]
    fn calls_are_compared_by_value_but_for_free_words() {
        let call = |tool: &str, arguments: Value| CallSpec {
            tool: tool.to_owned(),
            arguments: serde_json::from_value(arguments).expect("an object"),
        };
        let set = &retail::SET;
        let gold = call("transfer_to_human_agents", json!({"summary": "wants a person"}));
        assert!(set.is_call(&gold, "transfer_to_human_agents", &json!({"summary": "other words"})));
        assert!(!set.is_call(&gold, "transfer_to_human_agents", &json!({})));
        let gold = call("get_order_details", json!({"order_id": "#W1"}));
        assert!(set.is_call(&gold, "get_order_details", &json!({"order_id": "#W1"})));
        assert!(!set.is_call(&gold, "get_order_details", &json!({"order_id": "#W2"})));
        assert!(!set.is_call(&gold, "get_order_details", &json!({"order_id": "#W1", "more": 1})));
    }
}
