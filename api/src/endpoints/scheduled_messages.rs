//! `GET/POST /api/scheduled-messages`, `GET /api/scheduled-messages/{id}`, `POST …/cancel`: one message to one person, at a
//! time.

use super::contact_plan::{channel_id, words};
use crate::{
    answer::{Created, Listed, Of},
    auth::Tenant,
    body::{Body, page_of},
    error::{ApiError, ApiResult, created, ok},
    outreach,
    page::list as page,
    saying::Content,
    state::Api,
    time::{instant, rfc3339},
};
use axum::extract::{Path, Query, State, rejection::QueryRejection};
use colloquy_domain::{
    ids::{ChannelId, ContactId, ConversationId, PlannedId},
    outreach::{Openness, PlannedState, Reason, Words},
    ports::StoreError,
};
use colloquy_store::{NewPlanned, Planned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How far ahead a message can be planned.
const FARTHEST: Duration = Duration::from_secs(400 * 24 * 3_600);
/// Rows of a page, unless another number is asked for.
const USUAL: u32 = 20;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    pub(super) id: String,
    contact_id: String,
    /// The channel that is tried first.
    channel_id: Option<String>,
    content: Value,
    send_at: String,
    /// `waiting`, `sent`, `failed`, `skipped` or `cancelled`.
    state: &'static str,
    /// Why it failed or was skipped.
    reason: Option<String>,
    conversation_id: Option<String>,
    message_id: Option<String>,
    /// Of the message that it became: `queued`, `uncertain`, `sent`, `delivered`, `read` or `failed`.
    delivery: Option<String>,
    /// Why that failed.
    error: Option<String>,
    created_at: String,
    settled_at: Option<String>,
}

impl From<Planned> for Out {
    fn from(p: Planned) -> Self {
        Self {
            id: p.id.to_string(),
            contact_id: p.contact.to_string(),
            channel_id: p.channel.map(|c| c.to_string()),
            content: p.words.as_ref().map_or(Value::Null, content),
            send_at: rfc3339(p.due_at),
            state: p.state.name(),
            reason: p.reason,
            conversation_id: p.conversation.map(|c| c.to_string()),
            message_id: p.message.map(|m| m.to_string()),
            delivery: p.delivery,
            error: p.cause.map(|c| c.to_string()),
            created_at: rfc3339(p.created_at),
            settled_at: p.settled_at.map(rfc3339),
        }
    }
}

/// As it was asked for.
pub(super) fn content(words: &Words) -> Value {
    match words {
        Words::Text { text } => json!({ "text": text }),
        Words::Template { name, language, parameters } => {
            json!({ "name": name, "language": language, "parameters": parameters })
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct New {
    /// Whom it is for; or the conversation that it belongs to.
    contact_id: Option<String>,
    conversation_id: Option<String>,
    /// The channel that is tried first; the conversation's if that is named.
    channel_id: Option<String>,
    /// With its zone or its distance from UTC.
    send_at: String,
    /// `text` or `template`.
    #[serde(rename = "type")]
    kind: Option<String>,
    content: Content,
}

impl New {
    async fn to(&self, tenant: &Tenant) -> ApiResult<(ContactId, Option<ChannelId>)> {
        let channel = channel_id(self.channel_id.as_deref())?;
        match (&self.contact_id, &self.conversation_id) {
            (Some(id), None) => {
                let id = id.parse::<ContactId>().map_err(|e| ApiError::invalid("contactId", e.to_string()))?;
                match tenant.store.contact(id).await {
                    Err(StoreError::NotFound(_)) => Err(ApiError::invalid("contactId", "there is no such contact")),
                    found => Ok((found?.id, channel)),
                }
            }
            (None, Some(id)) => {
                let wrong = |message: String| ApiError::invalid("conversationId", message);
                let id = id.parse::<ConversationId>().map_err(|e| wrong(e.to_string()))?;
                match tenant.store.conversation(id).await {
                    Err(StoreError::NotFound(_)) => Err(wrong("there is no such conversation".to_owned())),
                    found => found.map(|c| (c.contact, channel.or(Some(c.channel)))).map_err(ApiError::from),
                }
            }
            _ => Err(ApiError::invalid("contactId", "either contactId or conversationId is needed")),
        }
    }
}

/// What can be told at once is told at once: an address that is missing, words that fit nowhere.
async fn check(api: &Api, tenant: &Tenant, to: ContactId, words: &Words, channel: Option<ChannelId>) -> ApiResult<()> {
    let looked = outreach::look(api, tenant, to, words, None).await?;
    if channel.is_some_and(|c| !looked.there.contains_key(&c)) {
        return Err(ApiError::invalid("channelId", "the contact has no address on such a channel"));
    }
    let plan = looked.plan(api, words, channel);
    let hopeless = |r: Reason| matches!(r, Reason::NotWritable | Reason::NoAddress);
    if plan.ways.iter().all(|w| w.openness == Openness::Closed && hopeless(w.reason)) {
        return Err(ApiError::invalid("contactId", "has no address that can be written to"));
    }
    let mut said = looked.there.into_values().map(|there| there.said.map(|_| ()));
    let first = said.next().unwrap_or(Ok(()));
    if first.is_err() && !said.any(|s| s.is_ok()) { first } else { Ok(()) }
}

pub async fn create(State(api): State<Arc<Api>>, tenant: Tenant, Body(new): Body<New>) -> ApiResult<Created<Out>> {
    let due_at = instant("sendAt", &new.send_at)?;
    let now = api.clock.now();
    if due_at <= now {
        return Err(ApiError::invalid("sendAt", "must be in the future"));
    }
    if due_at > now + FARTHEST {
        return Err(ApiError::invalid("sendAt", "must be within 400 days"));
    }
    let (contact, channel) = new.to(&tenant).await?;
    let words = words(new.content, new.kind.as_deref())?;
    super::messages::check_consent(&tenant, contact).await?;
    check(&api, &tenant, contact, &words, channel).await?;
    created(Out::from(tenant.store.plan_message(NewPlanned { contact, channel, words, due_at }).await?))
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// `waiting`, `sent`, `failed`, `skipped` or `cancelled`.
    state: Option<String>,
    page: Option<u32>,
    limit: Option<u32>,
}

pub(super) fn state(text: Option<&str>) -> ApiResult<Option<PlannedState>> {
    let wrong = || ApiError::invalid("state", "must be waiting, sent, failed, skipped or cancelled");
    text.map(|name| PlannedState::named(name).ok_or_else(wrong)).transpose()
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    filter: Result<Query<Filter>, QueryRejection>,
) -> ApiResult<Listed<Out>> {
    let Query(filter) = filter.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let at = page_of(filter.page, filter.limit, USUAL)?;
    let found = tenant.store.all_planned(state(filter.state.as_deref())?, at.into()).await?;
    page("scheduled_messages", found, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(tenant.store.planned(id.parse::<PlannedId>()?).await?))
}

pub async fn cancel(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let id = id.parse::<PlannedId>()?;
    match tenant.store.cancel_planned(id).await {
        Err(StoreError::Conflict(_)) => Err(ApiError::conflict("the message does not wait any more")),
        done => ok(Out::from(done?)),
    }
}
