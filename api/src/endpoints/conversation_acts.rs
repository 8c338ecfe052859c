//! What a team does with a conversation: `PUT/PATCH /api/conversations/{id}`, `POST …/messages`, `PUT …/assign`,
//! `PUT …/close`, `PUT …/reopen`, `PUT …/read`, `GET/POST …/notes`.

use super::{
    agents,
    conversations::{closed, seen},
    messages,
};
use crate::{
    answer::{Created, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    desk,
    error::{ApiError, ApiResult, created, ok},
    page::list as page,
    saying::{self, Content, Said},
    state::Api,
    time::rfc3339,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use colloquy_domain::{
    conversation::Input,
    ids::{AgentId, ConversationId, UserId},
    ports::StoreError,
};
use colloquy_store::Note;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

/// Tags of one conversation or contact.
const MOST_TAGS: usize = 50;
const LONGEST_TAG: usize = 64;
const LONGEST_NOTE: usize = 10_000;

/// What changes; what is absent stays as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    mode: Option<Mode>,
    /// Why a person takes it.
    reason: Option<String>,
    /// What whoever reads the conversation next should know, when the agent takes it back; kept as a note.
    summary: Option<String>,
    status: Option<String>,
    /// The agent that has it from now on, by its name or id; `null` is the channel's own.
    #[serde(default, deserialize_with = "given")]
    agent: Option<Option<String>>,
    /// `null` takes it away from whoever has it.
    #[serde(default, alias = "assignedTo", deserialize_with = "given")]
    assigned_to: Option<Option<String>>,
    tags: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Agent,
    Operator,
}

/// Tells `null` from nothing.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

/// What was asked for, found good.
struct Checked {
    closed: Option<bool>,
    agent: Option<Option<AgentId>>,
    assigned_to: Option<Option<UserId>>,
    tags: Option<Vec<String>>,
    summary: Option<String>,
}

/// Everything is looked at before anything is changed.
async fn check(tenant: &Tenant, change: &Change) -> ApiResult<Checked> {
    if change.reason.as_ref().is_some_and(|r| r.chars().count() > 500) {
        return Err(ApiError::invalid("reason", "must have at most 500 characters"));
    }
    if change.mode.is_none() && (change.reason.is_some() || change.summary.is_some()) {
        return Err(ApiError::invalid("mode", "is needed with reason or summary"));
    }
    let nothing = change.status.is_none() && change.assigned_to.is_none() && change.tags.is_none();
    if nothing && change.mode.is_none() && change.agent.is_none() {
        return Err(ApiError::invalid("body", "one of mode, agent, status, assignedTo and tags is needed"));
    }
    Ok(Checked {
        closed: change.status.as_deref().map(|s| closed("status", s)).transpose()?,
        agent: match &change.agent {
            Some(Some(named)) => Some(Some(agent(tenant, named).await?)),
            Some(None) => Some(None),
            None => None,
        },
        assigned_to: match &change.assigned_to {
            Some(Some(user)) => Some(Some(colleague(tenant, "assignedTo", user).await?)),
            Some(None) => Some(None),
            None => None,
        },
        tags: change.tags.as_deref().map(|t| tags("tags", t)).transpose()?,
        summary: change.summary.as_deref().map(|s| note("summary", s)).transpose()?,
    })
}

/// # Errors
/// 400: no such person in the tenant.
async fn colleague(tenant: &Tenant, field: &str, id: &str) -> ApiResult<UserId> {
    let id = id.parse::<UserId>().map_err(|e| ApiError::invalid(field, e.to_string()))?;
    match tenant.store.user(id).await {
        Ok(user) if user.disabled_at.is_none() => Ok(id),
        Ok(_) => Err(ApiError::invalid(field, "this person is disabled")),
        Err(StoreError::NotFound(_)) => Err(ApiError::invalid(field, "there is no such person")),
        Err(e) => Err(e.into()),
    }
}

/// # Errors
/// 400: no such agent, or one that is switched off.
async fn agent(tenant: &Tenant, named: &str) -> ApiResult<AgentId> {
    match agents::find(&tenant.store, named).await {
        Ok(agent) if agent.enabled => Ok(agent.id),
        Ok(_) => Err(ApiError::invalid("agent", "this agent is switched off")),
        Err(ApiError { status: StatusCode::NOT_FOUND, .. }) => {
            Err(ApiError::invalid("agent", "there is no such agent"))
        }
        Err(e) => Err(e),
    }
}

/// In lower case, each once, in order.
///
/// # Errors
/// 400, naming the tag.
pub(super) fn tags(field: &str, given: &[String]) -> ApiResult<Vec<String>> {
    let mut tags: Vec<String> = Vec::new();
    for (n, tag) in given.iter().enumerate() {
        let tag = tag.trim().to_lowercase();
        if tag.is_empty() || tag.chars().count() > LONGEST_TAG || tag.chars().any(char::is_control) {
            return Err(ApiError::invalid(format!("{field}[{n}]"), format!("must have 1 to {LONGEST_TAG} characters")));
        }
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(ApiError::invalid(field, format!("must be at most {MOST_TAGS}")));
    }
    Ok(tags)
}

fn note(field: &str, text: &str) -> ApiResult<String> {
    let text = text.trim();
    match text.chars().count() {
        1..=LONGEST_NOTE => Ok(text.to_owned()),
        _ => Err(ApiError::invalid(field, format!("must have 1 to {LONGEST_NOTE} characters"))),
    }
}

fn author(tenant: &Tenant) -> Option<UserId> {
    tenant.person().ok().map(|(user, _)| user.id)
}

/// A person takes the conversation or gives it back; it is closed, opened, assigned, tagged.
pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(change): Body<Change>,
) -> ApiResult<Of<Acted>> {
    let id = tenant.store.conversation(id.parse::<ConversationId>()?).await?.id;
    let checked = check(&tenant, &change).await?;
    if let Some(tags) = &checked.tags {
        tenant.store.tag_conversation(id, tags).await?;
    }
    if let Some(to) = checked.assigned_to {
        tenant.store.assign(id, to).await?;
    }
    if let Some(closed) = checked.closed {
        tenant.store.close_conversation(id, closed).await?;
    }
    if let Some(summary) = checked.summary {
        tenant.store.add_note(id, author(&tenant), summary).await?;
    }
    if let Some(agent) = checked.agent {
        desk::act(&api, &tenant, id, Input::AgentChosen { agent }).await?;
    }
    match change.mode {
        Some(Mode::Operator) => take_over(&api, &tenant, id, change.reason).await?,
        Some(Mode::Agent) => _ = desk::act(&api, &tenant, id, Input::Returned).await?,
        None => {}
    }
    shown(&tenant, id).await
}

async fn take_over(api: &Api, tenant: &Tenant, id: ConversationId, reason: Option<String>) -> ApiResult<()> {
    let reason = reason.unwrap_or_else(|| "a person of the team took over".to_owned());
    desk::act(api, tenant, id, Input::TakenOver { reason }).await?;
    desk::take_control(api, tenant, id);
    if let Some(person) = author(tenant) {
        tenant.store.assign_if_free(id, person).await?;
    }
    Ok(())
}

/// The conversation as it is now.
#[derive(Serialize, JsonSchema)]
pub struct Acted {
    #[serde(flatten)]
    conversation: super::conversations::Out,
    accepted: bool,
}

/// As it is now.
async fn shown(tenant: &Tenant, id: ConversationId) -> ApiResult<Of<Acted>> {
    ok(Acted { conversation: seen(tenant, id).await?, accepted: true })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// A person's id; `null` takes the conversation away from whoever has it.
    #[serde(alias = "assignedTo", alias = "userId", alias = "user_id", alias = "agentId")]
    assigned_to: Option<String>,
}

pub async fn assign(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(to): Body<Assignment>,
) -> ApiResult<Of<Acted>> {
    let id = id.parse::<ConversationId>()?;
    let to = match to.assigned_to.as_deref() {
        Some(user) => Some(colleague(&tenant, "assignedTo", user).await?),
        None => None,
    };
    tenant.store.assign(id, to).await?;
    shown(&tenant, id).await
}

pub async fn close(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Acted>> {
    let id = id.parse::<ConversationId>()?;
    tenant.store.close_conversation(id, true).await?;
    shown(&tenant, id).await
}

pub async fn reopen(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Acted>> {
    let id = id.parse::<ConversationId>()?;
    tenant.store.close_conversation(id, false).await?;
    shown(&tenant, id).await
}

/// Whoever asks has read everything so far.
pub async fn read(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Acted>> {
    let id = id.parse::<ConversationId>()?;
    tenant.store.mark_read(id, tenant.who.reader()).await?;
    shown(&tenant, id).await
}

/// Either `{text}`, or `{type, content}` as in `POST /api/messages`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    text: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    content: Option<Content>,
}

/// A person of the team answers.
pub async fn say(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(words): Body<Words>,
) -> ApiResult<Created<messages::Out>> {
    created(said(&api, &tenant, &id, words).await?)
}

/// What was said for the team, over whatever connection.
///
/// # Errors
/// As [`desk::say`], and 404.
pub async fn said(api: &Api, tenant: &Tenant, id: &str, words: Words) -> ApiResult<messages::Out> {
    let to = tenant.store.conversation(id.parse::<ConversationId>()?).await?;
    let kind = words.kind.as_deref();
    let asked = match (words.text, words.content) {
        (Some(text), _) if saying::is_words(kind) => Said::words("text", &text)?.into(),
        (_, Some(content)) => content.read(kind)?,
        (_, None) => {
            let field = if saying::is_words(kind) { "text" } else { "content" };
            return Err(ApiError::invalid(field, "is needed"));
        }
    };
    if asked.is_template() {
        // An answer is what they asked for; a template is not.
        messages::check_consent(tenant, to.contact).await?;
    }
    let account = tenant.store.channel(to.channel).await?.account;
    let said = asked.on(api, tenant, &account, Some(to.id)).await?;
    let said = desk::say(api, tenant, &account, &to, said).await?;
    Ok(tenant.store.message(said).await?.into())
}

#[derive(Serialize, JsonSchema)]
pub struct NoteOut {
    id: String,
    author: Option<String>,
    text: String,
    created_at: String,
}

impl From<Note> for NoteOut {
    fn from(n: Note) -> Self {
        Self { id: n.id.to_string(), author: n.author.map(|a| a.to_string()), text: n.text, created_at: rfc3339(n.at) }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    text: String,
}

pub async fn notes(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    at: PageOf,
) -> ApiResult<Listed<NoteOut>> {
    let id = tenant.store.conversation(id.parse::<ConversationId>()?).await?.id;
    page("notes", tenant.store.notes(id, at.into()).await?, NoteOut::from)
}

/// Nobody outside sees it.
pub async fn add_note(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(new): Body<NewNote>,
) -> ApiResult<Created<NoteOut>> {
    let text = note("text", &new.text)?;
    created(NoteOut::from(tenant.store.add_note(id.parse::<ConversationId>()?, author(&tenant), text).await?))
}
