//! `POST /api/auth/logout`: ends the session of the token, with all its tokens.

use crate::{
    auth::Tenant,
    error::{ApiResult, ok},
    state::Api,
};
use axum::extract::State;
use serde_json::json;
use std::sync::Arc;

pub async fn post(State(_): State<Arc<Api>>, tenant: Tenant) -> ApiResult {
    let (_, session) = tenant.person()?;
    tenant.store.end_session(session).await?;
    ok(json!({ "signedOut": true }))
}
