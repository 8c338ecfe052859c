//! `hand_over`: asks that a person of the team takes the conversation.

use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) struct HandOver;

#[async_trait]
impl Tool for HandOver {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "hand_over".into(),
            description: "Pass the conversation to a person of the team. Use it when the person asks for a human, is \
                          upset, or needs something that you cannot do."
                .into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "reason": {
                        "type": "string", "minLength": 1, "maxLength": 500,
                        "description": "Why a person is needed, in one sentence, for the team."
                    }
                },
                "required": ["reason"],
                "additionalProperties": false
            })
            .to_string(),
            // The conversation records the request; asking twice is asking once.
            effect: EffectClass::Idempotent,
            timeout: Duration::from_secs(5),
        }
    }

    async fn run(&self, args: Value, _: &ToolInvocation) -> ToolResult {
        let reason = args["reason"].as_str().unwrap_or_default().trim().to_owned();
        ToolResult { hand_over: Some(reason), ..ToolResult::done("A person of the team takes over this conversation.") }
    }
}
