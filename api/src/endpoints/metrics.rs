//! `GET /metrics`: figures of this node, in Prometheus' text. For the configured token, or whoever may see its health.

use super::health::lanes;
use crate::{
    auth,
    error::{ApiError, ApiResult},
    metrics::Present,
    openapi::Takes,
    state::Api,
};
use axum::{
    extract::{FromRequestParts, State},
    http::{header, request::Parts},
    response::IntoResponse,
};
use colloquy_domain::{access::Action, rate::Rate};
use std::sync::{Arc, atomic::Ordering};
use subtle::ConstantTimeEq;

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Who collects figures.
pub struct Collector;

impl Takes for Collector {}

impl FromRequestParts<Arc<Api>> for Collector {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        if let (Some(token), Some(given)) = (&api.options.metrics_token, auth::bearer(parts))
            && bool::from(token.expose().as_bytes().ct_eq(given.as_bytes()))
        {
            return Ok(Self);
        }
        let tenant = auth::known(parts, api).await?;
        auth::count(api, &tenant.who, Rate::Api)?;
        auth::allow(&tenant.who, Action::ViewHealth)?;
        Ok(Self)
    }
}

pub async fn get(State(api): State<Arc<Api>>, _: Collector) -> ApiResult {
    let counters = &api.counters;
    let webhooks = [&counters.webhooks_accepted, &counters.webhooks_rejected, &counters.webhooks_ignored];
    let present = Present {
        backlog: api.store.installation().backlog().await?,
        log_lag: lanes(&api).await.into_iter().map(Result::ok).sum(),
        conversations: u64::try_from(api.node.active_conversations()).unwrap_or(u64::MAX),
        resident_bytes: api.node.pressure().resident(),
        webhooks: webhooks.map(|c| c.load(Ordering::Relaxed)),
    };
    let text = api.metrics.text(&present).map_err(|error| {
        tracing::error!(%error, "figures could not be written");
        ApiError::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}
