//! `POST /api/video/session`, `GET/DELETE /api/video/session/{id}`, `POST /api/video/session/{id}/messages`, and
//! `GET /api/video/sessions` for the team. Who may chat may have an avatar say the answers: a visitor names the public web
//! chat and their session there, as in `POST /api/chat`.

use super::chat::{self, Caller, ReplyOut};
use crate::{
    answer::{Created, Listed, Of},
    auth,
    body::{Body, PageOf},
    calls::VOICE,
    error::{ApiError, ApiResult, accepted, created, ok},
    exchange::Ended,
    page::list as page,
    peer::Peer,
    state::Api,
    time::rfc3339,
    video::Said,
    visitor::Visitor,
};
use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::IntoResponse,
};
use colloquy_domain::{
    ids::VideoSessionId,
    message::{Content, Outcome},
    outbound::Reply,
    ports::Spoken,
    rate::Rate,
    video::{EndReason, VideoSession, VideoStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// How long a request waits for an outcome before it is answered with `pending`.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    session_id: String,
    provider: &'static str,
    /// `creating`, `live`, `ending`, `ended`, `failed` or `uncertain`.
    status: &'static str,
    channel: String,
    /// The visitor's conversation in that web chat.
    session: String,
    /// The room of LiveKit's that a browser joins, while the session is live.
    url: Option<String>,
    access_token: Option<String>,
    /// When it ends at the latest.
    expires_at: String,
    /// It ends when nobody writes for so long.
    idle_seconds: u64,
    started_at: Option<String>,
    ended_at: Option<String>,
    /// `asked`, `idle`, `expired`, `gone` or `failed`.
    end_reason: Option<&'static str>,
    /// The code of what went wrong, if something did.
    cause: Option<String>,
    created_at: String,
}

impl From<VideoSession> for Out {
    fn from(s: VideoSession) -> Self {
        let v = s.video;
        let join = s.access.join.filter(|_| v.status == VideoStatus::Live);
        let (url, access_token) = join.map(|j| (j.url, j.token.expose().to_owned())).unzip();
        Self {
            session_id: s.id.to_string(),
            provider: v.provider.name(),
            status: v.status.name(),
            channel: s.channel.to_string(),
            session: s.chat,
            url,
            access_token,
            expires_at: rfc3339(v.expires_at),
            idle_seconds: v.idle.as_secs(),
            started_at: v.started_at.map(rfc3339),
            ended_at: v.ended_at.map(rfc3339),
            end_reason: v.reason.map(EndReason::name),
            cause: v.code,
            created_at: rfc3339(s.created_at),
        }
    }
}

impl Out {
    /// For lists: who looks at them joins nothing.
    fn without_join(s: VideoSession) -> Self {
        Self { url: None, access_token: None, ..Self::from(s) }
    }
}

#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// The conversation whose answers the avatar says; a new one is begun if absent.
    session: Option<String>,
    /// Which web chat account; the tenant's first if absent.
    channel: Option<String>,
    /// Which agent (id or name) answers; its web chat account is made at its first use.
    agent: Option<String>,
}

/// Opens one, or shows the one that the visitor has.
pub async fn create(State(api): State<Arc<Api>>, caller: Caller, from: Peer, Body(new): Body<New>) -> ApiResult {
    // It is paid for by the minute.
    caller.count(&api, Rate::Payment, from)?;
    let wanted =
        chat::Request { session: new.session, channel: new.channel, agent: new.agent, ..chat::Request::default() };
    wanted.session.as_deref().map_or(Ok(()), |s| chat::named_well("session", s))?;
    let account = chat::account(&api, caller, &wanted).await?;
    let (session, _) = chat::names(&api, &wanted);
    let (opened, new) = api.videos.open(account.tenant, account.id, &session, None).await?;
    opening(opened, new)
}

/// 202 for what is on its way, or may be.
fn opening(session: VideoSession, new: bool) -> ApiResult {
    let code = session.video.code.clone().unwrap_or_default();
    match session.video.status {
        VideoStatus::Failed if code.ends_with(".unreachable") || code.ends_with(".rate_limited") => {
            let later = Duration::from_secs(10);
            Err(ApiError { message: code, ..ApiError::unavailable("UPSTREAM_UNAVAILABLE", "", later) })
        }
        VideoStatus::Failed => {
            let why = format!("the provider of the avatar refused it: {code}");
            Err(ApiError::new(StatusCode::BAD_GATEWAY, "AVATAR_REFUSED", why))
        }
        VideoStatus::Live if new => {
            let made: Created<Out> = created(Out::from(session))?;
            Ok(made.not_kept().into_response())
        }
        VideoStatus::Live => {
            let known: Of<Out> = ok(Out::from(session))?;
            Ok(known.not_kept().into_response())
        }
        _ => accepted(Out::from(session)),
    }
}

/// Whose session it is: of a visitor, who has no key.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    channel: Option<String>,
    session: Option<String>,
}

/// The session, if it is the caller's: their tenant's, or their own in a public web chat.
async fn find(api: &Api, caller: &Caller, id: &str, whose: &Whose) -> ApiResult<VideoSession> {
    let missing = || ApiError::not_found("video session");
    let id: VideoSessionId = id.parse().map_err(|_| missing())?;
    if let Some(tenant) = caller.tenant() {
        return Ok(tenant.store.video(id).await?);
    }
    let (Some(channel), Some(session)) = (&whose.channel, &whose.session) else {
        return Err(ApiError::unauthorized("an API key is needed, or the web chat's `channel` and `session`"));
    };
    let account = chat::public_account(api, channel).await?;
    let found = api.store.tenant(account.tenant).video(id).await?;
    if found.channel == account.id && found.chat == *session { Ok(found) } else { Err(missing()) }
}

fn asked(whose: Result<Query<Whose>, QueryRejection>) -> ApiResult<Whose> {
    whose.map(|Query(w)| w).map_err(|e| ApiError::invalid("query", e.body_text()))
}

pub async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> ApiResult<Of<Out>> {
    let found = find(&api, &caller, &id, &asked(whose)?).await?;
    ok(Out::from(api.videos.look(found).await?)).map(Of::not_kept)
}

/// Ends it. Ending one that is over changes nothing; one that its provider could not be told of yet is `ending`.
pub async fn end(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> ApiResult<Of<Out>> {
    let found = find(&api, &caller, &id, &asked(whose)?).await?;
    ok(Out::from(api.videos.end(found.tenant, found.id, EndReason::Asked).await?))
}

/// Those of the tenant, the newest first.
pub async fn list(State(_): State<Arc<Api>>, tenant: auth::Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("sessions", tenant.store.videos(at.into()).await?, Out::without_join)
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    message: String,
    /// The client's own id of the message: sending it again is sending it once.
    message_id: Option<String>,
    /// Of a visitor without a key, as in `POST /api/chat`.
    channel: Option<String>,
    session: Option<String>,
    /// Who it is, as they say.
    visitor: Option<Visitor>,
}

#[derive(Serialize, JsonSchema)]
pub struct Answered {
    session: String,
    conversation: Option<String>,
    message_id: String,
    /// As of `POST /api/chat`.
    outcome: &'static str,
    reply: Option<ReplyOut>,
    /// What became of the reply's words at the avatar.
    spoken: Option<SpokenOut>,
}

#[derive(Serialize, JsonSchema, Default)]
pub struct SpokenOut {
    /// `avatar`: it says them. `page`: the page has to send `command`. `before`: it was told already. `failed`: see `code`.
    by: &'static str,
    /// What the page sends into the room.
    command: Option<CommandOut>,
    code: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct CommandOut {
    topic: &'static str,
    event: EventOut,
}

#[derive(Serialize, JsonSchema)]
pub struct EventOut {
    event_type: &'static str,
    session_id: String,
    text: String,
}

/// What somebody says to the agent; the avatar says what it answers.
pub async fn message(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(said): Body<Message>,
) -> ApiResult {
    let Message { message, message_id, channel, session, visitor } = said;
    let visitor = visitor.map(Visitor::checked).transpose()?;
    let request = chat::Request { message, message_id, ..chat::Request::default() };
    chat::check(&request, true)?;
    let found = find(&api, &caller, &id, &Whose { channel, session }).await?;
    let account = api.channels.account(found.channel).await?.filter(|a| a.kind == chat::WEBCHAT && a.enabled);
    let account = account.ok_or_else(|| ApiError::not_found("web chat channel"))?;
    let found = api.videos.used(found).await?;
    let names = (found.chat.clone(), chat::names(&api, &request).1);
    let content = Content::text(request.message);
    let mut exchange = chat::begin(Arc::clone(&api), &account, names, visitor, content).await?;
    let ended = exchange.ended_within(PATIENCE).await?.unwrap_or_else(Ended::pending);
    let spoken = match &ended.reply {
        Some(reply) => Some(speak(&api, found, reply).await?),
        None => None,
    };
    let answer = Answered {
        session: exchange.session.clone(),
        conversation: ended.conversation.map(|c| c.to_string()),
        message_id: exchange.message_id.clone(),
        outcome: ended.outcome.as_ref().map_or("pending", Outcome::name),
        reply: ended.reply.as_ref().map(ReplyOut::from),
        spoken,
    };
    if ended.outcome.is_none() { accepted(answer) } else { ok(answer) }
}

async fn speak(api: &Api, session: VideoSession, reply: &Reply) -> ApiResult<SpokenOut> {
    // As on the telephone: without marks, addresses and sources.
    let driver = api.channels.driver(&VOICE);
    let part = driver.and_then(|d| d.render(&reply.text, &[]).into_iter().next());
    let text = part.map_or_else(|| reply.text.clone(), |p| p.text);
    Ok(match api.videos.say(&session, reply.turn, &text).await? {
        Said::Now(Spoken::ByProvider) => SpokenOut { by: "avatar", ..SpokenOut::default() },
        Said::Now(Spoken::ByPage { topic, event }) => {
            let session_id = session.video.external.unwrap_or_default();
            let event = EventOut { event_type: event, session_id, text };
            SpokenOut { by: "page", command: Some(CommandOut { topic, event }), code: None }
        }
        Said::Before => SpokenOut { by: "before", ..SpokenOut::default() },
        Said::Failed { code } => SpokenOut { by: "failed", command: None, code: Some(code) },
    })
}
