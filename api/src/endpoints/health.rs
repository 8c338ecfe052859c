//! `GET /health`, `/health/live`, `/health/ready`, `/health/detailed`.

use crate::{auth::Tenant, error::ApiResult, state::Api};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use colloquy_domain::{
    placement::{LEASE, Lane},
    ports::{InboxStore, StoreError},
};
use futures::future::join_all;
use serde_json::{Value, json};
use std::sync::{Arc, atomic::Ordering};

/// The process answers.
pub async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The store answers and the log can be reached: new messages can be accepted. Not ready while the node is about to end.
pub async fn ready(State(api): State<Arc<Api>>) -> Response {
    let no = |status: &str| (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": status }))).into_response();
    if api.draining.load(Ordering::Relaxed) {
        return no("draining");
    }
    if !api.node.is_connected() {
        tracing::warn!("not ready: no way to the log");
        return no("unavailable");
    }
    match api.store.installation().backlog().await {
        Ok(_) => Json(json!({ "status": "ok" })).into_response(),
        Err(e) => {
            tracing::warn!(error = %e, "not ready");
            no("unavailable")
        }
    }
}

/// For people and monitors without a credential: what works, no figures of tenants.
pub async fn health(State(api): State<Arc<Api>>) -> Response {
    let store = api.store.installation().backlog().await.is_ok();
    let log = api.node.is_connected();
    let (retrieval, hint) = api.catalogue.retrieval();
    let status = if store && log && hint.is_none() { "ok" } else { "degraded" };
    let code = if store && log { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let said = |works: bool| if works { "ok" } else { "unavailable" };
    let body = json!({
        "status": status,
        "version": api.options.version,
        "services": { "store": said(store), "log": said(log), "retrieval": retrieval },
        "hint": hint,
    });
    (code, Json(body)).into_response()
}

/// Queue figures, for whoever has an API key.
pub async fn detailed(State(api): State<Arc<Api>>, _tenant: Tenant) -> ApiResult {
    let counts = api.store.installation().backlog().await?;
    let lanes = lanes(&api).await;
    let lag: Option<u64> = lanes.iter().map(|lane| lane.as_ref().ok().copied()).sum();
    let (retrieval, hint) = api.catalogue.retrieval();
    let (counters, memory) = (&api.counters, api.node.pressure());
    Ok(Json(json!({
        "status": if hint.is_none() && !memory.is_pressed() { "ok" } else { "degraded" },
        "version": api.options.version,
        "services": {
            "store": "ok",
            "log": if lag.is_some() { "ok" } else { "unavailable" },
            "retrieval": retrieval,
        },
        "hint": hint,
        "queues": {
            "log_lag": lag,
            "log_lanes": lanes.into_iter().map(Result::ok).collect::<Vec<_>>(),
            "inbox_pending": counts.pending_inbox,
            "outbox_backlog": counts.outbox,
            "documents_pending": counts.documents,
            "dead_letters": counts.dead_letters,
        },
        "conversations": { "active": api.node.active_conversations() },
        // Pressed: what comes in waits in the log until there is room.
        "memory": {
            "resident_bytes": memory.resident(),
            "limit_bytes": memory.limit(),
            "pressed": memory.is_pressed(),
        },
        "webhooks": {
            "accepted": counters.webhooks_accepted.load(Ordering::Relaxed),
            "rejected": counters.webhooks_rejected.load(Ordering::Relaxed),
            "ignored_events": counters.webhooks_ignored.load(Ordering::Relaxed),
        },
        "cluster": cluster(&api),
    }))
    .into_response())
}

/// How much of each lane of the log is in no inbox yet.
pub(super) async fn lanes(api: &Api) -> Vec<Result<u64, StoreError>> {
    let behind = (0..api.log.lanes()).map(Lane).map(|lane| async move {
        let cursor = api.store.cursor(lane).await?;
        api.log.behind(lane, cursor).await
    });
    join_all(behind).await
}

/// Who is there and who owns what, as this node last heard; null on an installation of one node.
fn cluster(api: &Api) -> Value {
    let Some((me, beat)) = api.node.cluster() else { return Value::Null };
    let owned = |node| beat.claims.iter().filter(|c| c.owner == Some(node)).count();
    let nodes: Vec<Value> = beat
        .sessions
        .iter()
        // Those that ended long ago are kept for a while; they concern nobody.
        .filter(|s| s.silent < LEASE * 4 || owned(s.node) > 0)
        .map(|s| {
            json!({
                "node": s.node.to_string(),
                "name": s.name,
                "silent_ms": u64::try_from(s.silent.as_millis()).unwrap_or(u64::MAX),
                "draining": s.draining,
                "partitions": owned(s.node),
            })
        })
        .collect();
    json!({
        "node": me.to_string(),
        "owned_partitions": api.node.owned_partitions(),
        "unowned_partitions": beat.claims.iter().filter(|c| c.owner.is_none()).count(),
        "fenced_writes": api.store.fenced(),
        "nodes": nodes,
    })
}
