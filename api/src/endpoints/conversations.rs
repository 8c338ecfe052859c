//! `GET /api/conversations`, `GET/PUT/PATCH /api/conversations/{id}`, `GET /api/conversations/{id}/messages`.

use super::ask::{ChecksOut, CitationOut};
use crate::{
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::{channel::DeliveryStatus, ids::ConversationId, message::Outcome, model::Speaker};
use colloquy_store::{ConversationSummary, LastMessage, TranscriptLine};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

#[derive(Serialize)]
struct Out {
    id: String,
    channel: String,
    kind: String,
    contact: String,
    peer: String,
    name: Option<String>,
    /// `agent` or `operator`.
    mode: &'static str,
    received: u64,
    created_at: String,
    last_inbound_at: String,
    last_message: Option<Last>,
}

#[derive(Serialize)]
struct Last {
    speaker: Speaker,
    text: String,
    at: String,
}

impl From<ConversationSummary> for Out {
    fn from(c: ConversationSummary) -> Self {
        let last = |m: LastMessage| Last { speaker: m.speaker, text: m.text, at: rfc3339(m.at) };
        Self {
            id: c.id.to_string(),
            channel: c.channel.to_string(),
            kind: c.kind.to_string(),
            contact: c.contact.to_string(),
            peer: c.peer.address,
            name: c.peer.name,
            mode: if c.with_operator { "operator" } else { "agent" },
            received: c.received,
            created_at: rfc3339(c.created_at),
            last_inbound_at: rfc3339(c.last_inbound_at),
            last_message: c.last_message.map(last),
        }
    }
}

#[derive(Serialize)]
struct Line {
    id: String,
    position: u64,
    speaker: Speaker,
    kind: String,
    text: String,
    seq: Option<u64>,
    turn: Option<u32>,
    citations: Vec<CitationOut>,
    abstained: bool,
    checks: ChecksOut,
    /// How a received message ended; absent while it is being answered.
    outcome: Option<Outcome>,
    /// How far a reply came.
    status: Option<DeliveryStatus>,
    at: String,
}

impl From<TranscriptLine> for Line {
    fn from(l: TranscriptLine) -> Self {
        Self {
            id: l.id.to_string(),
            position: l.position,
            speaker: l.speaker,
            kind: l.kind,
            text: l.text,
            seq: l.seq,
            turn: l.turn,
            citations: l.citations.iter().map(CitationOut::from).collect(),
            abstained: l.abstained,
            checks: (&l.checks).into(),
            outcome: l.outcome,
            status: l.status,
            at: rfc3339(l.at),
        }
    }
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult {
    page("conversations", tenant.store.conversations(at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    ok(Out::from(tenant.store.conversation(id.parse::<ConversationId>()?).await?))
}

/// Page 1 is the end of the transcript.
pub async fn messages(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>, at: PageOf) -> ApiResult {
    let conversation = tenant.store.conversation(id.parse::<ConversationId>()?).await?;
    page("messages", tenant.store.messages(conversation.id, at.into()).await?, Line::from)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    mode: Mode,
    /// Why a person takes it.
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Agent,
    Operator,
}

/// A person takes the conversation, or gives it back to the agent.
pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(change): Body<Change>,
) -> ApiResult {
    let conversation = tenant.store.conversation(id.parse::<ConversationId>()?).await?.id;
    let told = match change.mode {
        Mode::Agent => api.node.give_back(tenant.id, conversation),
        Mode::Operator => {
            let reason = change.reason.unwrap_or_else(|| "a person of the team took over".to_owned());
            if reason.chars().count() > 500 {
                return Err(ApiError::invalid("reason", "must have at most 500 characters"));
            }
            api.node.take_over(tenant.id, conversation, reason)
        }
    };
    if !told {
        let message = "the conversations are being restarted, try again";
        return Err(ApiError::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "RESTARTING", message));
    }
    ok(json!({ "id": conversation.to_string(), "accepted": true }))
}
