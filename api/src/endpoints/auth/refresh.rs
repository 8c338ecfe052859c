//! `POST /api/auth/refresh {refreshToken}`: a new pair of tokens for the last refresh token, which opens nothing any
//! more. Used a second time it ends its session, because somebody has a copy.

use crate::{
    body::Body,
    error::{ApiError, ApiResult},
    identity::REFRESH_LIFETIME,
    state::Api,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use colloquy_domain::time::Timestamp;
use colloquy_store::{Refreshed, SecretHash};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Given {
    #[serde(alias = "refresh_token")]
    refresh_token: String,
}

pub async fn post(State(api): State<Arc<Api>>, Body(given): Body<Given>) -> ApiResult {
    let next = api.identity.new_secret()?;
    let lifetime = i64::try_from(REFRESH_LIFETIME.as_millis()).unwrap_or(i64::MAX / 2);
    let ends = Timestamp(api.clock.now().millis() + lifetime);
    let (token, next_hash) = (SecretHash::of(&given.refresh_token), SecretHash::of(&next));
    match api.store.installation().rotate(token, next_hash, ends).await? {
        Refreshed::Rotated { session, user } => {
            let token = api.token(&user, session)?;
            let data = json!({ "token": token, "refreshToken": next });
            let body = json!({ "success": true, "data": data, "token": token });
            Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
        }
        Refreshed::Reused { tenant, session } => {
            tracing::warn!(tenant.id = %tenant, session.id = %session, "a refresh token came twice: its session was ended");
            Err(refused())
        }
        Refreshed::Refused => Err(refused()),
    }
}

fn refused() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "TOKEN_INVALID", "the refresh token is invalid: sign in again")
}
