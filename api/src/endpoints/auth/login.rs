//! `POST /api/auth/login {email, password}`.

use super::{bad_credentials, signed_in};
use crate::{
    body::Body,
    error::ApiResult,
    identity::{sign_in_allowances, valid_email},
    limits::Stranger,
    peer::Peer,
    state::Api,
};
use axum::{extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub struct Credentials {
    email: String,
    password: String,
}

pub async fn post(
    State(api): State<Arc<Api>>,
    _: Stranger,
    Peer(from): Peer,
    Body(given): Body<Credentials>,
) -> ApiResult {
    let email = valid_email("email", &given.email).map_err(|d| crate::error::ApiError::validation(vec![d]))?;
    api.attempt(sign_in_allowances("login", &email, from)).await?;
    let found = api.store.installation().user_by_email(&email).await?;
    let hash = found.as_ref().and_then(|u| u.password.clone());
    // Before anything else is looked at: nothing shows whether the account exists.
    let fits = api.identity.passwords.matches(given.password, hash).await?;
    let user = found.filter(|u| fits && u.disabled_at.is_none()).ok_or_else(bad_credentials)?;
    let tenant = api.store.installation().tenant(user.tenant).await?;
    if tenant.suspended_at.is_some() {
        return Err(crate::endpoints::tenants::suspended());
    }
    let signed = api.sign_in(user).await?;
    signed_in(StatusCode::OK, &signed, &tenant)
}
