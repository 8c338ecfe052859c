//! `GET/PATCH /api/auth/me`, `GET /api/auth/sessions`: one's own account.

use super::TenantOut;
use crate::{
    auth::Tenant,
    body::Body,
    endpoints::{knowledge_bases::valid_name, users::UserOut},
    error::{ApiError, ApiResult, ok},
    identity::weakness,
    state::Api,
    time::rfc3339,
};
use axum::extract::State;
use colloquy_store::User;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fields {
    name: Option<String>,
    password: Option<String>,
    /// Needed to choose another one.
    current_password: Option<String>,
}

pub async fn get(State(api): State<Arc<Api>>, tenant: Tenant) -> ApiResult {
    let (user, _) = tenant.person()?;
    let own = api.store.installation().tenant(tenant.id).await?;
    ok(json!({ "user": UserOut::from(user), "tenant": TenantOut::from(&own) }))
}

pub async fn patch(State(api): State<Arc<Api>>, tenant: Tenant, Body(fields): Body<Fields>) -> ApiResult {
    let (user, _) = tenant.person()?;
    let mut user = user.clone();
    if let Some(name) = &fields.name {
        valid_name("name", name)?.clone_into(&mut user.name);
        user = tenant.store.update_user(&user).await?;
    }
    if let Some(password) = fields.password {
        change_password(&api, &tenant, &user, password, fields.current_password).await?;
    }
    ok(json!({ "user": UserOut::from(&user) }))
}

async fn change_password(
    api: &Api,
    tenant: &Tenant,
    user: &User,
    password: String,
    current: Option<String>,
) -> ApiResult<()> {
    if let Some(detail) = weakness("password", &password) {
        return Err(ApiError::validation(vec![detail]));
    }
    let current = current.ok_or_else(|| ApiError::invalid("currentPassword", "is needed"))?;
    if !api.identity.passwords.matches(current, user.password.clone()).await? {
        return Err(ApiError::invalid("currentPassword", "is not your password"));
    }
    let hash = api.identity.passwords.hash(password).await?;
    tenant.store.set_password(user.id, hash).await?;
    tenant.note("user.password_changed", user.id, "").await
}

pub async fn sessions(State(_): State<Arc<Api>>, tenant: Tenant) -> ApiResult {
    let (user, current) = tenant.person()?;
    let open = tenant.store.sessions(user.id).await?;
    let show = |s: &colloquy_store::Session| {
        json!({
            "id": s.id.to_string(), "current": s.id == current,
            "createdAt": rfc3339(s.created_at), "expiresAt": rfc3339(s.expires_at),
        })
    };
    ok(json!({ "sessions": open.iter().map(show).collect::<Vec<_>>() }))
}
