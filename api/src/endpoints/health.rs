//! `GET /health`, `/health/live`, `/health/ready`, `/health/detailed`.

use crate::{auth::Tenant, error::ApiResult, state::Api};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::{Arc, atomic::Ordering};

/// The process answers.
pub async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The store answers: new messages can be accepted.
pub async fn ready(State(api): State<Arc<Api>>) -> Response {
    match api.store.installation().backlog().await {
        Ok(_) => Json(json!({ "status": "ok" })).into_response(),
        Err(e) => {
            tracing::warn!(error = %e, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unavailable" }))).into_response()
        }
    }
}

/// For people and monitors without a credential: what works, no figures of tenants.
pub async fn health(State(api): State<Arc<Api>>) -> Response {
    let store = api.store.installation().backlog().await.is_ok();
    let (retrieval, hint) = api.catalogue.retrieval();
    let status = if store && hint.is_none() { "ok" } else { "degraded" };
    let code = if store { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": status,
        "version": api.options.version,
        "services": { "store": if store { "ok" } else { "unavailable" }, "retrieval": retrieval },
        "hint": hint,
    });
    (code, Json(body)).into_response()
}

/// Queue figures, for whoever has an API key.
pub async fn detailed(State(api): State<Arc<Api>>, _tenant: Tenant) -> ApiResult {
    let counts = api.store.installation().backlog().await?;
    let (retrieval, hint) = api.catalogue.retrieval();
    let counters = &api.counters;
    Ok(Json(json!({
        "status": if hint.is_none() { "ok" } else { "degraded" },
        "version": api.options.version,
        "services": { "store": "ok", "retrieval": retrieval },
        "hint": hint,
        "queues": {
            "log_lag": counts.log_lag,
            "inbox_pending": counts.pending_inbox,
            "outbox_backlog": counts.outbox,
            "documents_pending": counts.documents,
            "dead_letters": counts.dead_letters,
        },
        "conversations": { "active": api.node.active_conversations() },
        "webhooks": {
            "accepted": counters.webhooks_accepted.load(Ordering::Relaxed),
            "rejected": counters.webhooks_rejected.load(Ordering::Relaxed),
            "ignored_events": counters.webhooks_ignored.load(Ordering::Relaxed),
        },
    }))
    .into_response())
}
