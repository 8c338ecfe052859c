//! `POST /api/chat`: the web chat channel. Answers when the message has its outcome, or streams on request.

use super::ask::{ChecksOut, CitationOut, UsageOut};
use crate::{
    auth,
    body::Body,
    error::{ApiError, ApiResult, ok},
    exchange::{Ended, Exchange, Saying, Step},
    openapi::Takes,
    peer::Peer,
    state::Api,
    visitor::{Visitor, introduce},
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
    ids::{AgentId, ChannelId},
    message::{Content, Outcome},
    outbound::Reply,
    rate::{Caller as Counted, Rate},
};
use colloquy_store::PageRequest;
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

#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub message: String,
    /// Continues the conversation of this session; a new one is made if absent.
    pub session: Option<String>,
    /// The client's own id of the message: sending it again is sending it once.
    pub message_id: Option<String>,
    /// Which web chat account; the tenant's first if absent.
    pub channel: Option<String>,
    /// Which agent (id or name) answers; its web chat account is made at its first use.
    pub agent: Option<String>,
    /// Stream the answer as server-sent events (as `Accept: text/event-stream` does).
    #[serde(default)]
    pub stream: bool,
    /// Who it is, as they say.
    pub visitor: Option<Visitor>,
}

/// With an API key: its tenant. Without: a visitor, who must name a public web chat account.
pub struct Caller(Option<auth::Tenant>);

impl Takes for Caller {}

impl Caller {
    /// The tenant whose key it is, if there is one.
    pub const fn tenant(&self) -> Option<&auth::Tenant> {
        self.0.as_ref()
    }

    /// Counts the request as this, too. A visitor is counted by their address.
    ///
    /// # Errors
    /// 429 with the time to wait.
    pub fn count(&self, api: &Api, rate: Rate, Peer(from): Peer) -> ApiResult<()> {
        match &self.0 {
            Some(tenant) => auth::count(api, &tenant.who, rate),
            None => api.limits.take(rate, Counted::from_address(from), api.clock.now()),
        }
    }
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        if auth::bearer(parts).is_some() {
            let tenant = auth::known(parts, api).await?;
            auth::count(api, &tenant.who, Rate::Chat)?;
            auth::allow(&tenant.who, Action::UseAgents)?;
            return Ok(Self(Some(tenant)));
        }
        let Ok(peer) = Peer::from_request_parts(parts, api).await;
        let visitor = Self(None);
        visitor.count(api, Rate::Chat, peer)?;
        Ok(visitor)
    }
}

pub async fn post(
    State(api): State<Arc<Api>>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<Request>,
) -> ApiResult {
    say(api, caller, &headers, request).await
}

/// Says it to the agent, and answers what it answers.
///
/// # Errors
/// What is wrong with the request, or the store's.
pub async fn say(api: Arc<Api>, caller: Caller, headers: &HeaderMap, request: Request) -> ApiResult {
    let account = account(&api, caller, &request).await?;
    say_to(api, &account, headers, request).await
}

/// As [`say`], on the account that the caller may use.
///
/// # Errors
/// As [`say`].
pub async fn say_to(api: Arc<Api>, account: &ChannelAccount, headers: &HeaderMap, mut request: Request) -> ApiResult {
    check(&request, true)?;
    let visitor = request.visitor.take().map(Visitor::checked).transpose()?;
    let names = names(&api, &request);
    let content = Content::text(request.message);
    let asked = begin(api, account, names, visitor, content).await?;
    answer(asked, headers, request.stream).await
}

/// The client's names of the conversation and of the message, or ours.
pub fn names(api: &Api, request: &Request) -> (String, String) {
    let name = |given: &Option<String>| given.clone().unwrap_or_else(|| api.ids.uuid().to_string());
    (name(&request.session), name(&request.message_id))
}

/// Logs the message; it is durable when this returns.
///
/// # Errors
/// The log's.
pub async fn begin(
    api: Arc<Api>,
    account: &ChannelAccount,
    (session, message_id): (String, String),
    visitor: Option<Visitor>,
    content: Content,
) -> ApiResult<Exchange> {
    let (name, email) = visitor.map_or((None, None), |v| (v.name, v.email));
    if let Some(email) = email {
        introduce(&api, account, &session, email);
    }
    Exchange::begin(api, account, Saying { session, message_id, name, content }).await
}

/// What comes of it, as a whole or as it comes.
///
/// # Errors
/// The store's.
pub async fn answer(asked: Exchange, headers: &HeaderMap, stream: bool) -> ApiResult {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if stream || accepts.contains("text/event-stream") {
        return Ok(Sse::new(events(asked)).keep_alive(KeepAlive::default()).into_response());
    }
    answered(asked).await
}

/// The answer as a whole, or 202 if it takes too long.
async fn answered(mut asked: Exchange) -> ApiResult {
    let ended = asked.ended_within(PATIENCE).await?.unwrap_or_else(Ended::pending);
    let body = ChatOut::of(&asked, &ended).await?;
    if ended.outcome.is_none() {
        return Ok((StatusCode::ACCEPTED, axum::Json(json!({ "success": true, "data": body }))).into_response());
    }
    ok(body)
}

/// # Errors
/// What is wrong with it, naming the field. Beside a file nothing has to be said.
pub fn check(request: &Request, words: bool) -> ApiResult<()> {
    let silent = words && request.message.trim().is_empty();
    if silent || request.message.chars().count() > LONGEST {
        return Err(ApiError::invalid("message", format!("must have 1 to {LONGEST} characters")));
    }
    for (field, value) in [("session", &request.session), ("message_id", &request.message_id)] {
        value.as_deref().map_or(Ok(()), |v| named_well(field, v))?;
    }
    Ok(())
}

/// # Errors
/// What cannot be a client's name of a session or a message, naming the field.
pub fn named_well(field: &str, value: &str) -> ApiResult<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=100).contains(&value.len()) && value.chars().all(fits) {
        return Ok(());
    }
    Err(ApiError::invalid(field, "must have 1 to 100 letters, digits, `-`, `_` or `.`"))
}

/// The web chat account that visitors may use without a key.
///
/// # Errors
/// 404 for everything else, whatever it is; or the store's.
pub async fn public_account(api: &Api, channel: &str) -> ApiResult<Arc<ChannelAccount>> {
    let missing = || ApiError::not_found("web chat channel");
    let id: ChannelId = channel.parse().map_err(|_| missing())?;
    let account = api.channels.account(id).await?.filter(|a| a.kind == WEBCHAT && a.enabled);
    account.filter(|a| a.setting("public") == Some("true")).ok_or_else(missing)
}

/// The web chat account that the caller may use.
///
/// # Errors
/// 401, 404, or the store's.
pub async fn account(api: &Api, caller: Caller, request: &Request) -> ApiResult<Arc<ChannelAccount>> {
    let missing = || ApiError::not_found("web chat channel");
    let Caller(Some(tenant)) = caller else {
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

#[derive(Serialize, JsonSchema)]
struct ChatOut {
    session: String,
    conversation: Option<String>,
    message_id: String,
    outcome: &'static str,
    reply: Option<ReplyOut>,
    /// The session of an avatar that says the answers, while there is one: `GET /api/video/session/{id}` tells how to join.
    video_session: Option<String>,
}

impl ChatOut {
    async fn of(asked: &Exchange, ended: &Ended) -> ApiResult<Self> {
        let video = if ended.outcome.is_some() { asked.video().await? } else { None };
        Ok(Self {
            session: asked.session.clone(),
            conversation: ended.conversation.map(|c| c.to_string()),
            message_id: asked.message_id.clone(),
            outcome: ended.outcome.as_ref().map_or("pending", Outcome::name),
            reply: ended.reply.as_ref().map(ReplyOut::from),
            video_session: video.map(|id| id.to_string()),
        })
    }
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

fn event(name: &str, data: &serde_json::Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// The last event.
fn replied(answer: ApiResult<ChatOut>) -> Event {
    match answer {
        Ok(answer) => event("reply", &json!(answer)),
        Err(e) => event("error", &json!({ "code": e.code, "message": e.message })),
    }
}

/// The answer as events: `session`, then `typing`, `delta`, `reset` as they come, then `reply` (or `error`).
fn events(asked: Exchange) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = event("session", &json!({ "session": asked.session, "message_id": asked.message_id }));
    let rest = stream::unfold(Some(asked), |asked| async move {
        let mut asked = asked?;
        loop {
            let next = match asked.step().await {
                Ok(Step::Ended(ended)) => {
                    return Some((Ok(replied(ChatOut::of(&asked, &ended).await)), None));
                }
                Ok(Step::Typing) => event("typing", &json!({})),
                Ok(Step::Delta(text)) => event("delta", &json!({ "text": text })),
                Ok(Step::Reset) => event("reset", &json!({})),
                Ok(Step::Nothing) => continue,
                Err(e) => return Some((Ok(replied(Err(e))), None)),
            };
            return Some((Ok(next), Some(asked)));
        }
    });
    stream::StreamExt::chain(stream::iter([Ok(first)]), rest)
}
