//! `GET /api/conversations/{id}/trail`: what the agent did, turn by turn, what it cost, and what of it was undone.

use super::{
    approvals::{self, Decider},
    team::{self, Names},
};
use crate::{
    answer::{Accepted, Listed},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, accepted},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State, rejection::QueryRejection};
use colloquy_domain::{
    approval::{CallPlace, Undoing},
    ids::{ConversationId, StepNo, TurnNo},
    model::Usage,
    ports::StoreError,
    tool::{ToolCall, ToolStatus, Undo},
};
use colloquy_store::{Approval, PageRequest, SettledCall, TurnStep, TurnTrail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// `?turn=3`; without it all turns, the newest first.
#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    turn: Option<TurnNo>,
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    /// As the lines of a transcript name it.
    turn: TurnNo,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_usd: f64,
    steps: Vec<StepOut>,
}

/// One completion.
#[derive(Serialize, JsonSchema)]
struct StepOut {
    step: StepNo,
    /// Whose it was, by id; absent if the channel's own agent's.
    agent: Option<String>,
    agent_name: Option<String>,
    at: String,
    /// What the model said beside its calls.
    text: String,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_usd: f64,
    calls: Vec<CallOut>,
}

#[derive(Serialize, JsonSchema)]
struct CallOut {
    /// Turn, step and place: what `…/trail/{call}/undo` names it by.
    id: String,
    tool: String,
    /// As the model wrote them: JSON, if it did well.
    arguments: String,
    /// `done`, `failed` or `uncertain`; absent while it is under way.
    status: Option<&'static str>,
    /// What the model read.
    result: Option<String>,
    /// Why it failed, or why nobody knows.
    cause: Option<String>,
    settled_at: Option<String>,
    /// What undoes it; absent if nothing does.
    undo: Option<UndoOut>,
}

/// The call that undoes another.
#[derive(Serialize, JsonSchema)]
struct UndoOut {
    tool: String,
    /// JSON.
    arguments: String,
    /// Also without anybody's word, if the turn ends in failure.
    automatic: bool,
    /// `ordered`, `done`, `failed` or `uncertain`; absent while nobody wants it.
    status: Option<String>,
    /// The failure's.
    code: Option<String>,
    by: Option<Decider>,
    /// The words of who ordered it, or the code of the failure that it follows from.
    reason: Option<String>,
    ordered_at: Option<String>,
    /// The turn that carried it out.
    carried_out_in: Option<TurnNo>,
}

/// Orders to undo calls, by what they undo.
type Orders = BTreeMap<CallPlace, Approval>;

/// What a trail calls a call.
pub(super) fn called(place: CallPlace) -> String {
    format!("{}.{}.{}", place.turn, place.step, place.index)
}

fn usd(usage: Usage) -> f64 {
    usage.cost_micros as f64 / 1e6
}

impl Out {
    fn of(t: TurnTrail, names: &Names, orders: &Orders) -> Self {
        let mut usage = Usage::default();
        t.steps.iter().for_each(|s| usage += s.completion.usage);
        Self {
            turn: t.turn,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            cost_usd: usd(usage),
            steps: t.steps.into_iter().map(|s| StepOut::of((t.turn, s), names, orders)).collect(),
        }
    }
}

impl StepOut {
    fn of((turn, s): (TurnNo, TurnStep), names: &Names, orders: &Orders) -> Self {
        let place = |index| CallPlace { turn, step: s.step, index };
        let (usage, mut results): (_, BTreeMap<_, _>) = (s.completion.usage, s.results);
        let calls = (0..).zip(s.completion.calls);
        Self {
            step: s.step,
            agent: s.agent.map(|a| a.to_string()),
            agent_name: s.agent.and_then(|a| names.get(&a).cloned()),
            at: rfc3339(s.at),
            text: s.completion.text,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            cost_usd: usd(usage),
            calls: calls.map(|(n, call)| CallOut::of(place(n), call, results.remove(&n), orders)).collect(),
        }
    }
}

impl CallOut {
    fn of(place: CallPlace, call: ToolCall, settled: Option<SettledCall>, orders: &Orders) -> Self {
        let (id, ToolCall { name: tool, arguments, .. }) = (called(place), call);
        let Some(SettledCall { result, at }) = settled else {
            return Self { id, tool, arguments, status: None, result: None, cause: None, settled_at: None, undo: None };
        };
        let (status, cause) = match result.status {
            ToolStatus::Done => ("done", None),
            ToolStatus::Failed { failure } => ("failed", Some(failure)),
            ToolStatus::Uncertain { failure } => ("uncertain", Some(failure)),
        };
        Self {
            id,
            tool,
            arguments,
            undo: result.undo.map(|undo| UndoOut::of(undo, orders.get(&place))),
            status: Some(status),
            result: Some(result.content),
            cause: cause.map(|f| f.to_string()),
            settled_at: Some(rfc3339(at)),
        }
    }
}

impl UndoOut {
    fn of(undo: Undo, ordered: Option<&Approval>) -> Self {
        let Undo { tool, arguments, automatic } = undo;
        let outcome = |a: &Approval| a.outcome.as_ref().map_or("ordered", |(outcome, _)| outcome).to_owned();
        Self {
            tool,
            arguments,
            automatic,
            status: ordered.map(outcome),
            code: ordered.and_then(|a| a.outcome.clone()).and_then(|(_, code)| code),
            by: ordered.and_then(|a| a.decided).map(|(who, _)| who.into()),
            reason: ordered.and_then(|a| a.reason.clone()),
            ordered_at: ordered.and_then(|a| a.decided).map(|(_, at)| rfc3339(at)),
            carried_out_in: ordered.and_then(|a| a.turn),
        }
    }
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    filter: Result<Query<Filter>, QueryRejection>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let Query(Filter { turn }) = filter.map_err(|e| ApiError::invalid("query", e.body_text()))?;
    let conversation = tenant.store.conversation(id.parse::<ConversationId>()?).await?;
    let turns = tenant.store.trail(conversation.id, turn, at.into()).await?;
    let names = team::called(&tenant, turns.items.iter().flat_map(|t| &t.steps).filter_map(|s| s.agent)).await?;
    let shown = turns.items.iter().map(|t| t.turn);
    let orders = match (shown.clone().min(), shown.max()) {
        (Some(first), Some(last)) => tenant.store.undoing(conversation.id, (first, last)).await?,
        _ => Vec::new(),
    };
    let orders = orders.into_iter().filter_map(|a| Some((a.place.undone()?, a))).collect();
    page("turns", turns, |t| Out::of(t, &names, &orders))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Kept with it.
    reason: Option<String>,
}

/// What a call did is undone by the tool that was declared for that, once; again if that failed.
pub async fn undo(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path((id, call)): Path<(String, String)>,
    Body(Order { reason }): Body<Order>,
) -> ApiResult<Accepted<approvals::Out>> {
    let place = place(&call).ok_or_else(|| ApiError::not_found("call"))?;
    let reason = approvals::read_reason(reason)?;
    let conversation = tenant.store.conversation(id.parse::<ConversationId>()?).await?;
    let turns = tenant.store.trail(conversation.id, Some(place.turn), PageRequest::new(1, 1)).await?;
    let step = turns.items.into_iter().flat_map(|t| t.steps).find(|s| s.step == place.step);
    let mut step = step.ok_or_else(|| ApiError::not_found("call"))?;
    let settled = step.results.remove(&place.index).map(|settled| settled.result);
    if settled.is_none() && step.completion.calls.len() <= place.index as usize {
        return Err(ApiError::not_found("call"));
    }
    let undo = settled.filter(|result| result.status == ToolStatus::Done).and_then(|result| result.undo);
    let undo = undo.ok_or_else(|| ApiError::conflict("the call was not carried out, or nothing undoes its tool"))?;
    let undoing = Undoing::of(place, &undo, (tenant.id, conversation.id));
    let ordered = tenant.store.order_undo(conversation.id, undoing, tenant.who.actor(), reason).await;
    let ordered = ordered.map_err(|e| match e {
        StoreError::Conflict(_) => ApiError::conflict("it was undone already, or is about to be"),
        other => other.into(),
    })?;
    // Durable by now: if nobody hears it, the conversation's owner finds it by itself.
    api.node.look(tenant.id, conversation.id);
    tenant.note("call.undo_ordered", ordered.id, &ordered.call.name).await?;
    accepted(approvals::shown(&api, ordered))
}

/// The place that a trail calls so.
fn place(call: &str) -> Option<CallPlace> {
    let mut parts = call.split('.').map(|part| part.parse::<u32>().ok());
    let (turn, step, index) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(CallPlace { turn, step, index })
}
