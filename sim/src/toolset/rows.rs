//! The data of a run: a base that all runs share, and what this run changed.

use super::canonical::{canonical, same};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// Tables of rows by their keys. A copy costs as much as what was changed.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// `{table: {key: row}}`
    base: Arc<Value>,
    changed: BTreeMap<(String, String), Value>,
}

impl Rows {
    #[must_use]
    pub fn over(base: Arc<Value>) -> Self {
        Self { base, changed: BTreeMap::new() }
    }

    #[must_use]
    pub fn get(&self, table: &str, key: &str) -> Option<&Value> {
        // A tuple of borrowed words cannot be looked up in a map of owned ones; few rows are ever changed.
        let changed = self.changed.iter().find(|((t, k), _)| t == table && k == key);
        changed.map(|(_, row)| row).or_else(|| self.base.get(table)?.get(key))
    }

    /// A table's rows, as they are now, by their keys.
    pub fn all<'a>(&'a self, table: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let base: BTreeMap<&str, &Value> = self
            .base
            .get(table)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.as_str(), v))
            .collect();
        let changed = self.changed.iter().filter(move |((t, _), _)| t == table).map(|((_, k), v)| (k.as_str(), v));
        let mut rows = base;
        rows.extend(changed);
        rows.into_iter()
    }

    pub fn put(&mut self, table: &str, key: &str, row: Value) {
        self.changed.insert((table.to_owned(), key.to_owned()), row);
    }

    /// All tables as they are now, `{table: {key: row}}`.
    #[must_use]
    pub fn merged(&self) -> Value {
        let mut all = self.base.as_ref().clone();
        for ((table, key), row) in &self.changed {
            all[table.as_str()][key.as_str()] = row.clone();
        }
        all
    }

    /// What is not as in `wanted`, in words, field by field; both must have grown from the same base.
    #[must_use]
    pub fn unlike(&self, wanted: &Self, unordered: &[&str]) -> Vec<String> {
        let mut keys: Vec<&(String, String)> = self.changed.keys().chain(wanted.changed.keys()).collect();
        keys.sort();
        keys.dedup();
        let mut unlike = Vec::new();
        for (table, key) in keys {
            let (is, should) = (self.get(table, key), wanted.get(table, key));
            for (field, is, should) in fields(is, should) {
                let is_set = unordered.contains(&field.as_str());
                let (a, b) = (canonical(is, is_set, unordered), canonical(should, is_set, unordered));
                if !same(&a, &b, unordered) {
                    unlike.push(format!("{table}/{key}.{field} is {a} instead of {b}"));
                }
            }
        }
        unlike
    }
}

/// The fields of either.
fn fields<'a>(is: Option<&'a Value>, should: Option<&'a Value>) -> Vec<(String, &'a Value, &'a Value)> {
    let empty = || -> BTreeMap<&'a str, &'a Value> { BTreeMap::new() };
    let of = |row: Option<&'a Value>| {
        row.and_then(Value::as_object)
            .map_or_else(empty, |o: &'a Map<String, Value>| o.iter().map(|(k, v)| (k.as_str(), v)).collect())
    };
    let (is, should) = (of(is), of(should));
    let mut names: Vec<&str> = is.keys().chain(should.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let value = |of: &BTreeMap<&str, &'a Value>, name: &str| of.get(name).copied().unwrap_or(&Value::Null);
    names.iter().map(|n| ((*n).to_owned(), value(&is, n), value(&should, n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_hides_the_base_and_leaves_it() {
        let base = Arc::new(json!({"users": {"a": {"n": 1}, "b": {"n": 2}}}));
        let mut rows = Rows::over(Arc::clone(&base));
        rows.put("users", "b", json!({"n": 3}));
        rows.put("users", "c", json!({"n": 4}));
        let all: Vec<(&str, i64)> = rows.all("users").map(|(k, v)| (k, v["n"].as_i64().unwrap())).collect();
        assert_eq!(all, [("a", 1), ("b", 3), ("c", 4)]);
        assert_eq!((rows.get("users", "b"), base["users"]["b"]["n"].as_i64()), (Some(&json!({"n": 3})), Some(2)));
    }

    #[test]
    fn differences_are_told_by_field_and_changes_back_are_none() {
        let base = Arc::new(json!({"orders": {"1": {"status": "pending", "ids": ["a", "b"], "total": 25}}}));
        let (mut is, fresh) = (Rows::over(Arc::clone(&base)), Rows::over(base));
        is.put("orders", "1", json!({"status": "pending", "ids": ["b", "a"], "total": 25.0}));
        assert_eq!(is.unlike(&fresh, &["ids"]), Vec::<String>::new());
        is.put("orders", "1", json!({"status": "cancelled", "ids": ["b", "a"], "total": 25.0}));
        assert_eq!(is.unlike(&fresh, &["ids"]), ["orders/1.status is \"cancelled\" instead of \"pending\""]);
        assert_eq!(is.unlike(&fresh, &[]).len(), 2, "without a rule the order counts");
    }
}
