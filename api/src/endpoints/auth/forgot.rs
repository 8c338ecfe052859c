//! `POST /api/auth/forgot {email}`: sends a link to choose another password. The answer is the same for everybody.

use crate::{
    body::Body,
    error::{ApiError, ApiResult, ok},
    identity::{sign_in_allowances, valid_email},
    limits::Stranger,
    peer::Peer,
    speech::Speech,
    state::Api,
};
use axum::extract::State;
use colloquy_store::Purpose;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub struct Given {
    email: String,
}

pub async fn post(
    State(api): State<Arc<Api>>,
    _: Stranger,
    Peer(from): Peer,
    Speech(language): Speech,
    Body(given): Body<Given>,
) -> ApiResult {
    let email = valid_email("email", &given.email).map_err(|d| ApiError::validation(vec![d]))?;
    api.attempt(sign_in_allowances("forgot", &email, from)).await?;
    // Off this request: neither its answer nor its time says whether the account exists.
    tokio::spawn(async move {
        let found = api.store.installation().user_by_email(&email).await;
        let Ok(Some(user)) = found else { return };
        let Ok(tenant) = api.store.installation().tenant(user.tenant).await else { return };
        if user.disabled_at.is_none() && tenant.suspended_at.is_none() {
            // What goes wrong is logged where it does.
            let _ = api.send_link(&tenant, &user, Purpose::Reset, language).await;
        }
    });
    ok(json!({ "sent": true }))
}
