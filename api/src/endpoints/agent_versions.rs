//! `GET /api/agents/{id}/versions`, `GET /api/agents/{id}/versions/{version}`,
//! `POST /api/agents/{id}/versions/{version}/restore`: what an agent was, what was changed, and the way back.

use super::{
    agents::{self, Out as AgentOut},
    approvals::Decider,
};
use crate::{
    answer::{Listed, Of},
    auth::Tenant,
    body::PageOf,
    error::{ApiError, ApiResult, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State};
use colloquy_domain::{ids::AgentId, ports::StoreError};
use colloquy_store::{Agent, AgentVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

#[derive(Serialize, JsonSchema)]
pub struct Line {
    version: u32,
    author: Decider,
    /// The version that it took back.
    restores: Option<u32>,
    created_at: String,
}

impl From<&AgentVersion> for Line {
    fn from(v: &AgentVersion) -> Self {
        let (version, restores) = (v.version, v.restores);
        Self { version, author: v.by.into(), restores, created_at: rfc3339(v.created_at) }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    #[serde(flatten)]
    line: Line,
    /// The agent as it was.
    agent: AgentOut,
    /// The version that it is held against; none for the first.
    against: Option<u32>,
    changes: Vec<FieldChange>,
}

/// A field whose value differs.
#[derive(Serialize, JsonSchema)]
pub struct FieldChange {
    /// `model.temperature`, for example.
    field: String,
    before: Value,
    after: Value,
}

#[derive(Deserialize, JsonSchema)]
pub struct Against {
    /// Another version; the one before if absent.
    against: Option<u32>,
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    at: PageOf,
) -> ApiResult<Listed<Line>> {
    let agent = agent_of(&tenant, &id).await?;
    page("versions", tenant.store.agent_versions(agent, at.into()).await?, |v| Line::from(&v))
}

pub async fn show(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path((id, version)): Path<(String, String)>,
    Query(Against { against }): Query<Against>,
) -> ApiResult<Of<Out>> {
    let agent = agent_of(&tenant, &id).await?;
    let version = number(&version)?;
    let shown = tenant.store.agent_version(agent, version).await?;
    let against = against.or_else(|| version.checked_sub(1).filter(|n| *n > 0));
    let line = Line::from(&shown);
    let shown = as_agent(shown);
    let changes = match against {
        None => Vec::new(),
        Some(other) => {
            let other = as_agent(tenant.store.agent_version(agent, other).await?);
            let names = agents::Names::of(&tenant, [&other, &shown].into_iter()).await?;
            changes(&agents::as_json(other, &names)?, &agents::as_json(shown.clone(), &names)?)
        }
    };
    ok(Out { line, agent: agents::shown(&tenant, shown).await?, against, changes })
}

/// The agent is again what it was; that is its next version.
pub async fn restore(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path((id, version)): Path<(String, String)>,
) -> ApiResult<Of<AgentOut>> {
    let agent = agent_of(&tenant, &id).await?;
    let version = number(&version)?;
    let profile = tenant.store.agent_version(agent, version).await?.profile;
    // What it needs may be gone by now: that is told in the words of an agent that is written anew.
    agents::apply(&api, &tenant, profile, agents::Fields::default()).await?;
    let restored = tenant.store.restore_agent(agent, version, tenant.who.actor()).await.map_err(gone)?;
    api.node.agent_changed(tenant.id, agent).await;
    ok(agents::shown(&tenant, restored).await?)
}

fn gone(e: StoreError) -> ApiError {
    match e {
        StoreError::NotFound("knowledge base") => ApiError::conflict("a knowledge base of that version is gone"),
        StoreError::Conflict("name") => ApiError::conflict("the name of that version is another agent's now"),
        other => other.into(),
    }
}

fn number(text: &str) -> ApiResult<u32> {
    text.parse().map_err(|_| ApiError::not_found("version"))
}

fn as_agent(v: AgentVersion) -> Agent {
    Agent { profile: v.profile, version: v.version, created_at: v.created_at, updated_at: v.created_at }
}

/// What differs between two agents as they are shown, but for what only says which they are.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    differing("", before, after, &mut found);
    found
}

const OF_THE_ROW: [&str; 4] = ["id", "version", "created_at", "updated_at"];

fn differing(path: &str, before: &Value, after: &Value, found: &mut Vec<FieldChange>) {
    if let (Value::Object(b), Value::Object(a)) = (before, after) {
        let names: BTreeSet<&String> = b.keys().chain(a.keys()).collect();
        for name in names.into_iter().filter(|n| !path.is_empty() || !OF_THE_ROW.contains(&n.as_str())) {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            differing(&path, b.get(name).unwrap_or(&Value::Null), a.get(name).unwrap_or(&Value::Null), found);
        }
    } else if before != after {
        found.push(FieldChange { field: path.to_owned(), before: before.clone(), after: after.clone() });
    }
}

/// The agent's id, for paths below it.
pub(super) async fn agent_of(tenant: &Tenant, id: &str) -> ApiResult<AgentId> {
    Ok(agents::find(&tenant.store, id).await?.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_told_under_its_path() {
        let before = json!({ "id": "1", "version": 1, "name": "A", "model": { "model": "m", "temperature": null } });
        let after = json!({ "id": "1", "version": 2, "name": "A", "model": { "model": "m", "temperature": 0.5 } });
        let found = changes(&before, &after);
        let found: Vec<_> = found.iter().map(|c| (c.field.as_str(), &c.before, &c.after)).collect();
        assert_eq!(found, [("model.temperature", &Value::Null, &json!(0.5))]);
    }
}
