//! When two values are the same data.

use serde_json::{Map, Value};

/// Decimals that count: sums of binary fractions differ far behind them.
const DECIMALS: f64 = 1e6;
/// Whole numbers below this are exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether two values say the same: 25 is 25.0 and 0.3 is 0.1 + 0.2, a field that is null is a field that is not there,
/// and lists in `unordered` fields are compared without their order.
#[must_use]
pub fn same(a: &Value, b: &Value, unordered: &[&str]) -> bool {
    canonical(a, false, unordered) == canonical(b, false, unordered)
}

/// One form for all values that say the same.
pub(super) fn canonical(value: &Value, is_set: bool, unordered: &[&str]) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => n.as_f64().map_or(Value::Null, number),
        Value::Array(all) => {
            let mut all: Vec<Value> = all.iter().map(|v| canonical(v, false, unordered)).collect();
            if is_set {
                all.sort_by_key(Value::to_string);
            }
            Value::Array(all)
        }
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, v)| !v.is_null());
            let mut kept: Vec<(&String, Value)> =
                kept.map(|(k, v)| (k, canonical(v, unordered.contains(&k.as_str()), unordered))).collect();
            // Whether maps keep the order of insertion depends on how the program was built.
            kept.sort_by_key(|(k, _)| k.as_str());
            Value::Object(kept.into_iter().map(|(k, v)| (k.clone(), v)).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Whole ones as whole ones.
#[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
fn number(n: f64) -> Value {
    let rounded = (n * DECIMALS).round() / DECIMALS;
    if rounded.fract() == 0.0 && rounded.abs() < EXACT { Value::from(rounded as i64) } else { Value::from(rounded) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_says_the_same_is_the_same() {
        for (a, b) in [
            (json!(25), json!(25.0)),
            (json!(-0.0), json!(0)),
            (json!(0.1 + 0.2), json!(0.3)),
            (json!({"a": 1, "b": null}), json!({"a": 1.0})),
            (json!({"ids": ["2", "1", "1"]}), json!({"ids": ["1", "2", "1"]})),
            (json!([{"ids": [{"x": 2}, {"x": 1}]}]), json!([{"ids": [{"x": 1.0}, {"x": 2}]}])),
        ] {
            assert!(same(&a, &b, &["ids"]), "{a} {b}");
        }
    }

    #[test]
    fn what_differs_is_not() {
        for (a, b) in [
            (json!(25), json!(25.01)),
            (json!("25"), json!(25)),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992_u64)),
            (json!({"ids": ["1", "1", "2"]}), json!({"ids": ["1", "2", "2"]})),
            (json!({"history": [1, 2]}), json!({"history": [2, 1]})),
            (json!({"a": ""}), json!({})),
        ] {
            assert!(!same(&a, &b, &["ids"]), "{a} {b}");
        }
    }
}
