//! How much an agent may use single tools, as it is written and shown.

use super::Detail;
use colloquy_domain::tool_limits::{AgentLimits, Amount, MoneyLimit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const MOST: usize = 200;
const MILLION: f64 = 1e6;
/// What one limit may allow: beyond, millionths are not exact any more.
const MOST_MONEY: f64 = 1e9;

/// What one agent may do with a tool, beside the tool's own limits. A call too many is not made, and the model is told.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitFields {
    /// Calls within any 60 seconds: `tool.rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    per_minute: Option<u32>,
    /// Calls within any 24 hours: `tool.budget`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    per_day: Option<u32>,
    /// How much its calls may move within any 24 hours, in the unit of `amount`: `tool.money`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    money_per_day: Option<f64>,
    /// How much a call moves: a number, or a JSON pointer into its arguments, such as `/amount`. Not needed of tools that know
    /// it themselves (`confirm_order`). A call that does not say it is refused: `tool.amount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<AmountField>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AmountField {
    Each(f64),
    At(String),
}

/// By the names of tools.
pub type Fields = BTreeMap<String, LimitFields>;

/// What the profile gets; what is wrong is told.
pub fn read(
    fields: Fields,
    tells_amount: impl Fn(&str) -> bool,
    wrong: &mut Vec<Detail>,
) -> BTreeMap<String, AgentLimits> {
    if fields.len() > MOST {
        wrong.push(Detail::new("tool_limits", format!("must be at most {MOST}")));
    }
    let read = |(tool, limit): (String, LimitFields)| {
        let limits = limit.read(&tool, tells_amount(&tool), wrong);
        (tool, limits)
    };
    fields.into_iter().map(read).collect()
}

pub fn shown(limits: BTreeMap<String, AgentLimits>) -> Fields {
    limits.into_iter().map(|(tool, limits)| (tool, limits.into())).collect()
}

impl LimitFields {
    fn read(self, tool: &str, tells_amount: bool, wrong: &mut Vec<Detail>) -> AgentLimits {
        let mut says = |field: &str, must: &str| wrong.push(Detail::new(format!("tool_limits.{tool}.{field}"), must));
        for (field, most) in [("per_minute", self.per_minute), ("per_day", self.per_day)] {
            if most == Some(0) {
                says(field, "must be at least 1; without the tool in `tools`, it is not called at all");
            }
        }
        if self.money_per_day.is_some_and(|most| !(0.0..=MOST_MONEY).contains(&most)) {
            says("money_per_day", "must be between 0 and 1000000000");
        }
        let amount = match (self.amount, self.money_per_day) {
            (Some(_), None) => {
                says("amount", "says nothing without `money_per_day`");
                None
            }
            (Some(AmountField::Each(each)), _) if !(0.0..=MOST_MONEY).contains(&each) => {
                says("amount", "must be between 0 and 1000000000");
                None
            }
            (Some(AmountField::At(pointer)), _) if !pointer.starts_with('/') => {
                says("amount", "must be a number, or a JSON pointer into the call's arguments, such as `/amount`");
                None
            }
            (Some(AmountField::Each(each)), _) => Some(Amount::Each(micros(each))),
            (Some(AmountField::At(pointer)), _) => Some(Amount::At(pointer)),
            (None, Some(_)) if !tells_amount => {
                says("amount", "is needed: this tool does not say by itself how much a call moves");
                None
            }
            (None, _) => Some(Amount::Own),
        };
        let money = self.money_per_day.zip(amount);
        let money = money.map(|(most, amount)| MoneyLimit { per_day_micros: micros(most), amount });
        AgentLimits { per_minute: self.per_minute, per_day: self.per_day, money }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is out of bounds is refused")]
fn micros(amount: f64) -> u64 {
    (amount * MILLION).round() as u64
}

impl From<AgentLimits> for LimitFields {
    fn from(limits: AgentLimits) -> Self {
        let AgentLimits { per_minute, per_day, money } = limits;
        let told = |micros: u64| micros as f64 / MILLION;
        let amount = money.as_ref().and_then(|m| match &m.amount {
            Amount::Each(each) => Some(AmountField::Each(told(*each))),
            Amount::At(pointer) => Some(AmountField::At(pointer.clone())),
            Amount::Own => None,
        });
        Self { per_minute, per_day, money_per_day: money.map(|m| told(m.per_day_micros)), amount }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(limit: Value) -> (BTreeMap<String, AgentLimits>, Vec<String>) {
        let fields: Fields = serde_json::from_value(json!({ "pay": limit })).expect("fields");
        let mut wrong = Vec::new();
        let limits = read(fields, |tool| tool == "confirm_order", &mut wrong);
        (limits, wrong.into_iter().map(|d| d.field).collect())
    }

    #[test]
    fn what_is_written_is_shown_again() {
        for limit in [
            json!({ "per_minute": 1, "per_day": 20 }),
            json!({ "money_per_day": 200.5, "amount": "/amount" }),
            json!({ "money_per_day": 10.0, "amount": 2.5 }),
            json!({}),
        ] {
            let (limits, wrong) = of(limit.clone());
            assert_eq!(wrong, Vec::<String>::new(), "{limit}");
            assert_eq!(serde_json::to_value(shown(limits)).expect("JSON"), json!({ "pay": limit }));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (limit, field) in [
            (json!({ "per_day": 0 }), "per_day"),
            (json!({ "money_per_day": -1.0, "amount": 1.0 }), "money_per_day"),
            (json!({ "money_per_day": 5.0 }), "amount"),
            (json!({ "money_per_day": 5.0, "amount": "price" }), "amount"),
            (json!({ "money_per_day": 5.0, "amount": -1.0 }), "amount"),
            (json!({ "amount": 1.0 }), "amount"),
        ] {
            assert_eq!(of(limit.clone()).1, [format!("tool_limits.pay.{field}")], "{limit}");
        }
    }
}
