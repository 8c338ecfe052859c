//! How much a call moves, and what a model is told when that, or the call itself, is one too many.

use crate::tool::Tool;
use colloquy_domain::{
    failure::Failure,
    tool::{Exceeded, ToolInvocation},
    tool_limits::{Amount, BUDGET, MONEY, NO_AMOUNT, OfAgent, RATE},
};
use serde_json::Value;

const MILLION: f64 = 1e6;

/// In millionths; nothing where no limit asks.
///
/// # Errors
/// `tool.amount`: it is limited, and cannot be told.
pub(crate) async fn moved(
    tool: &dyn Tool,
    args: &Value,
    inv: &ToolInvocation,
    of_agent: Option<&OfAgent>,
) -> Result<u64, Failure> {
    let Some(money) = of_agent.and_then(|o| o.limits.money.as_ref()) else { return Ok(0) };
    let told = match &money.amount {
        Amount::Each(amount) => Some(*amount),
        Amount::At(pointer) => args.pointer(pointer).and_then(micros),
        Amount::Own => tool.amount(args, inv).await?,
    };
    told.ok_or_else(|| {
        let why = "how much this call would move is limited, and the call does not say how much it is";
        Failure::reject(NO_AMOUNT, why)
    })
}

/// A number, or a text that is one. What is less than nothing would make room for more.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is checked before")]
fn micros(value: &Value) -> Option<u64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    let micros = (number * MILLION).round();
    // Whole numbers beyond are not exact any more.
    ((0.0..9e15).contains(&micros)).then_some(micros as u64)
}

/// What the model is told.
pub(crate) fn refusal(exceeded: Exceeded) -> Failure {
    match exceeded {
        Exceeded::PerMinute(most) => {
            Failure::reject(RATE, format!("this tool may be called {most} times a minute, which is used up"))
        }
        Exceeded::PerDay(most) => {
            Failure::reject(BUDGET, format!("this tool may be called {most} times a day, which is used up"))
        }
        Exceeded::Money { most, moved } => {
            let told = |micros: u64| micros as f64 / MILLION;
            let (most, left) = (told(most), told(most.saturating_sub(moved)));
            let why = format!("with this tool {most:.2} may be moved a day, of which {left:.2} is left");
            Failure::reject(MONEY, why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_are_numbers_or_texts_that_are_some_and_never_less_than_nothing() {
        let told = [json!(12.5), json!("12.50"), json!(0), json!(-1), json!("a lot"), json!(null), json!(1e300)];
        let read: Vec<Option<u64>> = told.iter().map(micros).collect();
        assert_eq!(read, [Some(12_500_000), Some(12_500_000), Some(0), None, None, None, None]);
    }
}
