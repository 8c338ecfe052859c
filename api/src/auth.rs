//! Who asks: an API key names its tenant. Never a free header.

use crate::{error::ApiError, state::Api};
use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use colloquy_domain::ids::TenantId;
use colloquy_store::{KeyHash, TenantStore};
use std::sync::Arc;

/// The tenant of the request's credential, with its repositories.
pub struct Tenant {
    pub id: TenantId,
    pub store: TenantStore,
}

impl Tenant {
    /// What works for a tenant without a request.
    pub(crate) fn of(api: &Api, id: TenantId) -> Self {
        Self { id, store: api.store.tenant(id) }
    }
}

/// The bearer token of a request, if it has one.
pub fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The tenant of a key.
///
/// # Errors
/// 401 for a key that does not exist.
pub async fn tenant_of(api: &Api, key: &str) -> Result<Tenant, ApiError> {
    let found = api.store.installation().api_key(KeyHash::of(key)).await?;
    let id = found.ok_or_else(|| ApiError::unauthorized("unknown API key"))?.tenant;
    Ok(Tenant { id, store: api.store.tenant(id) })
}

impl FromRequestParts<Arc<Api>> for Tenant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let key =
            bearer(parts).ok_or_else(|| ApiError::unauthorized("an API key is needed: Authorization: Bearer …"))?;
        tenant_of(api, key).await
    }
}
