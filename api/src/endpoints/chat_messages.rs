//! `GET /api/chat/messages?channel=…&session=…&after=…`: what was said to a visitor of a public web chat since, by the agent
//! or by a person of the team, who speaks when nobody asked.

use super::chat::public_account;
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
    ids::ConversationId,
    model::Speaker,
    ports::StoreError,
    rate::{Caller, Rate},
};
use colloquy_store::{ConversationSummary, TenantStore, TranscriptLine};
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

#[derive(Debug, Serialize, JsonSchema)]
pub struct Line {
    pub position: u64,
    #[schemars(schema_with = "one_of::<Speaker>")]
    speaker: Speaker,
    text: String,
    /// Of what the visitor sent.
    file: Option<FileOut>,
    at: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct FileOut {
    name: Option<String>,
    /// `image`, `video`, `audio` or `document`.
    media: String,
}

async fn line(store: &TenantStore, l: TranscriptLine) -> Result<Line, StoreError> {
    let file = match l.attachment {
        Some(id) => Some(store.attachment(id).await?).map(|a| FileOut { name: a.name, media: a.media }),
        None => None,
    };
    Ok(Line { position: l.position, speaker: l.speaker, text: l.text, file, at: rfc3339(l.at) })
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Agent,
    /// A person of the team.
    Operator,
}

impl Mode {
    pub const fn of(conversation: &ConversationSummary) -> Self {
        if conversation.with_operator { Self::Operator } else { Self::Agent }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Said {
    messages: Vec<Line>,
    /// `null` before the first message.
    mode: Option<Mode>,
    /// Whether the channel takes files (`POST /api/chat/files`).
    files: bool,
}

pub async fn get(
    State(api): State<Arc<Api>>,
    Peer(from): Peer,
    asked: Result<Query<Asked>, QueryRejection>,
) -> ApiResult<Of<Said>> {
    api.limits.take(Rate::Chat, Caller::from_address(from), api.clock.now())?;
    let Query(asked) = asked.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let account = public_account(&api, &asked.channel).await?;
    let (store, files) = (api.store.tenant(account.tenant), account.setting("files") == Some("true"));
    // Nobody has written yet under a session that is not known: nothing was said to them.
    let Some(conversation) = store.conversation_with(account.id, &asked.session).await? else {
        return ok(Said { messages: Vec::new(), mode: None, files });
    };
    let (messages, _) = lines_since(&store, conversation, asked.after).await?;
    let mode = Mode::of(&store.conversation(conversation).await?);
    ok(Said { messages, mode: Some(mode), files })
}

/// The next lines behind a position, as the visitor sees them, and whether there may be more.
///
/// # Errors
/// The store's.
pub async fn lines_since(
    store: &TenantStore,
    conversation: ConversationId,
    after: u64,
) -> Result<(Vec<Line>, bool), StoreError> {
    let found = store.messages_since(conversation, after, MOST).await?;
    let more = found.len() >= MOST as usize;
    let mut lines = Vec::with_capacity(found.len());
    for l in found {
        lines.push(line(store, l).await?);
    }
    Ok((lines, more))
}
