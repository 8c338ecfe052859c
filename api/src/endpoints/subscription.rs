//! `GET /api/subscription`, `GET/PUT /api/tenants/{id}/subscription`: a tenant's plan, its limits and what is used of it.
//! The platform's administrators give plans.

use super::{knowledge_bases::valid_name, tenants::visible};
use crate::{
    answer::Of,
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, ok},
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::{plan::Limits, time::Timestamp};
use colloquy_store::TenantStore;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The plan of a tenant to which nobody gave one.
const UNLIMITED: &str = "unlimited";

/// What is absent has no limit.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fields {
    plan: String,
    messages_per_month: Option<u32>,
    agents: Option<u32>,
    documents: Option<u32>,
    /// At most 2⁵³, so that every client can read it.
    storage_bytes: Option<u64>,
    seats: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    plan: String,
    limits: LimitsOut,
    usage: LimitsOut,
    created_at: Option<String>,
    updated_at: Option<String>,
}

/// Of limits, null is none.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitsOut {
    messages_per_month: Option<u64>,
    agents: Option<u64>,
    documents: Option<u64>,
    storage_bytes: Option<u64>,
    seats: Option<u64>,
}

impl From<Limits> for LimitsOut {
    fn from(l: Limits) -> Self {
        let Limits { messages_per_month, agents, documents, storage_bytes, seats } = l;
        Self { messages_per_month, agents, documents, storage_bytes, seats }
    }
}

async fn subscription(rows: &TenantStore, now: Timestamp) -> ApiResult<Subscription> {
    let (given, held, month) = (rows.subscription().await?, rows.held().await?, rows.month(now).await?);
    let usage = LimitsOut {
        messages_per_month: Some(month.messages),
        agents: Some(held.agents),
        documents: Some(held.documents),
        storage_bytes: Some(held.storage_bytes),
        seats: Some(held.seats),
    };
    Ok(Subscription {
        limits: given.as_ref().map(|s| s.limits).unwrap_or_default().into(),
        created_at: given.as_ref().map(|s| rfc3339(s.created_at)),
        updated_at: given.as_ref().map(|s| rfc3339(s.updated_at)),
        plan: given.map_or_else(|| UNLIMITED.to_owned(), |s| s.plan),
        usage,
    })
}

pub async fn own(State(api): State<Arc<Api>>, tenant: Tenant) -> ApiResult<Of<Subscription>> {
    ok(subscription(&tenant.store, api.clock.now()).await?)
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Subscription>> {
    let id = api.store.installation().tenant(visible(&tenant, &id)?).await?.id;
    ok(subscription(&api.store.tenant(id), api.clock.now()).await?)
}

/// What the tenant has already stays, even if it is too much.
pub async fn set(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> ApiResult<Of<Subscription>> {
    let id = api.store.installation().tenant(visible(&tenant, &id)?).await?.id;
    let plan = valid_name("plan", &fields.plan)?;
    let limits = Limits {
        messages_per_month: fields.messages_per_month.map(u64::from),
        agents: fields.agents.map(u64::from),
        documents: fields.documents.map(u64::from),
        storage_bytes: fields.storage_bytes.map(readable).transpose()?,
        seats: fields.seats.map(u64::from),
    };
    let rows = api.store.tenant(id);
    rows.set_subscription(plan, limits).await?;
    tenant.note("subscription.changed", id, plan).await?;
    ok(subscription(&rows, api.clock.now()).await?)
}

fn readable(bytes: u64) -> ApiResult<u64> {
    if bytes <= 1 << 53 { Ok(bytes) } else { Err(ApiError::invalid("storageBytes", "must be at most 2^53")) }
}
