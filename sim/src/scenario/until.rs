//! When a person has what they came for, seen in the world and not in words.

use crate::toolset::{Rows, same};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All of these must be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Until {
    /// Tools that were called in the person's conversation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub called: Vec<String>,
    /// The data of the tool set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Datum>,
}

/// A place in the data and what must be there: one of `equals`, `contains`, `absent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Datum {
    /// `table/key`, or a place in the row: `orders/#W1/status`, `orders/#W1/items/0/name`.
    pub at: String,
    /// This value; 25 and 25.0 are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// A text with these words, whatever their case, or a list with this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Value>,
    /// Nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}

impl Until {
    /// Whether it is so. `called`: tools that were called in the conversation; `rows`: the tool set's data, if there is one.
    #[must_use]
    pub fn holds(&self, called: &[String], rows: Option<&Rows>) -> bool {
        let are_called = self.called.iter().all(|t| called.contains(t));
        are_called && self.data.iter().all(|d| rows.is_some_and(|r| d.holds(r)))
    }

    /// What is wrong with it: the field and why.
    #[must_use]
    pub fn wrong(&self, has_toolset: bool) -> Option<(String, String)> {
        if self.called.is_empty() && self.data.is_empty() {
            return Some((String::new(), "names nothing: `called` or `data` is needed".to_owned()));
        }
        if !self.data.is_empty() && !has_toolset {
            return Some((".data".to_owned(), "there is no tool set".to_owned()));
        }
        self.data.iter().enumerate().find_map(|(n, d)| d.wrong().map(|why| (format!(".data[{n}]"), why)))
    }
}

impl Datum {
    fn wrong(&self) -> Option<String> {
        let tests =
            usize::from(self.equals.is_some()) + usize::from(self.contains.is_some()) + usize::from(self.absent);
        if tests != 1 {
            return Some("needs one of `equals`, `contains` and `absent`".to_owned());
        }
        self.place().is_none().then(|| format!("{:?} is no place: write `table/key` or `table/key/field`", self.at))
    }

    /// Table, key, and a JSON pointer into the row.
    fn place(&self) -> Option<(&str, &str, &str)> {
        let (table, rest) = self.at.split_once('/')?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (key, pointer) = rest.split_at(end);
        (!table.is_empty() && !key.is_empty()).then_some((table, key, pointer))
    }

    fn holds(&self, rows: &Rows) -> bool {
        let found = self.place().and_then(|(table, key, pointer)| rows.get(table, key)?.pointer(pointer));
        if self.absent {
            return found.is_none_or(Value::is_null);
        }
        let Some(found) = found else { return false };
        match (&self.equals, &self.contains, found) {
            (Some(wanted), _, found) => same(found, wanted, &[]),
            (_, Some(Value::String(words)), Value::String(text)) => text.to_lowercase().contains(&words.to_lowercase()),
            (_, Some(wanted), Value::Array(list)) => list.iter().any(|v| same(v, wanted, &[])),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn datum(at: &str, test: &Value) -> Datum {
        let mut whole = test.clone();
        whole["at"] = json!(at);
        serde_json::from_value(whole).expect("a datum")
    }

    #[test]
    fn the_world_is_looked_at_as_it_is_now() {
        let mut rows =
            Rows::over(Arc::new(json!({"orders": {"#W1": {"status": "pending", "total": 25, "items": ["a"]}}})));
        for (at, test, wanted) in [
            ("orders/#W1/status", json!({"equals": "pending"}), true),
            ("orders/#W1/total", json!({"equals": 25.0}), true),
            ("orders/#W1/status", json!({"contains": "PEND"}), true),
            ("orders/#W1/items", json!({"contains": "a"}), true),
            ("orders/#W1/items", json!({"contains": "b"}), false),
            ("orders/#W1/items/0", json!({"equals": "a"}), true),
            ("orders/#W2", json!({"absent": true}), true),
            ("orders/#W1", json!({"absent": true}), false),
            ("orders/#W1/total", json!({"contains": "2"}), false),
        ] {
            assert_eq!(datum(at, &test).holds(&rows), wanted, "{at} {test}");
        }
        let until = Until {
            called: vec!["cancel".to_owned()],
            data: vec![datum("orders/#W1/status", &json!({"equals": "cancelled"}))],
        };
        let called = ["cancel".to_owned()];
        assert!(!until.holds(&called, Some(&rows)));
        rows.put("orders", "#W1", json!({"status": "cancelled"}));
        assert!(until.holds(&called, Some(&rows)));
        assert!(!until.holds(&[], Some(&rows)) && !until.holds(&called, None));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        assert!(Until::default().wrong(true).is_some());
        for (datum, has_toolset) in [
            (json!({"at": "orders/1"}), true),
            (json!({"at": "orders/1", "equals": 1, "absent": true}), true),
            (json!({"at": "orders", "equals": 1}), true),
            (json!({"at": "orders/1", "equals": 1}), false),
        ] {
            let until: Until = serde_json::from_value(json!({"data": [datum]})).expect("a condition");
            assert!(until.wrong(has_toolset).is_some(), "{until:?}");
        }
    }
}
