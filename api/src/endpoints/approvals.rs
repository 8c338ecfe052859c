//! `GET /api/approvals`, `GET /api/approvals/{id}`, `POST …/approve`, `POST …/deny`: tool calls that wait for a person.

use super::trail::called;
use crate::{
    answer::{Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State};
use colloquy_domain::{
    agent::Approvals,
    approval::{Origin, Taint, Verdict},
    ids::{ApprovalId, ConversationId},
    ports::StoreError,
    time::Timestamp,
};
use colloquy_store::{Actor, Approval, ApprovalFilter, ApprovalStatus, PageRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

const LONGEST_REASON: usize = 500;

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// `pending`, `approved` or `denied`.
    status: Option<String>,
    conversation: Option<String>,
}

impl Filter {
    fn read(&self) -> ApiResult<ApprovalFilter> {
        let wrong = || ApiError::invalid("status", "must be `pending`, `approved` or `denied`");
        let status = self.status.as_deref().map(|s| ApprovalStatus::named(s).ok_or_else(wrong)).transpose()?;
        let conversation = self.conversation.as_deref().map(str::parse::<ConversationId>).transpose()?;
        Ok(ApprovalFilter { conversation, status })
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    conversation: String,
    tool: String,
    /// As the model wrote them: JSON text.
    arguments: String,
    why: Why,
    /// `pending`, `approved` or `denied`.
    status: &'static str,
    /// Nobody decided in the time that the installation sets; it waits on.
    overdue: bool,
    /// The call that this one undoes, as a trail names it; nobody was asked about it then.
    undoes: Option<String>,
    /// Where in the conversation the call was intended.
    turn: u32,
    step: u32,
    index: u32,
    /// The key with which it is carried out, once.
    idempotency_key: String,
    requested_at: String,
    decided_at: Option<String>,
    decided_by: Option<Decider>,
    reason: Option<String>,
    /// The turn that carried it out, or told of the denial.
    carried_out_in: Option<u32>,
    /// Of an approved call: `done`, `failed` or `uncertain`.
    outcome: Option<String>,
    /// The failure's.
    code: Option<String>,
    settled_at: Option<String>,
}

/// Why a person is asked.
#[derive(Serialize, JsonSchema)]
pub struct Why {
    /// The agent's, when it was asked: `tainted` or `unsafe`.
    policy: &'static str,
    /// Arguments that came from elsewhere than the person.
    tainted: Vec<Tainted>,
}

#[derive(Serialize, JsonSchema)]
pub struct Tainted {
    argument: String,
    /// `document`, `tool` or `reply`.
    from: &'static str,
    /// The document's or tool's.
    name: Option<String>,
    document: Option<String>,
    page: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub struct Decider {
    /// `user`, `key` or `system`.
    kind: &'static str,
    id: Option<String>,
}

impl From<Taint> for Tainted {
    fn from(t: Taint) -> Self {
        let (from, name, document, page) = match t.origin {
            Origin::Document { document, name, page } => ("document", Some(name), Some(document.to_string()), page),
            Origin::Tool { name } => ("tool", Some(name), None, None),
            Origin::Reply => ("reply", None, None, None),
            Origin::Image => ("image", None, None, None),
        };
        Self { argument: t.argument, from, name, document, page }
    }
}

impl From<Actor> for Decider {
    fn from(actor: Actor) -> Self {
        match actor {
            Actor::User(id) => Self { kind: "user", id: Some(id.to_string()) },
            Actor::Key(id) => Self { kind: "key", id: Some(id.to_string()) },
            Actor::System => Self { kind: "system", id: None },
        }
    }
}

impl Out {
    fn of(a: Approval, now: Timestamp, patience: Duration) -> Self {
        let (undoes, place) = (a.place.undone(), a.place.undone().unwrap_or(a.place));
        let (outcome, code) = a.outcome.map_or((None, None), |(outcome, code)| (Some(outcome), code));
        Self {
            id: a.id.to_string(),
            conversation: a.conversation.to_string(),
            tool: a.call.name,
            arguments: a.call.arguments,
            why: Why {
                policy: match a.why.policy {
                    Approvals::Never => "never",
                    Approvals::Tainted => "tainted",
                    Approvals::Unsafe => "unsafe",
                },
                tainted: a.why.taints.into_iter().map(Tainted::from).collect(),
            },
            status: a.status.name(),
            overdue: a.status == ApprovalStatus::Pending && now.since(a.requested_at) >= patience,
            undoes: undoes.map(called),
            turn: place.turn,
            step: place.step,
            index: place.index,
            idempotency_key: a.key,
            requested_at: rfc3339(a.requested_at),
            decided_at: a.decided.map(|(_, at)| rfc3339(at)),
            decided_by: a.decided.map(|(who, _)| who.into()),
            reason: a.reason,
            carried_out_in: a.turn,
            outcome,
            code,
            settled_at: a.settled_at.map(rfc3339),
        }
    }
}

pub(super) fn shown(api: &Api, approval: Approval) -> Out {
    Out::of(approval, api.clock.now(), api.options.approval_patience)
}

/// All of a conversation, the newest first.
pub(super) async fn of_conversation(api: &Api, tenant: &Tenant, id: ConversationId) -> ApiResult<Vec<Out>> {
    let filter = ApprovalFilter { conversation: Some(id), status: None };
    let mut all = Vec::new();
    for number in 1.. {
        let found = tenant.store.approvals(filter, PageRequest::new(number, PageRequest::MOST)).await?;
        let last = found.items.len() < PageRequest::MOST as usize;
        all.extend(found.items.into_iter().map(|approval| shown(api, approval)));
        if last {
            break;
        }
    }
    Ok(all)
}

pub async fn list(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let found = tenant.store.approvals(filter.read()?, at.into()).await?;
    page("approvals", found, |approval| shown(&api, approval))
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(shown(&api, tenant.store.approval(id.parse::<ApprovalId>()?).await?))
}

/// The call is carried out, once, in a turn of its conversation.
pub async fn approve(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    decide(&api, &tenant, &id, Verdict::Approved).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// The agent is told, and may pass it on.
    reason: Option<String>,
}

/// The call is not carried out, and the agent is told.
pub async fn deny(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(denial): Body<Denial>,
) -> ApiResult<Of<Out>> {
    let reason = read_reason(denial.reason)?;
    decide(&api, &tenant, &id, Verdict::Denied { reason }).await
}

/// Somebody's words, if there are any.
pub(super) fn read_reason(given: Option<String>) -> ApiResult<Option<String>> {
    let reason = given.map(|r| r.trim().to_owned()).filter(|r| !r.is_empty());
    if reason.as_ref().is_some_and(|r| r.chars().count() > LONGEST_REASON) {
        return Err(ApiError::invalid("reason", format!("must have at most {LONGEST_REASON} characters")));
    }
    Ok(reason)
}

async fn decide(api: &Api, tenant: &Tenant, id: &str, verdict: Verdict) -> ApiResult<Of<Out>> {
    let id = id.parse::<ApprovalId>()?;
    let action = if verdict == Verdict::Approved { "approval.approved" } else { "approval.denied" };
    let decided = tenant.store.decide_approval(id, tenant.who.actor(), verdict).await.map_err(|e| match e {
        StoreError::Conflict(_) => ApiError::conflict("it was decided already"),
        other => other.into(),
    })?;
    // Durable by now: if nobody hears it, the conversation's owner finds it by itself.
    api.node.look(tenant.id, decided.conversation);
    tenant.note(action, id, &decided.call.name).await?;
    ok(shown(api, decided))
}
