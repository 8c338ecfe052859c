//! `GET /api/chat/messages?channel=…&session=…&after=…`: what was said to a visitor of a public web chat since, by the agent
//! or by a person of the team, who speaks when nobody asked.

use super::chat::WEBCHAT;
use crate::{
    error::{ApiError, ApiResult, ok},
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
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Lines of one answer.
const MOST: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    channel: String,
    /// As `POST /api/chat` gave it: unguessable, it is what lets its holder read.
    session: String,
    /// The position of the last line that is known.
    #[serde(default)]
    after: u64,
}

#[derive(Serialize)]
struct Line {
    position: u64,
    speaker: Speaker,
    text: String,
    at: String,
}

pub async fn get(
    State(api): State<Arc<Api>>,
    Peer(from): Peer,
    asked: Result<Query<Asked>, QueryRejection>,
) -> ApiResult {
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
    ok(json!({ "messages": lines.into_iter().map(show).collect::<Vec<_>>() }))
}
