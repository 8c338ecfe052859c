//! `POST /v1/chat/completions`, `POST /v1/embeddings`, `GET /v1/models`: agents as models, for whatever speaks OpenAI's dialect; a telephone
//! provider's custom model, too.
//!
//! The agent behind the name answers as it does everywhere: in a conversation of its own, with its knowledge and its tools.
//! So only the last message is read; what came before it is remembered by `user` (or the header `x-conversation-id`, or the
//! provider's call).

mod embeddings;
mod request;
mod shape;
mod stream;

use crate::{
    auth::Tenant,
    calls::{VOICE, linked},
    error::{ApiError, ApiResult},
    exchange::{Ended, Exchange},
    openapi::{Gives, Success, Takes},
    state::Api,
};
use axum::{
    body::Bytes,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, request::Parts},
    response::{IntoResponse, Response, sse::Sse},
};
use colloquy_domain::{
    agent::AgentProfile,
    channel::{ChannelAccount, ChannelKind},
    ids::ChannelId,
    language::Language,
    message::Outcome,
    phrases::{Phrase, phrase},
    ports::StoreError,
};
use colloquy_store::PageRequest;
pub use embeddings::{Texts, embed};
pub use request::Body;
use request::Request;
use serde_json::json;
pub use shape::Refused;
use shape::{Answer, Said};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long a request waits for an outcome.
const PATIENCE: Duration = Duration::from_secs(180);
const WEBCHAT: ChannelKind = super::chat::WEBCHAT;

/// A client; what is wrong with its credential is told in OpenAI's shape.
pub struct Client(Tenant);

impl Takes for Client {}

impl FromRequestParts<Arc<Api>> for Client {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refused> {
        Ok(Self(Tenant::from_request_parts(parts, api).await?))
    }
}

type Answered = Result<Response, Refused>;

impl Gives for Answered {
    fn success() -> Success {
        Success::Unknown
    }
}

pub async fn complete(
    State(api): State<Arc<Api>>,
    Client(tenant): Client,
    headers: HeaderMap,
    body: Bytes,
) -> Answered {
    let request = Request::read(&body, &headers)?;
    let agent = agent(&tenant, &request.model).await?;
    let account = account(&api, &tenant, &agent, &request).await?;
    let spoken = account.kind == VOICE;
    let asked = Exchange::begin(Arc::clone(&api), &account, request.saying(&api)).await?;
    let answer = Answer::new(&api, request.model.clone());
    if request.stream {
        let talk = stream::Talk::new(
            api,
            account,
            asked,
            answer,
            stream::Manner {
                spoken,
                // What is held against passages is said when it was.
                whole: !agent.knowledge.is_empty(),
                usage: request.include_usage,
                language: agent.speaks(spoken),
            },
        );
        return Ok(Sse::new(talk.events()).into_response());
    }
    let mut asked = asked;
    let ended = asked.ended_within(PATIENCE).await?.unwrap_or_else(Ended::pending);
    if spoken {
        linked(&api, &account, &asked, &ended).await?;
    }
    let said = said(&api, &account, &ended, language(&api, &account, &ended, agent.speaks(spoken)).await)?;
    Ok(axum::Json(answer.whole(&said)).into_response())
}

/// What the person writes in; asked for only where a sentence of ours stands in for a reply.
async fn language(api: &Api, account: &ChannelAccount, ended: &Ended, usual: Language) -> Language {
    let Some(conversation) = ended.conversation.filter(|_| ended.reply.is_none()) else { return usual };
    let loaded = api.store.tenant(account.tenant).load(conversation).await;
    loaded.ok().and_then(|l| l.snapshot.language).unwrap_or(usual)
}

/// What the agent said, or why it said nothing.
fn said(api: &Api, account: &ChannelAccount, ended: &Ended, language: Language) -> Result<Said, Refused> {
    let mut said = match (&ended.outcome, &ended.reply) {
        (Some(Outcome::Answered { .. } | Outcome::Merged { .. } | Outcome::HandedOver { .. }), Some(reply)) => {
            Said::of(reply)
        }
        (Some(Outcome::HandedOver { .. }), None) => Said::sentence(phrase(Phrase::HandedOver, language)),
        (Some(Outcome::Ignored { .. }), _) => return Err(Refused::busy()),
        (Some(_), _) => return Err(Refused::failed()),
        (None, _) => return Err(Refused::late()),
    };
    if account.kind == VOICE {
        said.text = spoken(api, account, &said.text).unwrap_or_default();
    }
    Ok(said)
}

/// As it is read out.
fn spoken(api: &Api, account: &ChannelAccount, text: &str) -> Option<String> {
    let driver = api.channels.driver(&account.kind)?;
    driver.render(text, &[]).into_iter().next().map(|part| part.text)
}

async fn agent(tenant: &Tenant, model: &str) -> Result<AgentProfile, Refused> {
    let found = super::agents::find(&tenant.store, model).await;
    found.map_err(|e| if e.code == "NOT_FOUND" { Refused::no_model(model) } else { e.into() })
}

/// The account that the conversation lies on: the call's telephone, or the agent's own account of this endpoint, which no
/// visitor can open.
async fn account(
    api: &Api,
    tenant: &Tenant,
    agent: &AgentProfile,
    request: &Request,
) -> ApiResult<Arc<ChannelAccount>> {
    if request.call.is_some() {
        let all = tenant.store.channels(PageRequest::new(1, PageRequest::MOST)).await?;
        let is_theirs = |a: &ChannelAccount| {
            a.kind == VOICE && a.enabled && a.agent == agent.id && a.setting("provider") == Some("vapi")
        };
        if let Some(found) = all.items.into_iter().map(|c| c.account).find(is_theirs) {
            return Ok(Arc::new(found));
        }
    }
    let external = format!("openai-{}", agent.id);
    let known = || api.store.installation();
    if let Some(found) = known().channel_by_external(&WEBCHAT, &external).await? {
        return Ok(Arc::new(found.account));
    }
    let new = ChannelAccount {
        tenant: tenant.id,
        id: ChannelId::new(api.ids.uuid()),
        kind: WEBCHAT,
        name: "OpenAI-compatible".to_owned(),
        agent: agent.id,
        external_id: Some(external.clone()),
        settings: BTreeMap::new(),
        secrets: BTreeMap::new(),
        enabled: true,
    };
    let made = match tenant.store.create_channel(new, true).await {
        // Somebody was faster.
        Err(StoreError::Conflict(_)) => known().channel_by_external(&WEBCHAT, &external).await?,
        made => Some(made?),
    };
    let made = made.ok_or_else(|| ApiError::not_found("channel"))?;
    api.node.channel_changed(made.account.id);
    Ok(Arc::new(made.account))
}

pub async fn models(State(_): State<Arc<Api>>, Client(tenant): Client) -> Answered {
    let all = tenant.store.agents(PageRequest::new(1, PageRequest::MOST)).await.map_err(ApiError::from)?;
    let models: Vec<_> = all.items.iter().filter(|a| a.profile.enabled).map(shape::model).collect();
    Ok(axum::Json(json!({ "object": "list", "data": models })).into_response())
}

pub async fn model(State(_): State<Arc<Api>>, Client(tenant): Client, Path(model): Path<String>) -> Answered {
    let id = agent(&tenant, &model).await?.id;
    let agent = tenant.store.agent(id).await.map_err(ApiError::from)?;
    Ok(axum::Json(shape::model(&agent)).into_response())
}
