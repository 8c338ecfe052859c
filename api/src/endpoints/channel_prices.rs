//! `GET/PUT /api/channels/{id}/prices`: what messages of a channel cost, as the tenant knows it from its contract.

use crate::{
    answer::Of,
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, ok},
    state::Api,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    ids::ChannelId,
    outreach::{Charge, Prices},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Serialize, JsonSchema)]
pub struct Out {
    /// `null` where nothing was written down.
    currency: Option<String>,
    /// In millionths of the currency's unit.
    micros: BTreeMap<String, u64>,
}

impl From<Option<Prices>> for Out {
    fn from(prices: Option<Prices>) -> Self {
        match prices {
            Some(p) => Self { currency: Some(p.currency), micros: p.micros },
            None => Self { currency: None, micros: BTreeMap::new() },
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// ISO 4217, such as `EUR`.
    currency: String,
    /// By what the provider charges for (`service`, `marketing`, `utility`, `authentication`, `segment`), in millionths of the
    /// currency's unit. What is absent is unknown.
    micros: BTreeMap<String, u64>,
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let channel = tenant.store.channel(id.parse::<ChannelId>()?).await?.account.id;
    ok(Out::from(tenant.store.prices(channel).await?))
}

pub async fn set(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(set): Body<Set>,
) -> ApiResult<Of<Out>> {
    let channel = tenant.store.channel(id.parse::<ChannelId>()?).await?.account.id;
    let currency = set.currency.trim().to_uppercase();
    if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(ApiError::invalid("currency", "must have three letters, such as EUR"));
    }
    if let Some(unknown) = set.micros.keys().find(|k| !Charge::NAMES.contains(&k.as_str())) {
        let message = format!("must be one of {}", Charge::NAMES.join(", "));
        return Err(ApiError::invalid(format!("micros.{unknown}"), message));
    }
    tenant.store.set_prices(channel, Prices { currency, micros: set.micros }).await?;
    tenant.note("channel.prices_set", channel, "").await?;
    ok(Out::from(tenant.store.prices(channel).await?))
}
