//! `GET/PUT /api/budget`: what a tenant wants to spend on models in a calendar month (UTC). Above it no turn begins:
//! what people write is kept and handed over.

use super::analytics::figures::usd;
use crate::{
    answer::Of,
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, ok},
    state::Api,
};
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

/// In dollars.
const MOST: f64 = 1e9;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fields {
    /// Null is no budget; it must be said.
    #[serde(deserialize_with = "said")]
    monthly_usd: Option<f64>,
}

fn said<'de, D: Deserializer<'de>>(field: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(field)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    monthly_usd: Option<f64>,
    spent_usd: f64,
    left_usd: Option<f64>,
    /// Nothing is left.
    spent: bool,
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant) -> ApiResult<Of<Out>> {
    let budget = tenant.store.budget().await?;
    let spent = tenant.store.month(api.clock.now()).await?.cost_micros;
    ok(Out {
        monthly_usd: budget.map(usd),
        spent_usd: usd(spent),
        left_usd: budget.map(|b| usd(b.saturating_sub(spent))),
        spent: budget.is_some_and(|b| spent >= b),
    })
}

pub async fn set(State(api): State<Arc<Api>>, tenant: Tenant, Body(fields): Body<Fields>) -> ApiResult<Of<Out>> {
    if fields.monthly_usd.is_some_and(|usd| !(0.0..=MOST).contains(&usd)) {
        return Err(ApiError::invalid("monthlyUsd", "must be from 0 to a billion, or null for no budget"));
    }
    let micros = fields.monthly_usd.map(|usd| (usd * 1e6).round() as u64);
    tenant.store.set_budget(micros).await?;
    let said = fields.monthly_usd.map_or_else(|| "none".to_owned(), |usd| usd.to_string());
    tenant.note("budget.changed", tenant.id, &said).await?;
    show(State(api), tenant).await
}
