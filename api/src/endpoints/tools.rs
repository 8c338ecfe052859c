//! `GET /api/tools`: what an agent can be given.

use crate::{
    answer::Of,
    auth::Tenant,
    error::{ApiResult, ok},
    openapi::one_of,
    state::Api,
};
use axum::extract::State;
use colloquy_domain::{tool::EffectClass, tool_server::server_of};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
pub struct Tool {
    /// This belongs into an agent's `tools`.
    name: String,
    description: String,
    /// `read` and `idempotent` ones may be repeated, `unsafe` ones never.
    #[schemars(schema_with = "one_of::<EffectClass>")]
    effect: EffectClass,
    /// Whose it is; ours if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// JSON Schema of its arguments.
    parameters: serde_json::Value,
}

#[derive(Serialize, JsonSchema)]
pub struct Tools {
    tools: Vec<Tool>,
}

pub async fn list(State(api): State<Arc<Api>>, tenant: Tenant) -> ApiResult<Of<Tools>> {
    let all = api.catalogue.all_tools(tenant.id).await?;
    let tool = |spec: colloquy_domain::tool::ToolSpec| Tool {
        server: server_of(&spec.name).map(str::to_owned),
        parameters: serde_json::from_str(&spec.parameters).unwrap_or_default(),
        name: spec.name,
        description: spec.description,
        effect: spec.effect,
    };
    ok(Tools { tools: all.into_iter().map(tool).collect() })
}
