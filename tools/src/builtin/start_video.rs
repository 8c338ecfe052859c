//! `start_video`: an avatar joins a web chat, and says what the agent answers. The page that shows the chat is told of it
//! with the agent's answer, and asks how to join.

use super::shown;
use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ports::Concierge,
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec},
    video::VideoStatus,
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) struct StartVideo(pub(crate) Arc<dyn Concierge>);

#[async_trait]
impl Tool for StartVideo {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "start_video".into(),
            description:
                "Begin a video session in this web chat: an avatar says your answers from then on. Only when the \
                          person wants to see somebody, or agreed to it; it appears on their page by itself."
                    .into(),
            parameters: json!({ "type": "object", "properties": {}, "additionalProperties": false }).to_string(),
            // The same call opens one session.
            effect: EffectClass::Idempotent,
            timeout: shown::TIMEOUT,
        }
    }

    async fn run(&self, _: Value, inv: &ToolInvocation) -> ToolResult {
        match self.0.start_video(inv.tenant, inv.conversation, &inv.key).await {
            Ok(s) if s.video.status == VideoStatus::Failed => shown::refused("video.failed", s.video.code),
            Ok(s) if s.video.status == VideoStatus::Uncertain => {
                let why = "it cannot be told now whether a session was opened";
                ToolResult::uncertain(Failure::retry("video.uncertain", why))
            }
            Ok(s) => {
                let shown = json!({ "video_session_id": s.id.to_string(), "status": s.video.status.name() });
                ToolResult::done(shown.to_string())
            }
            Err(failure) => ToolResult::failed(failure),
        }
    }
}
