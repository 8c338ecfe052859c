//! `confirm_order`: has an order paid, once the person agreed.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    commerce::OrderStatus,
    failure::Failure,
    ids::OrderId,
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec, UndoneBy},
};
use serde_json::Value;
use std::sync::Arc;

pub(crate) struct ConfirmOrder(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for ConfirmOrder {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "confirm_order".into(),
            description: "Charge an order of this conversation. Only after the person has read the total and agreed."
                .into(),
            parameters: shown::by_id("order_id"),
            // An order has one payment, which succeeds once.
            effect: EffectClass::Idempotent,
            timeout: shown::TIMEOUT,
        }
    }

    fn tells_amount(&self) -> bool {
        true
    }

    /// What the order costs, in its currency.
    async fn amount(&self, args: &Value, inv: &ToolInvocation) -> Result<Option<u64>, Failure> {
        shown::amount(self.0.as_ref(), args, inv).await
    }

    /// Money goes back only when a person says so.
    fn undone_by(&self) -> Option<UndoneBy> {
        Some(UndoneBy { automatic: false, ..shown::undone_by("refund_order", "order_id") })
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let id: Option<OrderId> = match shown::id(&args, "order_id") {
            Ok(id) => id,
            Err(failure) => return ToolResult::failed(failure),
        };
        match self.0.confirm_order(inv.tenant, inv.conversation, inv.turn, id).await {
            Ok(o) if o.status == OrderStatus::Uncertain => {
                let why = "it cannot be told now whether it was paid; it is being found out";
                ToolResult::uncertain(Failure::retry("payment.uncertain", why))
            }
            Ok(o) if o.status == OrderStatus::RequiresConfirmation && o.cause.is_some() => {
                shown::refused("payment.declined", o.cause)
            }
            Ok(o) => ToolResult::done(shown::order(&o)),
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
