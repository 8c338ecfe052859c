//! `hand_off`: another agent of the team goes on with the conversation.

use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    team::{self, HAND_OFF, Teammate},
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) struct HandOff;

#[async_trait]
impl Tool for HandOff {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: HAND_OFF.to_owned(),
            description: "Lets another agent of your team go on with this conversation and answer the person in your place. \
                 Use it when what the person wants is what that colleague is for. The colleague reads the conversation and \
                 your summary."
                .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "agent": {
                        "type": "string", "minLength": 1, "maxLength": 200,
                        "description": "The colleague's name, as it stands in your instructions."
                    },
                    "reason": {
                        "type": "string", "minLength": 1, "maxLength": 500,
                        "description": "Why, in one sentence."
                    },
                    "summary": {
                        "type": "string", "maxLength": 2000,
                        "description": "What the colleague should know: what the person wants, and what you found out or did."
                    }
                },
                "required": ["agent", "reason"],
                "additionalProperties": false
            })
            .to_string(),
            // The conversation records the wish; asking twice is asking once.
            effect: EffectClass::Idempotent,
            timeout: Duration::from_secs(5),
        }
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        let text = |name: &str| args[name].as_str().unwrap_or_default().trim().to_owned();
        let Some(to) = named(&inv.team, &text("agent")) else {
            let names: Vec<&str> = inv.team.iter().map(|t| t.name.as_str()).collect();
            let detail = format!("there is no such colleague; there are: {}", names.join(", "));
            return ToolResult::failed(Failure::reject("hand_off.unknown", detail));
        };
        let (name, summary) = (&to.name, text("summary"));
        let summary = if summary.is_empty() { String::new() } else { format!(" What there is to know: {summary}") };
        let content = format!(
            "You are {name} now: a colleague handed this conversation to you. Answer the person yourself, without \
             announcing it. Why: {}{summary}",
            text("reason")
        );
        let hand_off = team::HandOff { to: to.agent, name: name.clone() };
        ToolResult { hand_off: Some(hand_off), ..ToolResult::done(content) }
    }
}

/// Models are careless about case.
fn named<'a>(team: &'a [Teammate], name: &str) -> Option<&'a Teammate> {
    let same = |t: &&Teammate| t.name.to_lowercase() == name.to_lowercase();
    team.iter().find(|t| t.name == name).or_else(|| team.iter().find(same))
}
