//! `GET/POST /api/api-keys`, `DELETE /api/api-keys/{id}`. A key is shown once, when it is made; its hash is kept.

use super::knowledge_bases::valid_name;
use crate::{
    answer::{Answer, Created, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, created, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::access::{Action, Scopes};
use colloquy_store::{ApiKey, KeyHash};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// What our keys begin with, so that a leaked one is recognised.
const PREFIX: &str = "clq_";

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    name: String,
    scopes: Vec<String>,
    created_at: String,
    revoked_at: Option<String>,
}

impl From<ApiKey> for Out {
    fn from(k: ApiKey) -> Self {
        let (created_at, revoked_at) = (rfc3339(k.created_at), k.revoked_at.map(rfc3339));
        Self { id: k.id.to_string(), name: k.name, scopes: k.scopes, created_at, revoked_at }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    name: String,
    /// For example `["conversations:read", "agents:*"]`; `["*"]` is everything of the tenant.
    scopes: Vec<String>,
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("api_keys", tenant.store.api_keys(at.into()).await?, Out::from)
}

/// The only answer that shows a key.
#[derive(Serialize, JsonSchema)]
pub struct WithKey {
    #[serde(flatten)]
    shown: Out,
    key: String,
}

pub async fn create(State(api): State<Arc<Api>>, tenant: Tenant, Body(new): Body<New>) -> ApiResult<Created<WithKey>> {
    let name = valid_name("name", &new.name)?;
    check_scopes(&tenant, &new.scopes)?;
    let key = format!("{PREFIX}{}", api.identity.new_secret()?);
    let made = tenant.store.create_api_key(name, KeyHash::of(&key), &new.scopes).await?;
    tenant.note("api_key.created", made.id, &new.scopes.join(" ")).await?;
    created(WithKey { shown: made.into(), key }).map(Answer::not_kept)
}

/// Scopes that exist, and none that their maker has not.
fn check_scopes(tenant: &Tenant, scopes: &[String]) -> ApiResult<()> {
    if scopes.is_empty() {
        return Err(ApiError::invalid("scopes", "at least one is needed"));
    }
    let unknown = scopes.iter().enumerate().filter(|(_, s)| !Scopes::is_scope(s));
    let wrong: Vec<_> = unknown.map(|(n, _)| Detail::new(format!("scopes[{n}]"), "there is no such scope")).collect();
    if !wrong.is_empty() {
        return Err(ApiError::validation(wrong));
    }
    let beyond = Action::ALL.iter().find(|a| Scopes(scopes).may(**a) && !tenant.who.may(**a));
    match beyond {
        None => Ok(()),
        Some(action) => Err(ApiError::forbidden(&format!("you cannot give the scope {}: you lack it", action.scope()))),
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Revoked {
    id: String,
    revoked: bool,
}

pub async fn revoke(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Revoked>> {
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::invalid("id", "not an API key's id: expected a UUID"))?;
    tenant.store.revoke_api_key(id).await?;
    tenant.note("api_key.revoked", id, "").await?;
    ok(Revoked { id: id.to_string(), revoked: true })
}
