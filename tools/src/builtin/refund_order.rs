//! `refund_order`: gives back all that was paid for an order.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    commerce::OrderStatus,
    failure::Failure,
    ids::OrderId,
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use serde_json::Value;
use std::sync::Arc;

pub(crate) struct RefundOrder(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for RefundOrder {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "refund_order".into(),
            description: "Give back all that was paid for an order of this conversation.".into(),
            parameters: shown::by_id("order_id"),
            // It would not happen twice, but money that went back does not return: a person says so first.
            effect: EffectClass::Unsafe,
            timeout: shown::TIMEOUT,
        }
    }

    fn tells_amount(&self) -> bool {
        true
    }

    /// What the order cost, in its currency.
    async fn amount(&self, args: &Value, inv: &ToolInvocation) -> Result<Option<u64>, Failure> {
        shown::amount(self.0.as_ref(), args, inv).await
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let id: Option<OrderId> = match shown::id(&args, "order_id") {
            Ok(id) => id,
            Err(failure) => return ToolResult::failed(failure),
        };
        match self.0.refund_order(inv.tenant, inv.conversation, id).await {
            Ok(o) if o.status == OrderStatus::Uncertain => {
                let why = "it cannot be told now whether it was refunded; it is being found out";
                ToolResult::uncertain(Failure::retry("refund.uncertain", why))
            }
            Ok(o) if o.status == OrderStatus::Paid => shown::refused("refund.refused", o.cause),
            Ok(o) => ToolResult::done(shown::order(&o)),
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
