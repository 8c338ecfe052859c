//! `GET /api/webhooks/deliveries`, `POST /api/webhooks/deliveries/{id}/retry`, and the same under `/dashboard`.

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
use colloquy_domain::ids::WebhookDeliveryId;
use colloquy_store::{DeliveryState, WebhookAttempt, WebhookDelivery};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    endpoint: String,
    url: String,
    event_id: String,
    event_type: String,
    /// `queued`, `delivered` or `dead`.
    state: &'static str,
    next_attempt_at: Option<String>,
    created_at: String,
    updated_at: String,
    attempts: Vec<Attempt>,
}

#[derive(Serialize, JsonSchema)]
pub struct Attempt {
    number: u64,
    at: String,
    took_ms: u128,
    status: Option<u16>,
    error: Option<String>,
}

impl From<WebhookAttempt> for Attempt {
    fn from(a: WebhookAttempt) -> Self {
        Self { number: a.number, at: rfc3339(a.at), took_ms: a.took.as_millis(), status: a.status, error: a.cause }
    }
}

impl From<WebhookDelivery> for Out {
    fn from(d: WebhookDelivery) -> Self {
        Self {
            id: d.id.to_string(),
            endpoint: d.endpoint.to_string(),
            url: d.url,
            event_id: d.event.to_string(),
            event_type: d.kind,
            state: d.state.name(),
            next_attempt_at: (d.state == DeliveryState::Queued).then(|| rfc3339(d.due_at)),
            created_at: rfc3339(d.created_at),
            updated_at: rfc3339(d.updated_at),
            attempts: d.attempts.into_iter().map(Attempt::from).collect(),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    state: Option<String>,
}

impl Filter {
    fn state(&self) -> ApiResult<Option<DeliveryState>> {
        let Some(name) = &self.state else { return Ok(None) };
        let found = DeliveryState::ALL.into_iter().find(|s| s.name() == name);
        found.map(Some).ok_or_else(|| ApiError::invalid("state", "must be queued, delivered or dead"))
    }
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    page("deliveries", tenant.store.webhook_deliveries(filter.state()?, at.into()).await?, Out::from)
}

#[derive(Serialize, JsonSchema)]
pub struct Queued {
    id: String,
    queued: bool,
}

/// Once more, also of what was delivered.
pub async fn retry(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Queued>> {
    tenant.store.retry_delivery(id.parse::<WebhookDeliveryId>()?).await?;
    tenant.note("webhook_delivery.retried", &id, "").await?;
    ok(Queued { id, queued: true })
}
