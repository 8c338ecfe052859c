//! `cancel_order`: calls an unpaid order off.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    commerce::OrderStatus,
    ids::OrderId,
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use serde_json::Value;
use std::sync::Arc;

pub(crate) struct CancelOrder(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for CancelOrder {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "cancel_order".into(),
            description: "Call off an order of this conversation that was not paid.".into(),
            parameters: shown::by_id("order_id"),
            effect: EffectClass::Idempotent,
            timeout: shown::TIMEOUT,
        }
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let id: Option<OrderId> = match shown::id(&args, "order_id") {
            Ok(id) => id,
            Err(failure) => return ToolResult::failed(failure),
        };
        match self.0.cancel_order(inv.tenant, inv.conversation, id).await {
            Ok(o) if o.status == OrderStatus::RequiresConfirmation && o.cause.is_some() => {
                shown::refused("payment.refused", o.cause)
            }
            Ok(o) => ToolResult::done(shown::order(&o)),
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
