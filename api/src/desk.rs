//! What people of a team do with a conversation's voice: decided by the same pure core as everything else in it, and
//! written behind the same version. An actor that was about to speak on an older state is refused by the database.

use crate::{
    ask::fresh_agent,
    auth::{Tenant, Who},
    error::{ApiError, ApiResult},
    state::Api,
};
use axum::http::StatusCode;
use colloquy_domain::{
    channel::ChannelKind,
    conversation::{Commit, Conversation, Ctx, Input, Written, decide, project},
    ids::{ConversationId, MessageId},
    model::Usage,
    outbound::{Checks, Reply},
    ports::{Notice, StoreError},
    template::{Filled, TemplateCall},
    time::Timestamp,
};
use colloquy_store::ConversationSummary;

/// How often an act is decided anew because something else happened in the conversation.
const TRIES: usize = 8;
/// Characters of one message; a channel cuts what is too long for it.
const LONGEST: usize = 10_000;

/// Decides and writes; whoever computes on the state before is told to begin again.
///
/// # Errors
/// 404, 409 if the conversation never came to rest, or the store's.
pub async fn act(api: &Api, tenant: &Tenant, id: ConversationId, input: Input) -> ApiResult<Option<Commit>> {
    for _ in 0..TRIES {
        let Some(commit) = decided(api, tenant, id, input.clone()).await? else { return Ok(None) };
        match tenant.store.commit_act(commit.clone()).await {
            Ok(()) => {
                told(api, &commit);
                return Ok(Some(commit));
            }
            Err(StoreError::Stale) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Err(StoreError::Stale.into())
}

async fn decided(api: &Api, tenant: &Tenant, id: ConversationId, input: Input) -> ApiResult<Option<Commit>> {
    let loaded = tenant.store.load(id).await?;
    // An agent that was removed still has a conversation that people can answer.
    let profile = match tenant.store.agent(loaded.agent).await {
        Err(StoreError::NotFound(_)) => fresh_agent(api, tenant.id),
        found => found?.profile,
    };
    let state = Conversation::restore(loaded.key, loaded.snapshot);
    let now = api.clock.now();
    let decision = decide(&state, input, &Ctx { now, profile: &profile });
    Ok(project(state, &decision.events, loaded.version, now, api.ids.as_ref()).1)
}

fn told(api: &Api, commit: &Commit) {
    let (tenant, conversation) = (commit.tenant, commit.conversation);
    api.node.renew(tenant, conversation);
    if !commit.outbox.is_empty() {
        api.node.wake_channel(commit.channel);
    }
    for said in &commit.messages {
        let (text, checks) = (said.text.clone(), Checks::default());
        let (citations, usage) = (Vec::new(), Usage::default());
        let reply = Reply { turn: 0, text, citations, abstained: false, checks, usage };
        api.node.announce(Notice::Replied { tenant, conversation, message: said.id, reply });
    }
    if !commit.settled.is_empty() {
        api.node.announce(Notice::Settled { tenant, conversation, settled: commit.settled.clone() });
    }
}

/// What is to be said.
#[derive(Debug, Clone)]
pub struct Words {
    text: String,
    /// They are this template's.
    template: Option<TemplateCall>,
}

impl Words {
    /// # Errors
    /// 400, naming the field.
    pub fn free(field: &str, text: &str) -> ApiResult<Self> {
        Ok(Self { text: words(field, text)?, template: None })
    }

    #[must_use]
    pub fn template(filled: Filled) -> Self {
        Self { text: filled.text, template: Some(filled.call) }
    }

    /// Whether they may be sent to somebody who last wrote then, if ever. What was approved beforehand always may.
    ///
    /// # Errors
    /// 409 `WINDOW_CLOSED`.
    pub fn check_window(&self, api: &Api, kind: &ChannelKind, last_inbound_at: Option<Timestamp>) -> ApiResult<()> {
        let approves = || api.channels.driver(kind).is_some_and(|d| d.templates().is_some());
        if self.template.is_some() && approves() {
            return Ok(());
        }
        check_window(api, kind, last_inbound_at)
    }
}

/// Says something for the team. Whoever speaks has the conversation, unless somebody else does.
///
/// # Errors
/// 409 `WINDOW_CLOSED`, otherwise as [`act`].
pub async fn say(api: &Api, tenant: &Tenant, to: &ConversationSummary, words: Words) -> ApiResult<MessageId> {
    words.check_window(api, &to.kind, (to.received > 0).then_some(to.last_inbound_at))?;
    let author = match &tenant.who {
        Who::Person { user, .. } => Some(user.id),
        Who::Key { .. } | Who::System => None,
    };
    let Words { text, template } = words;
    let words = Written { text, author, template, last_inbound_at: to.last_inbound_at };
    let commit = act(api, tenant, to.id, Input::Wrote(words)).await?;
    if let Some(author) = author {
        tenant.store.assign_if_free(to.id, author).await?;
    }
    let said = commit.and_then(|c| c.messages.last().map(|m| m.id));
    said.ok_or_else(ApiError::internal)
}

/// # Errors
/// 400, naming the field.
pub fn words(field: &str, text: &str) -> ApiResult<String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(ApiError::invalid(field, "must not be empty")),
        n if n > LONGEST => Err(ApiError::invalid(field, format!("must have at most {LONGEST} characters"))),
        _ => Ok(text.to_owned()),
    }
}

/// Whether free text may be sent to somebody who last wrote then, if ever. It is looked at again when it is sent.
///
/// # Errors
/// 409 `WINDOW_CLOSED`.
fn check_window(api: &Api, kind: &ChannelKind, last_inbound_at: Option<Timestamp>) -> ApiResult<()> {
    let Some(window) = api.channels.driver(kind).and_then(|d| d.reply_window()) else { return Ok(()) };
    if last_inbound_at.is_some_and(|at| api.clock.now().since(at) <= window) {
        return Ok(());
    }
    let hours = window.as_secs() / 3600;
    let message = format!("{kind} takes free text only within {hours} hours of the person's last message");
    Err(ApiError::new(StatusCode::CONFLICT, "WINDOW_CLOSED", message))
}
