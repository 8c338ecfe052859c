//! `GET /api/dead-letters`, `GET /api/dead-letters/{id}`, `POST /api/dead-letters/{id}/replay`.

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
use colloquy_domain::{ids::DeadLetterId, ports::StoreError};
use colloquy_store::{DeadLetter, LostWhat, Replayed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    conversation: String,
    /// `message`: one that was not answered. `delivery`: a reply that was not delivered.
    what: &'static str,
    cause: Cause,
    created_at: String,
    replayed_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Cause {
    code: String,
    message: String,
}

impl From<DeadLetter> for Out {
    fn from(d: DeadLetter) -> Self {
        Self {
            id: d.id.to_string(),
            conversation: d.conversation.to_string(),
            what: match d.what {
                LostWhat::Message(_) => "message",
                LostWhat::Delivery(_) => "delivery",
            },
            cause: Cause { code: d.cause.code, message: d.cause.detail },
            created_at: rfc3339(d.created_at),
            replayed_at: d.replayed_at.map(rfc3339),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    /// Also those that were replayed.
    #[serde(default)]
    all: bool,
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    page("dead_letters", tenant.store.dead_letters(!filter.all, at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::from(tenant.store.dead_letter(id.parse::<DeadLetterId>()?).await?))
}

/// It is on its way again.
#[derive(Serialize, JsonSchema)]
pub struct Again {
    id: String,
    replayed: bool,
}

/// Tries again, once.
pub async fn replay(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Again>> {
    let replayed = tenant.store.replay_dead_letter(id.parse::<DeadLetterId>()?).await.map_err(|e| match e {
        StoreError::Conflict(_) => ApiError::conflict("it was replayed already, or settled meanwhile"),
        other => other.into(),
    })?;
    match replayed {
        Replayed::Message(hint) => api.node.look(hint.tenant, hint.conversation),
        Replayed::Delivery(channel) => api.node.wake_channel(channel),
    }
    ok(Again { id, replayed: true })
}
