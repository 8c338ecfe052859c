//! Oracles with one mistake. Each must be told from the oracle by what a scenario expects: how many are is the score of
//! the expectations, not of an agent.

use super::oracle::Written;
use crate::scenario::Gold;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A mistake. Calls are counted from 0; a place that there is not changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mistake", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mutation {
    /// The call is not made.
    Drop { call: usize },
    /// The call and the next one change places.
    Swap { call: usize },
    /// The call's arguments are wrong.
    Garble { call: usize, how: Garbling },
    /// A tool that there is not is called instead.
    UnknownTool { call: usize },
    /// Answers after this many calls.
    EarlyAnswer { after: usize },
    /// Says this as well.
    Leak { words: String },
    /// Makes the call twice.
    Repeat { call: usize },
    /// Says something else.
    Misstate { say: String },
}

/// How arguments are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Garbling {
    /// The named argument has another value.
    Wrong(String),
    /// The named argument is not there.
    Missing(String),
    /// The text ends in the middle.
    Broken,
}

impl Mutation {
    /// A stable name of the kind.
    #[must_use]
    pub const fn operator(&self) -> &'static str {
        match self {
            Self::Drop { .. } => "dropped_call",
            Self::Swap { .. } => "reordered_calls",
            Self::Garble { how: Garbling::Wrong(_), .. } => "wrong_argument",
            Self::Garble { how: Garbling::Missing(_), .. } => "missing_argument",
            Self::Garble { how: Garbling::Broken, .. } => "broken_arguments",
            Self::UnknownTool { .. } => "unknown_tool",
            Self::EarlyAnswer { .. } => "early_answer",
            Self::Leak { .. } => "leaked_canary",
            Self::Repeat { .. } => "duplicated_write",
            Self::Misstate { .. } => "wrong_words",
        }
    }

    /// What is called and said with the mistake.
    pub(super) fn applied(&self, gold: &Gold) -> (Vec<Written>, String) {
        let mut calls: Vec<Written> = gold.calls.iter().map(Written::of).collect();
        let mut say = gold.say.clone();
        let there = |call: usize| call < gold.calls.len();
        match self {
            Self::Drop { call } if there(*call) => drop(calls.remove(*call)),
            Self::Swap { call } if there(call.saturating_add(1)) => calls.swap(*call, call + 1),
            Self::Garble { call, how } if there(*call) => {
                calls[*call].arguments = garbled(gold, *call, how);
            }
            Self::UnknownTool { call } if there(*call) => calls[*call].tool = "no_such_tool".to_owned(),
            Self::EarlyAnswer { after } => calls.truncate(*after),
            Self::Leak { words } => say = format!("{say} {words}"),
            Self::Repeat { call } if there(*call) => calls.insert(*call, calls[*call].clone()),
            Self::Misstate { say: other } => say.clone_from(other),
            _ => {}
        }
        (calls, say)
    }
}

fn garbled(gold: &Gold, call: usize, how: &Garbling) -> String {
    let mut call = gold.calls[call].clone();
    match how {
        Garbling::Wrong(name) => {
            if let Some(value) = call.arguments.get_mut(name) {
                *value = other(value);
            }
        }
        Garbling::Missing(name) => drop(call.arguments.remove(name)),
        Garbling::Broken => {
            let whole = Written::of(&call).arguments;
            return whole.chars().take(whole.chars().count() / 2).collect();
        }
    }
    Written::of(&call).arguments
}

/// Another value of the same kind, near enough to be overlooked.
fn other(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(misspelt(text)),
        Value::Array(all) => {
            let mut all = all.clone();
            if let Some(last) = all.last_mut() {
                *last = other(last);
            }
            Value::from(all)
        }
        Value::Number(n) => Value::from(n.as_f64().unwrap_or_default() + 1.0),
        Value::Bool(b) => Value::from(!b),
        other => other.clone(),
    }
}

/// The last letter or digit is the next one; a text without any gets one.
#[must_use]
pub fn misspelt(text: &str) -> String {
    let next = |c: char| match c {
        '9' => '0',
        'z' => 'a',
        'Z' => 'A',
        c => char::from_u32(u32::from(c) + 1).unwrap_or('a'),
    };
    let Some((at, c)) = text.char_indices().rev().find(|(_, c)| c.is_ascii_alphanumeric()) else {
        return format!("{text}x");
    };
    format!("{}{}{}", &text[..at], next(c), &text[at + c.len_utf8()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::CallSpec;
    use serde_json::json;

    fn gold() -> Gold {
        let call = |tool: &str, id: &str| CallSpec {
            tool: tool.to_owned(),
            arguments: serde_json::from_value(json!({"id": id})).unwrap(),
        };
        Gold { calls: vec![call("a", "#W19"), call("b", "x"), call("c", "")], say: "It is 25.".to_owned() }
    }

    fn tools(mutation: &Mutation) -> String {
        mutation.applied(&gold()).0.into_iter().map(|w| w.tool).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_mistake_changes_one_thing() {
        for (mutation, wanted) in [
            (Mutation::Drop { call: 1 }, "a c"),
            (Mutation::Swap { call: 1 }, "a c b"),
            (Mutation::UnknownTool { call: 0 }, "no_such_tool b c"),
            (Mutation::EarlyAnswer { after: 1 }, "a"),
            (Mutation::Repeat { call: 2 }, "a b c c"),
            (Mutation::Swap { call: 2 }, "a b c"),
            (Mutation::Drop { call: 9 }, "a b c"),
        ] {
            assert_eq!(tools(&mutation), wanted, "{mutation:?}");
        }
        let garbled = |call, how| Mutation::Garble { call, how }.applied(&gold()).0[call].arguments.clone();
        assert_eq!(garbled(0, Garbling::Wrong("id".to_owned())), r##"{"id":"#W10"}"##);
        assert_eq!(garbled(2, Garbling::Wrong("id".to_owned())), r#"{"id":"x"}"#);
        assert_eq!(garbled(0, Garbling::Missing("id".to_owned())), "{}");
        assert_eq!(garbled(1, Garbling::Broken), r#"{"id""#);
        assert_eq!(Mutation::Leak { words: "canary".to_owned() }.applied(&gold()).1, "It is 25. canary");
    }
}
