//! `GET /api/conversations`, `GET /api/conversations/{id}`, `GET /api/conversations/{id}/messages`.

use super::ask::{ChecksOut, CitationOut};
use crate::{
    answer::{Listed, Of},
    auth::Tenant,
    body::PageOf,
    error::{ApiError, ApiResult, ok},
    openapi::{maybe_one_of, one_of},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State, rejection::QueryRejection};
use colloquy_domain::{
    channel::DeliveryStatus,
    ids::{ConversationId, UserId},
    journey::{self, Journey, Travel, TravelState},
    message::{Heard, Outcome},
    model::Speaker,
    ports::StoreError,
};
use colloquy_store::{ConversationFilter, ConversationSummary, LastMessage, PageRequest, TranscriptLine};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// Lines that a conversation is shown with.
const RECENT: u32 = 50;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    channel: String,
    kind: String,
    contact: String,
    peer: String,
    name: Option<String>,
    /// `agent` or `operator`.
    mode: &'static str,
    /// The agent that has it, or would if no person had.
    agent: String,
    agent_name: String,
    received: u64,
    /// `OPEN` or `CLOSED`.
    status: &'static str,
    assigned_to: Option<String>,
    tags: Vec<String>,
    /// Messages of the person that whoever asks has not read.
    unread: u64,
    created_at: String,
    last_inbound_at: String,
    last_message: Option<Last>,
}

#[derive(Serialize, JsonSchema)]
pub struct Last {
    #[schemars(schema_with = "one_of::<Speaker>")]
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
            name: c.contact_name.or(c.peer.name),
            mode: if c.with_operator { "operator" } else { "agent" },
            agent: c.agent.to_string(),
            agent_name: c.agent_name,
            received: c.received,
            status: if c.closed { "CLOSED" } else { "OPEN" },
            assigned_to: c.assigned_to.map(|u| u.to_string()),
            tags: c.tags,
            unread: c.unread,
            created_at: rfc3339(c.created_at),
            last_inbound_at: rfc3339(c.last_inbound_at),
            last_message: c.last_message.map(last),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Line {
    id: String,
    position: u64,
    #[schemars(schema_with = "one_of::<Speaker>")]
    speaker: Speaker,
    /// Who of the team wrote it.
    author: Option<String>,
    kind: String,
    text: String,
    /// What came of listening to a recording; absent while somebody listens, and of what is none.
    heard: Option<HeardOut>,
    /// The file that came with it: see `/api/attachments/{id}`.
    attachment: Option<String>,
    seq: Option<u64>,
    turn: Option<u32>,
    citations: Vec<CitationOut>,
    abstained: bool,
    checks: ChecksOut,
    /// How a received message ended; absent while it is being answered.
    #[schemars(with = "Option<Map<String, Value>>")]
    outcome: Option<Outcome>,
    /// How far a reply came.
    #[schemars(schema_with = "maybe_one_of::<DeliveryStatus>")]
    status: Option<DeliveryStatus>,
    /// The name of the template that it is.
    template: Option<String>,
    /// Until when it waits for the person to write: its channel's window is closed, and a template asks them to.
    waits_until: Option<String>,
    at: String,
}

/// What was said in a recording: its words, or the code of the reason why there are none.
#[derive(Serialize, JsonSchema)]
pub struct HeardOut {
    text: Option<String>,
    cause: Option<String>,
}

impl From<Heard> for HeardOut {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Words { text } => Self { text: Some(text), cause: None },
            Heard::Nothing { cause } => Self { text: None, cause: Some(cause) },
        }
    }
}

impl From<TranscriptLine> for Line {
    fn from(l: TranscriptLine) -> Self {
        Self {
            id: l.id.to_string(),
            position: l.position,
            speaker: l.speaker,
            author: l.author.map(|a| a.to_string()),
            kind: l.kind,
            text: l.text,
            heard: l.heard.map(Into::into),
            attachment: l.attachment.map(|a| a.to_string()),
            seq: l.seq,
            turn: l.turn,
            citations: l.citations.iter().map(CitationOut::from).collect(),
            abstained: l.abstained,
            checks: (&l.checks).into(),
            outcome: l.outcome,
            status: l.status,
            template: l.template,
            waits_until: l.held_until.map(rfc3339),
            at: rfc3339(l.at),
        }
    }
}

/// `?status=OPEN&search=…&tag=…&assignedTo=…`.
#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    status: Option<String>,
    /// How a word of the person's name begins, or a piece of a number or another address. Without another
    /// filter at most 1000 people are found.
    search: Option<String>,
    /// One tag; `tags` is understood, too.
    #[serde(alias = "tags")]
    tag: Option<String>,
    /// A person's id, or `me`.
    #[serde(alias = "assignedTo")]
    assigned_to: Option<String>,
}

impl Filter {
    fn read(self, tenant: &Tenant) -> ApiResult<ConversationFilter> {
        let assigned_to = match self.assigned_to.as_deref() {
            None | Some("") => None,
            Some("me") => Some(tenant.person()?.0.id),
            Some(id) => Some(id.parse::<UserId>().map_err(|e| ApiError::invalid("assignedTo", e.to_string()))?),
        };
        Ok(ConversationFilter {
            closed: self.status.as_deref().map(|s| closed("status", s)).transpose()?,
            search: self.search.filter(|s| !s.trim().is_empty()),
            tag: self.tag.map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty()),
            assigned_to,
        })
    }
}

/// # Errors
/// 400: neither open nor closed.
pub fn closed(field: &str, status: &str) -> ApiResult<bool> {
    match status.to_ascii_lowercase().as_str() {
        "open" => Ok(false),
        "closed" => Ok(true),
        _ => Err(ApiError::invalid(field, "must be OPEN or CLOSED")),
    }
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    filter: Result<Query<Filter>, QueryRejection>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let Query(filter) = filter.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let filter = filter.read(&tenant)?;
    page("conversations", tenant.store.conversations(&filter, tenant.who.reader(), at.into()).await?, Out::from)
}

/// A journey that was begun in a conversation.
#[derive(Serialize, JsonSchema)]
pub struct TravelOut {
    /// Whose journey it is.
    agent: String,
    journey: String,
    /// `under_way`, `left` or `over`.
    state: &'static str,
    /// Why it was left, in the model's words.
    reason: Option<String>,
    /// The step that is current; none at the end, or where the agent has no such journey any more.
    step: Option<String>,
    /// What is filled in.
    slots: BTreeMap<String, Slot>,
    updated_at: String,
}

/// What is in a slot: a text, a number or a boolean.
type Slot = journey::Value;

impl TravelOut {
    fn of(travel: Travel, journeys: &[Journey]) -> Self {
        let place = Journey::named(journeys, &travel.journey).map(|j| travel.place(j));
        let step = place.and_then(|p| p.current).map(|s| s.name.clone());
        let (state, reason) = match travel.state {
            TravelState::UnderWay => ("under_way", None),
            TravelState::Left { reason } => ("left", Some(reason)),
            TravelState::Over => ("over", None),
        };
        Self {
            agent: travel.agent.to_string(),
            journey: travel.journey,
            state,
            reason,
            step,
            slots: travel.slots.into_iter().map(|(name, filled)| (name, filled.value)).collect(),
            updated_at: rfc3339(travel.at),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct WithMessages {
    #[serde(flatten)]
    conversation: Out,
    /// Where it stands, the one that moved last first.
    journeys: Vec<TravelOut>,
    messages: Vec<Line>,
}

/// With the end of its transcript.
pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<WithMessages>> {
    let id = id.parse::<ConversationId>()?;
    let conversation = seen(&tenant, id).await?;
    let recent = tenant.store.messages(id, PageRequest::new(1, RECENT)).await?;
    let mut journeys = Vec::new();
    for travel in tenant.store.travels(id).await?.into_iter().rev() {
        let declared = match tenant.store.agent(travel.agent).await {
            Ok(agent) => agent.profile.journeys,
            Err(StoreError::NotFound(_)) => Vec::new(),
            Err(e) => return Err(e.into()),
        };
        journeys.push(TravelOut::of(travel, &declared));
    }
    ok(WithMessages { conversation, journeys, messages: recent.items.into_iter().map(Line::from).collect() })
}

/// The conversation as whoever asks sees it.
pub(super) async fn seen(tenant: &Tenant, id: ConversationId) -> ApiResult<Out> {
    Ok(tenant.store.conversation_read_by(id, tenant.who.reader()).await?.into())
}

/// Page 1 is the end of the transcript.
pub async fn messages(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    at: PageOf,
) -> ApiResult<Listed<Line>> {
    let conversation = tenant.store.conversation(id.parse::<ConversationId>()?).await?;
    page("messages", tenant.store.messages(conversation.id, at.into()).await?, Line::from)
}
