//! `POST /api/chat`: the web chat channel. Answers when the message has its outcome, or streams on request.

use super::ask::{ChecksOut, CitationOut, UsageOut};
use crate::{
    auth,
    body::Body,
    error::{ApiError, ApiResult, ok},
    hub::Listener,
    openapi::Takes,
    peer,
    state::Api,
};
use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use colloquy_domain::{
    access::Action,
    channel::{ChannelAccount, ChannelKind},
    ids::{AgentId, ChannelId, ConversationId, TenantId},
    message::{Content, Inbound, Outcome, Peer},
    model::Usage,
    outbound::Reply,
    ports::{NewEntry, Notice},
    rate::{Caller as Counted, Rate},
};
use colloquy_store::{PageRequest, TranscriptLine};
use futures::stream::{self, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{convert::Infallible, sync::Arc, time::Duration};

/// The kind of channel that this endpoint is.
pub const WEBCHAT: ChannelKind = ChannelKind::of("webchat");
/// Characters that a message may have.
const LONGEST: usize = 8_000;
/// How long a request waits for an outcome before it is answered with `pending`.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often the store is asked when nothing is heard: a repeated message is not admitted again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    message: String,
    /// Continues the conversation of this session; a new one is made if absent.
    session: Option<String>,
    /// The client's own id of the message: sending it again is sending it once.
    message_id: Option<String>,
    /// Which web chat account; the tenant's first if absent.
    channel: Option<String>,
    /// Which agent (id or name) answers; its web chat account is made at its first use.
    agent: Option<String>,
    /// Stream the answer as server-sent events (as `Accept: text/event-stream` does).
    #[serde(default)]
    stream: bool,
}

/// With an API key: its tenant. Without: a visitor, who must name a public web chat account.
pub struct Caller(Option<auth::Tenant>);

impl Takes for Caller {}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        if auth::bearer(parts).is_some() {
            let tenant = auth::known(parts, api).await?;
            auth::count(api, &tenant.who, Rate::Chat)?;
            auth::allow(&tenant.who, Action::UseAgents)?;
            return Ok(Self(Some(tenant)));
        }
        let Ok(peer::Peer(address)) = peer::Peer::from_request_parts(parts, api).await;
        api.limits.take(Rate::Chat, Counted::from_address(address), api.clock.now())?;
        Ok(Self(None))
    }
}

/// A message on its way.
struct Asked {
    api: Arc<Api>,
    tenant: TenantId,
    channel: ChannelId,
    session: String,
    message_id: String,
    listener: Listener,
    /// The last thing that the agent said since.
    heard: Option<Reply>,
}

/// How a message ended.
struct Ended {
    conversation: Option<ConversationId>,
    outcome: Option<Outcome>,
    reply: Option<Reply>,
}

pub async fn post(
    State(api): State<Arc<Api>>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<Request>,
) -> ApiResult {
    validate(&request)?;
    let account = account(&api, caller.0, &request).await?;
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let streams = request.stream || accepts.contains("text/event-stream");
    let asked = accept(api, &account, request).await?;
    if streams {
        return Ok(Sse::new(events(asked)).keep_alive(KeepAlive::default()).into_response());
    }
    let mut asked = asked;
    let ended = match tokio::time::timeout(PATIENCE, asked.ended()).await {
        Ok(ended) => ended?,
        Err(_) => Ended { conversation: None, outcome: None, reply: None },
    };
    let body = asked.body(&ended);
    if ended.outcome.is_none() {
        return Ok((StatusCode::ACCEPTED, axum::Json(json!({ "success": true, "data": body }))).into_response());
    }
    ok(body)
}

fn validate(request: &Request) -> ApiResult<()> {
    if request.message.trim().is_empty() || request.message.chars().count() > LONGEST {
        return Err(ApiError::invalid("message", format!("must have 1 to {LONGEST} characters")));
    }
    for (field, value) in [("session", &request.session), ("message_id", &request.message_id)] {
        let fits = |v: &String| {
            (1..=100).contains(&v.len()) && v.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        if value.as_ref().is_some_and(|v| !fits(v)) {
            return Err(ApiError::invalid(field, "must have 1 to 100 letters, digits, `-`, `_` or `.`"));
        }
    }
    Ok(())
}

/// The web chat account that the caller may use.
async fn account(api: &Api, tenant: Option<auth::Tenant>, request: &Request) -> ApiResult<Arc<ChannelAccount>> {
    let missing = || ApiError::not_found("web chat channel");
    let Some(tenant) = tenant else {
        let named = request.channel.as_deref().ok_or_else(|| ApiError::unauthorized("an API key is needed"))?;
        let id: ChannelId = named.parse().map_err(|_| missing())?;
        let account = api.channels.account(id).await?.filter(|a| a.kind == WEBCHAT && a.enabled);
        let public = account.filter(|a| a.setting("public") == Some("true"));
        return public.ok_or_else(|| ApiError::unauthorized("this channel is not public: an API key is needed"));
    };
    if let Some(named) = request.channel.as_deref() {
        let id: ChannelId = named.parse().map_err(|_| missing())?;
        let account = api.channels.account(id).await?;
        let own = account.filter(|a| a.tenant == tenant.id && a.kind == WEBCHAT && a.enabled);
        return own.ok_or_else(missing);
    }
    let agent: Option<AgentId> = match request.agent.as_deref() {
        None => None,
        Some(named) => Some(super::agents::find(&tenant.store, named).await?.id),
    };
    match (webchat(&tenant, agent).await?, agent) {
        (Some(found), _) => Ok(Arc::new(found)),
        (None, None) => Err(missing()),
        (None, Some(agent)) => {
            // Two first messages at the same time share one account.
            let _making = api.making_webchat.lock().await;
            match webchat(&tenant, Some(agent)).await? {
                Some(found) => Ok(Arc::new(found)),
                None => match super::channels::create_webchat(api, &tenant, agent).await {
                    Ok(made) => Ok(Arc::new(made)),
                    // Another node was faster.
                    Err(e) => webchat(&tenant, Some(agent)).await?.map(Arc::new).ok_or(e),
                },
            }
        }
    }
}

/// The tenant's first web chat account, of this agent if one is named.
async fn webchat(tenant: &auth::Tenant, agent: Option<AgentId>) -> ApiResult<Option<ChannelAccount>> {
    let all = tenant.store.channels(PageRequest::new(1, PageRequest::MOST)).await?;
    let mut webchats = all.items.into_iter().map(|c| c.account).filter(|a| a.kind == WEBCHAT && a.enabled);
    Ok(webchats.find(|c| agent.is_none_or(|a| c.agent == a)))
}

/// Logs the message; it is durable when this returns.
async fn accept(api: Arc<Api>, account: &ChannelAccount, request: Request) -> ApiResult<Asked> {
    let session = request.session.unwrap_or_else(|| api.ids.uuid().to_string());
    let message_id = request.message_id.unwrap_or_else(|| api.ids.uuid().to_string());
    let provider_message_id = format!("{session}:{message_id}");
    let (tenant, channel) = (account.tenant, account.id);
    let listener = api.hub.listen(tenant, &provider_message_id);
    let now = api.clock.now();
    let inbound = Inbound {
        provider_message_id,
        peer: Peer { address: session.clone(), name: None },
        sent_at: now,
        content: Content::text(request.message),
        reply_to: None,
        raw: None,
    };
    api.log.append(vec![NewEntry { tenant, channel, received_at: now, inbound }]).await?;
    Ok(Asked { api, tenant, channel, session, message_id, listener, heard: None })
}

/// One thing that happened while waiting.
#[derive(Default)]
struct Step {
    event: Option<Event>,
    ended: Option<Ended>,
}

impl Asked {
    fn provider_message_id(&self) -> String {
        format!("{}:{}", self.session, self.message_id)
    }

    async fn ended(&mut self) -> ApiResult<Ended> {
        loop {
            if let Some(ended) = self.step().await?.ended {
                return Ok(ended);
            }
        }
    }

    /// Waits for the next thing to happen.
    async fn step(&mut self) -> ApiResult<Step> {
        let Ok(notice) = tokio::time::timeout(LOOK_EVERY, self.listener.next()).await else {
            return self.look().await;
        };
        let Some(notice) = notice else { return self.look().await };
        let mine = self.provider_message_id();
        Ok(match notice.as_ref() {
            Notice::Typing { .. } => Step { event: Some(named("typing", &json!({}))), ended: None },
            Notice::Delta { text, .. } => Step { event: Some(named("delta", &json!({ "text": text }))), ended: None },
            Notice::DeltaReset { .. } => Step { event: Some(named("reset", &json!({}))), ended: None },
            Notice::Replied { reply, .. } => {
                self.heard = Some(reply.clone());
                Step::default()
            }
            Notice::Settled { settled, conversation, .. } => {
                let outcome = settled.iter().find(|s| s.provider_message_id == mine).map(|s| s.outcome.clone());
                let ended = outcome.map(|outcome| Ended {
                    conversation: Some(*conversation),
                    reply: self.heard.take().filter(|r| said_to(&outcome, r)),
                    outcome: Some(outcome),
                });
                Step { event: None, ended }
            }
            _ => Step::default(),
        })
    }

    /// What the store says: the truth, also for a message that was sent before.
    async fn look(&self) -> ApiResult<Step> {
        let store = self.api.store.tenant(self.tenant);
        let Some(received) = store.received(self.channel, &self.provider_message_id()).await? else {
            return Ok(Step::default());
        };
        let Some(outcome) = received.outcome else { return Ok(Step::default()) };
        let conversation = received.conversation;
        let turn = match outcome {
            Outcome::Answered { turn } | Outcome::Merged { turn } => Some(turn),
            Outcome::HandedOver { .. } | Outcome::Ignored { .. } | Outcome::DeadLettered { .. } => None,
        };
        let reply = match turn {
            Some(turn) => store.reply(conversation, turn).await?.map(reply_of),
            None => None,
        };
        let ended = Ended { conversation: Some(conversation), outcome: Some(outcome), reply };
        Ok(Step { event: None, ended: Some(ended) })
    }

    fn body(&self, ended: &Ended) -> ChatOut {
        ChatOut {
            session: self.session.clone(),
            conversation: ended.conversation.map(|c| c.to_string()),
            message_id: self.message_id.clone(),
            outcome: ended.outcome.as_ref().map_or("pending", Outcome::name),
            reply: ended.reply.as_ref().map(ReplyOut::from),
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct ChatOut {
    session: String,
    conversation: Option<String>,
    message_id: String,
    outcome: &'static str,
    reply: Option<ReplyOut>,
}

/// What the agent said.
#[derive(Serialize, JsonSchema)]
pub struct ReplyOut {
    text: String,
    citations: Vec<CitationOut>,
    abstained: bool,
    checks: ChecksOut,
    usage: UsageOut,
}

impl From<&Reply> for ReplyOut {
    fn from(r: &Reply) -> Self {
        Self {
            text: r.text.clone(),
            citations: r.citations.iter().map(CitationOut::from).collect(),
            abstained: r.abstained,
            checks: (&r.checks).into(),
            usage: r.usage.into(),
        }
    }
}

/// A reply as the transcript keeps it; what it cost is in the ledger.
fn reply_of(line: TranscriptLine) -> Reply {
    Reply {
        turn: line.turn.unwrap_or(0),
        text: line.text,
        citations: line.citations,
        abstained: line.abstained,
        checks: line.checks,
        usage: Usage::default(),
    }
}

/// Whether the reply is this outcome's: the notice that ended the same turn, or the turn's answer.
const fn said_to(outcome: &Outcome, reply: &Reply) -> bool {
    match outcome {
        Outcome::Answered { turn } | Outcome::Merged { turn } => *turn == reply.turn,
        Outcome::HandedOver { .. } | Outcome::DeadLettered { .. } => true,
        Outcome::Ignored { .. } => false,
    }
}

fn named(name: &str, data: &serde_json::Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// The answer as events: `session`, then `typing`, `delta`, `reset` as they come, then `reply` (or `error`).
fn events(asked: Asked) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = named("session", &json!({ "session": asked.session, "message_id": asked.message_id }));
    let rest = stream::unfold(Some(asked), |asked| async move {
        let mut asked = asked?;
        loop {
            match asked.step().await {
                Ok(Step { ended: Some(ended), .. }) => {
                    return Some((Ok(named("reply", &json!(asked.body(&ended)))), None));
                }
                Ok(Step { event: Some(event), .. }) => return Some((Ok(event), Some(asked))),
                Ok(Step { .. }) => {}
                Err(e) => return Some((Ok(named("error", &json!({ "code": e.code, "message": e.message }))), None)),
            }
        }
    });
    stream::StreamExt::chain(stream::iter([Ok(first)]), rest)
}
