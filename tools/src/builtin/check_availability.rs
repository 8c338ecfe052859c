//! `check_availability`: whether a table is free.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) struct CheckAvailability(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for CheckAvailability {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "check_availability".into(),
            description: "Look in the calendar whether a table is free at a time.".into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "date": { "type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "description": "Such as 2026-05-01." },
                    "time": { "type": "string", "pattern": r"^\d{2}:\d{2}$", "description": "24 hours, such as 19:30." }
                },
                "required": ["date", "time"],
                "additionalProperties": false
            })
            .to_string(),
            effect: EffectClass::Read,
            timeout: shown::TIMEOUT,
        }
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        match self.0.is_free(inv.tenant, &shown::text(&args, "date"), &shown::text(&args, "time")).await {
            Ok(free) => ToolResult::done(json!({ "available": free }).to_string()),
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
