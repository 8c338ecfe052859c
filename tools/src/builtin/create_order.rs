//! `create_order`: writes an order down. Nothing is charged before it is confirmed.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    commerce::{OrderDetails, OrderStatus},
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec, UndoneBy},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) struct CreateOrder(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for CreateOrder {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "create_order".into(),
            description:
                "Write an order down. Nothing is charged: tell the person the total and ask whether they agree, \
                          then use confirm_order."
                    .into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "items": {
                        "type": "array", "minItems": 1, "maxItems": 100,
                        "items": {
                            "type": "object",
                            "properties": {
                                "name": { "type": "string", "minLength": 1, "description": "As the menu calls it." },
                                "quantity": { "type": "integer", "minimum": 1, "maximum": 1000 }
                            },
                            "required": ["name", "quantity"],
                            "additionalProperties": false
                        }
                    },
                    "name": { "type": "string", "minLength": 1, "maxLength": 200, "description": "For whom." },
                    "phone": { "type": "string", "minLength": 5, "maxLength": 30 },
                    "notes": { "type": "string", "maxLength": 1000 }
                },
                "required": ["items", "name", "phone"],
                "additionalProperties": false
            })
            .to_string(),
            effect: EffectClass::Idempotent,
            timeout: shown::TIMEOUT,
        }
    }

    fn undone_by(&self) -> Option<UndoneBy> {
        Some(shown::undone_by("cancel_order", "order_id"))
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let line = |i: &Value| {
            let quantity = i["quantity"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
            (shown::text(i, "name"), quantity)
        };
        let details = OrderDetails {
            lines: args["items"].as_array().map(|items| items.iter().map(line).collect()).unwrap_or_default(),
            name: shown::text(&args, "name"),
            phone: shown::text(&args, "phone"),
            notes: shown::text(&args, "notes"),
        };
        match self.0.order(inv.tenant, inv.conversation, inv.turn, &inv.key, details).await {
            Ok(o) if o.status == OrderStatus::Cancelled => shown::refused("payment.refused", o.cause),
            Ok(o) => ToolResult::done(shown::order(&o)),
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
