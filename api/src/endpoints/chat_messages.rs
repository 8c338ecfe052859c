//! `GET /api/chat/messages?channel=…&session=…&after=…`: what was said to a visitor of a public web chat since, by the agent
//! or by a person of the team, who speaks when nobody asked.

use super::chat::WEBCHAT;
use crate::{
    answer::Of,
    error::{ApiError, ApiResult, ok},
    openapi::one_of,
    peer::Peer,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Query, State, rejection::QueryRejection};
use colloquy_domain::{
    ids::ChannelId,
    model::Speaker,
    rate::{Caller, Rate},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Lines of one answer.
const MOST: u32 = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    channel: String,
    /// As `POST /api/chat` gave it: unguessable, it is what lets its holder read.
    session: String,
    /// The position of the last line that is known.
    #[serde(default)]
    after: u64,
}

#[derive(Serialize, JsonSchema)]
pub struct Line {
    position: u64,
    #[schemars(schema_with = "one_of::<Speaker>")]
    speaker: Speaker,
    text: String,
    at: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Said {
    messages: Vec<Line>,
}

pub async fn get(
    State(api): State<Arc<Api>>,
    Peer(from): Peer,
    asked: Result<Query<Asked>, QueryRejection>,
) -> ApiResult<Of<Said>> {
    api.limits.take(Rate::Chat, Caller::from_address(from), api.clock.now())?;
    let Query(asked) = asked.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let missing = || ApiError::not_found("web chat channel");
    let id: ChannelId = asked.channel.parse().map_err(|_| missing())?;
    let account = api.channels.account(id).await?.filter(|a| a.kind == WEBCHAT && a.enabled);
    let account = account.filter(|a| a.setting("public") == Some("true")).ok_or_else(missing)?;
    let store = api.store.tenant(account.tenant);
    // Nobody has written yet under a session that is not known: nothing was said to them.
    let lines = match store.conversation_with(id, &asked.session).await? {
        Some(conversation) => store.messages_since(conversation, asked.after, MOST).await?,
        None => Vec::new(),
    };
    let show = |l: colloquy_store::TranscriptLine| Line {
        position: l.position,
        speaker: l.speaker,
        text: l.text,
        at: rfc3339(l.at),
    };
    ok(Said { messages: lines.into_iter().map(show).collect() })
}
