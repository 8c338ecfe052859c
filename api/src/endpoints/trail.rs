//! `GET /api/conversations/{id}/trail`: what the agent did, turn by turn, and what it cost.

use super::team::{self, Names};
use crate::{
    answer::Listed,
    auth::Tenant,
    body::PageOf,
    error::{ApiError, ApiResult},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State, rejection::QueryRejection};
use colloquy_domain::{
    ids::{ConversationId, StepNo, TurnNo},
    model::Usage,
    tool::{ToolCall, ToolStatus},
};
use colloquy_store::{SettledCall, TurnStep, TurnTrail};
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
}

fn usd(usage: Usage) -> f64 {
    usage.cost_micros as f64 / 1e6
}

impl Out {
    fn of(t: TurnTrail, names: &Names) -> Self {
        let mut usage = Usage::default();
        t.steps.iter().for_each(|s| usage += s.completion.usage);
        Self {
            turn: t.turn,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            cost_usd: usd(usage),
            steps: t.steps.into_iter().map(|s| StepOut::of(s, names)).collect(),
        }
    }
}

impl StepOut {
    fn of(s: TurnStep, names: &Names) -> Self {
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
            calls: calls.map(|(place, call)| CallOut::of(call, results.remove(&place))).collect(),
        }
    }
}

impl CallOut {
    fn of(call: ToolCall, settled: Option<SettledCall>) -> Self {
        let ToolCall { name: tool, arguments, .. } = call;
        let Some(SettledCall { result, at }) = settled else {
            return Self { tool, arguments, status: None, result: None, cause: None, settled_at: None };
        };
        let (status, cause) = match result.status {
            ToolStatus::Done => ("done", None),
            ToolStatus::Failed { failure } => ("failed", Some(failure)),
            ToolStatus::Uncertain { failure } => ("uncertain", Some(failure)),
        };
        Self {
            tool,
            arguments,
            status: Some(status),
            result: Some(result.content),
            cause: cause.map(|f| f.to_string()),
            settled_at: Some(rfc3339(at)),
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
    page("turns", turns, |t| Out::of(t, &names))
}
