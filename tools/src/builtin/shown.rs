//! What tools of the concierge have in common: how a model reads reservations and orders. Ids are in it, because the model
//! names them in later calls.

use colloquy_domain::{
    commerce::{Order, Reservation},
    failure::Failure,
    ids::OrderId,
    ports::Concierge,
    tool::{ToolInvocation, ToolResult, UndoneBy},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than a request waits for its flow.
pub(super) const TIMEOUT: Duration = Duration::from_secs(40);

pub(super) fn text(args: &Value, name: &str) -> String {
    args[name].as_str().unwrap_or_default().trim().to_owned()
}

pub(super) fn reservation(r: &Reservation) -> String {
    json!({
        "reservation_id": r.id.to_string(),
        "status": r.status.name(),
        "name": r.details.name,
        "party_size": r.details.party,
        "date": r.details.date,
        "time": r.details.time,
        "time_zone": r.zone,
    })
    .to_string()
}

pub(super) fn order(o: &Order) -> String {
    let items: Vec<Value> = o.lines.iter().map(|l| json!({ "name": l.name, "quantity": l.quantity })).collect();
    json!({
        "order_id": o.id.to_string(),
        "status": o.status.name(),
        "items": items,
        "total": price(o.amount, &o.currency),
        "cause": o.cause,
    })
    .to_string()
}

/// How many of its smallest unit a currency's unit has.
fn units(currency: &str) -> u64 {
    // Currencies without a smaller unit (https://docs.stripe.com/currencies#zero-decimal).
    const WHOLE: &[&str] = &[
        "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf",
    ];
    if WHOLE.contains(&currency) { 1 } else { 100 }
}

/// As people write it.
pub(super) fn price(amount: i64, currency: &str) -> String {
    let code = currency.to_uppercase();
    if units(currency) == 1 {
        return format!("{amount} {code}");
    }
    format!("{}.{:02} {code}", amount / 100, amount % 100)
}

/// What the order of a call costs, in millionths of its currency.
///
/// # Errors
/// There is no such order.
pub(super) async fn amount(
    concierge: &dyn Concierge,
    args: &Value,
    inv: &ToolInvocation,
) -> Result<Option<u64>, Failure> {
    let id: Option<OrderId> = id(args, "order_id")?;
    let (amount, currency) = concierge.price_of(inv.tenant, inv.conversation, id).await?;
    Ok(u64::try_from(amount).ok().map(|amount| amount * 1_000_000 / units(&currency)))
}

pub(super) fn refused(code: &str, cause: Option<String>) -> ToolResult {
    ToolResult::failed(Failure::reject(code, cause.unwrap_or_else(|| "no cause was told".to_owned())))
}

/// The schema of a call that names one thing. A model of a later turn may not know its id any more.
pub(super) fn by_id(name: &str) -> String {
    let about = "The last one of this conversation when left out.";
    json!({
        "type": "object",
        "properties": { name: { "type": "string", "minLength": 36, "maxLength": 36, "description": about } },
        "additionalProperties": false
    })
    .to_string()
}

/// What gives back what a call made; the id is among what the call answers.
pub(super) fn undone_by(tool: &str, id: &str) -> UndoneBy {
    let arguments = [(id.to_owned(), format!("/result/{id}"))].into();
    UndoneBy { tool: tool.to_owned(), arguments, automatic: true }
}

/// The id that a call names, if it names one.
///
/// # Errors
/// What it names is none.
pub(super) fn id<T: std::str::FromStr>(args: &Value, name: &str) -> Result<Option<T>, Failure> {
    let Some(given) = args[name].as_str() else { return Ok(None) };
    given.trim().parse().map(Some).map_err(|_| Failure::reject("commerce.not_found", "there is nothing of this id"))
}

#[cfg(test)]
mod tests {
    use super::price;

    #[test]
    fn prices_are_told_in_their_own_units() {
        assert_eq!(price(1_205, "eur"), "12.05 EUR");
        assert_eq!(price(500, "jpy"), "500 JPY");
    }
}
