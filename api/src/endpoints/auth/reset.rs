//! `POST /api/auth/reset {token, password}`: the link of an invitation, or of a forgotten password, and what the person
//! chose. All their sessions end.

use crate::{
    body::Body,
    error::{ApiError, ApiResult, ok},
    identity::{sign_in_allowances, weakness},
    limits::Stranger,
    peer::Peer,
    state::Api,
};
use axum::{extract::State, http::StatusCode};
use colloquy_store::{Act, Actor, SecretHash};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub struct Given {
    token: String,
    password: String,
}

pub async fn post(State(api): State<Arc<Api>>, _: Stranger, Peer(from): Peer, Body(given): Body<Given>) -> ApiResult {
    if let Some(detail) = weakness("password", &given.password) {
        return Err(ApiError::validation(vec![detail]));
    }
    api.attempt(sign_in_allowances("reset", "", from)).await?;
    let hash = api.identity.passwords.hash(given.password).await?;
    let opened = api.store.installation().use_link(SecretHash::of(&given.token)).await?;
    let (tenant, user) = opened.ok_or_else(|| {
        let message = "the link was used already, or is too old: ask for another one";
        ApiError::new(StatusCode::BAD_REQUEST, "LINK_INVALID", message)
    })?;
    let rows = api.store.tenant(tenant);
    rows.set_password(user, hash).await?;
    let (action, target) = ("user.password_changed".to_owned(), user.to_string());
    rows.note(Act { actor: Actor::User(user), action, target, detail: String::new() }).await?;
    ok(json!({ "changed": true }))
}
