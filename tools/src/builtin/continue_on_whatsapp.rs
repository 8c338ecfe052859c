//! `continue_on_whatsapp`: the person wants to go on on WhatsApp; the team is told, and takes over.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

pub(crate) struct ContinueOnWhatsApp(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for ContinueOnWhatsApp {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "continue_on_whatsapp".into(),
            description: "Use it when the person wants to go on with somebody on WhatsApp. The team writes to them there."
                .into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "phone": { "type": "string", "minLength": 5, "maxLength": 30, "description": "Their number, if told." },
                    "reason": { "type": "string", "minLength": 1, "maxLength": 500, "description": "For the team." }
                },
                "required": ["reason"],
                "additionalProperties": false
            })
            .to_string(),
            effect: EffectClass::Idempotent,
            timeout: Duration::from_secs(10),
        }
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let (phone, reason) = (args["phone"].as_str().map(str::trim), shown::text(&args, "reason"));
        match self.0.go_on_on_whatsapp(inv.tenant, inv.conversation, &inv.key, phone, &reason).await {
            Ok(()) => ToolResult {
                hand_over: Some(reason),
                ..ToolResult::done("The team was told, and writes to them on WhatsApp.")
            },
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
