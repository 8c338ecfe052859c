//! `/api/auth`: people come and go.

mod forgot;
mod login;
mod logout;
mod me;
mod refresh;
mod register;
mod reset;

pub use forgot::post as forgot;
pub use login::post as login;
pub use logout::post as logout;
pub use me::{get as me, patch as change_me, sessions};
pub use refresh::post as refresh;
pub use register::post as register;
pub use reset::post as reset;

use super::users::UserOut;
use crate::{
    error::{ApiError, ApiResult},
    identity::SignedIn,
};
use axum::{
    Json,
    http::{StatusCode, header},
    response::IntoResponse,
};
use colloquy_store::Tenant;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

/// A tenant as its people see it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TenantOut {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub suspended: bool,
    pub created_at: String,
}

impl From<&Tenant> for TenantOut {
    fn from(t: &Tenant) -> Self {
        Self {
            id: t.id.to_string(),
            slug: t.slug.clone(),
            name: t.name.clone(),
            suspended: t.suspended_at.is_some(),
            created_at: crate::time::rfc3339(t.created_at),
        }
    }
}

/// `{success, data: {user, tenant, token, refreshToken}}`, with `user` and `token` once more at the top, where other
/// clients look for them.
fn signed_in(status: StatusCode, signed: &SignedIn, tenant: &Tenant) -> ApiResult {
    let user = UserOut::from(&signed.user);
    let body = json!({
        "success": true,
        "data": {
            "user": user,
            "tenant": TenantOut::from(tenant),
            "token": signed.token,
            "refreshToken": signed.refresh_token,
        },
        "user": user,
        "token": signed.token,
    });
    Ok((status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// One answer for whoever does not exist, has another password, or may not come in.
fn bad_credentials() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "BAD_CREDENTIALS", "wrong e-mail address or password")
}
