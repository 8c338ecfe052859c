//! What people of a team do with a conversation's voice: decided by the same pure core as everything else in it, and
//! written behind the same version. An actor that was about to speak on an older state is refused by the database.

use crate::{
    ask::fresh_agent,
    auth::{Tenant, Who},
    error::{ApiError, ApiResult},
    saying::Said,
    state::Api,
};
use axum::http::StatusCode;
use colloquy_domain::{
    channel::ChannelAccount,
    conversation::{Commit, Conversation, Ctx, Input, Written, decide, project},
    ids::{ConversationId, MessageId},
    model::Usage,
    outbound::{Checks, Reply},
    ports::{Notice, StoreError},
    time::Timestamp,
};
use colloquy_store::ConversationSummary;
use std::sync::Arc;

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

pub(crate) async fn decided(api: &Api, tenant: &Tenant, id: ConversationId, input: Input) -> ApiResult<Option<Commit>> {
    let loaded = tenant.store.load(id).await?;
    // An agent that was removed still has a conversation that people can answer.
    let profile = match tenant.store.agent(loaded.snapshot.active.unwrap_or(loaded.agent)).await {
        Err(StoreError::NotFound(_)) => fresh_agent(api, tenant.id),
        found => found?.profile,
    };
    let state = Conversation::restore(loaded.key, loaded.snapshot);
    let now = api.clock.now();
    let decision = decide(&state, input, &Ctx { now, profile: &profile, own: loaded.agent });
    Ok(project(state, &decision.events, loaded.version, now, api.ids.as_ref()).1)
}

/// Whoever computes on the state before begins again, the outbox is looked at, listeners hear of it.
pub(crate) fn told(api: &Api, commit: &Commit) {
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

/// Where other programs answer on the same channel, the conversation is taken from them. Nobody waits for it: whoever writes
/// before takes it as well.
pub fn take_control(api: &Api, tenant: &Tenant, id: ConversationId) {
    let (channels, store, tenant) = (Arc::clone(&api.channels), tenant.store.clone(), tenant.id);
    tokio::spawn(async move {
        let Ok(loaded) = store.load(id).await else { return };
        let Ok(Some(account)) = channels.account(loaded.key.channel).await else { return };
        let Some(driver) = channels.driver(&account.kind) else { return };
        if let Err(failure) = driver.take_control(&account, &loaded.key.peer).await {
            tracing::warn!(
                tenant.id = %tenant, conversation.id = %id, channel.id = %account.id, error = %failure,
                "the conversation could not be taken from the other program"
            );
        }
    });
}

/// Says something for the team. Whoever speaks has the conversation, unless somebody else does.
///
/// # Errors
/// 409 `WINDOW_CLOSED`, otherwise as [`act`].
pub async fn say(
    api: &Api,
    tenant: &Tenant,
    account: &ChannelAccount,
    to: &ConversationSummary,
    said: Said,
) -> ApiResult<MessageId> {
    check_window(api, tenant, account, &said, (to.received > 0).then_some(to.last_inbound_at))?;
    let author = match &tenant.who {
        Who::Person { user, .. } => Some(user.id),
        Who::Key { .. } | Who::System => None,
    };
    let Said { text, rich, template } = said;
    let words = Written { text, rich, author, template, planned: false, last_inbound_at: to.last_inbound_at };
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

/// Whether it may be sent to somebody who last wrote then, if ever: what was approved beforehand always may. It is looked
/// at again when it is sent.
///
/// # Errors
/// 409 `WINDOW_CLOSED`.
pub fn check_window(
    api: &Api,
    tenant: &Tenant,
    account: &ChannelAccount,
    said: &Said,
    last_inbound_at: Option<Timestamp>,
) -> ApiResult<()> {
    let kind = &account.kind;
    let Some(driver) = api.channels.driver(kind) else { return Ok(()) };
    if said.template.is_some() && driver.templates().is_some() {
        return Ok(());
    }
    let window = match tenant.who {
        Who::Person { .. } => driver.person_window(account),
        Who::Key { .. } | Who::System => driver.reply_window(),
    };
    let Some(window) = window else { return Ok(()) };
    if last_inbound_at.is_some_and(|at| api.clock.now().since(at) <= window) {
        return Ok(());
    }
    let hours = window.as_secs() / 3600;
    let message = format!("{kind} takes free text only within {hours} hours of the person's last message");
    Err(ApiError::new(StatusCode::CONFLICT, "WINDOW_CLOSED", message))
}
