//! `GET/PUT /api/budget`: what a tenant wants to spend on models in a calendar month (UTC). Above it no turn begins:
//! what people write is kept and handed over.

use super::analytics::figures::usd;
use crate::{
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, ok},
    state::Api,
};
use axum::extract::State;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use std::sync::Arc;

/// In dollars.
const MOST: f64 = 1e9;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fields {
    /// Null is no budget; it must be said.
    #[serde(deserialize_with = "said")]
    monthly_usd: Option<f64>,
}

fn said<'de, D: Deserializer<'de>>(field: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(field)
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant) -> ApiResult {
    let budget = tenant.store.budget().await?;
    let spent = tenant.store.month(api.clock.now()).await?.cost_micros;
    let left = budget.map(|b| usd(b.saturating_sub(spent)));
    ok(json!({
        "monthlyUsd": budget.map(usd), "spentUsd": usd(spent), "leftUsd": left, "spent": budget.is_some_and(|b| spent >= b),
    }))
}

pub async fn set(State(api): State<Arc<Api>>, tenant: Tenant, Body(fields): Body<Fields>) -> ApiResult {
    if fields.monthly_usd.is_some_and(|usd| !(0.0..=MOST).contains(&usd)) {
        return Err(ApiError::invalid("monthlyUsd", "must be from 0 to a billion, or null for no budget"));
    }
    let micros = fields.monthly_usd.map(|usd| (usd * 1e6).round() as u64);
    tenant.store.set_budget(micros).await?;
    let said = fields.monthly_usd.map_or_else(|| "none".to_owned(), |usd| usd.to_string());
    tenant.note("budget.changed", tenant.id, &said).await?;
    show(State(api), tenant).await
}
