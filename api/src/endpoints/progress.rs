//! `GET /api/documents/{id}/progress`: how far a document is, as server-sent events until it is ready or failed.

use super::documents::shown;
use crate::{auth::Tenant, error::ApiResult, hub::Watcher, state::Api};
use axum::{
    extract::{Path, State},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use colloquy_domain::ids::DocumentId;
use futures::stream::{self, Stream};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc, time::Duration};

/// A look at the store without being told, in case a notice got lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

struct Watch {
    api: Arc<Api>,
    tenant: Tenant,
    document: DocumentId,
    watcher: Watcher,
    /// What was told last.
    told: Value,
    ended: bool,
}

pub async fn get(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    let document = id.parse::<DocumentId>()?;
    // Before the first look, so that nothing falls between.
    let watcher = api.hub.watch(tenant.id, document);
    tenant.store.document(document).await?;
    let watch = Watch { api, tenant, document, watcher, told: Value::Null, ended: false };
    Ok(Sse::new(events(watch)).keep_alive(KeepAlive::default()).into_response())
}

/// `progress` each time something changed, at last `ready`, `failed` or `deleted`.
fn events(watch: Watch) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(watch, |mut watch| async move {
        if watch.ended {
            return None;
        }
        loop {
            if let Some(event) = watch.look().await {
                return Some((Ok(event), watch));
            }
            // Either way it is time to look.
            let _ = tokio::time::timeout(LOOK_EVERY, watch.watcher.changed()).await;
        }
    })
}

impl Watch {
    /// What the store says, if it is something new. A store in trouble says nothing new.
    async fn look(&mut self) -> Option<Event> {
        let now = match shown(&self.tenant, self.document).await {
            Ok(now) => now,
            Err(e) if e.status == axum::http::StatusCode::NOT_FOUND => {
                self.ended = true;
                let gone = json!({ "id": self.document.to_string() });
                return Some(Event::default().event("deleted").data(gone.to_string()));
            }
            Err(e) => {
                tracing::warn!(document.id = %self.document, error = %e, version = self.api.options.version, "progress not read");
                return None;
            }
        };
        if now == self.told {
            return None;
        }
        let status = now["status"].as_str().unwrap_or_default();
        let name = if matches!(status, "ready" | "failed") { status } else { "progress" };
        self.ended = name != "progress";
        let event = Event::default().event(name).data(now.to_string());
        self.told = now;
        Some(event)
    }
}
