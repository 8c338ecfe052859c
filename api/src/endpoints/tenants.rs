//! `GET/POST /api/tenants`, `GET/PUT/PATCH/DELETE /api/tenants/{id}`, `GET/POST /api/tenants/{id}/users`. The same rows
//! are `/api/companies` for clients of that habit. Who is no platform administrator sees their own tenant alone, and
//! of others not even that they exist.

use super::{
    auth::TenantOut,
    knowledge_bases::valid_name,
    users::{self, UserOut},
};
use crate::{
    answer::{Created, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, created, ok},
    identity::slug_of,
    page::list as page,
    speech::Speech,
    state::Api,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use colloquy_domain::{access::Action, ids::TenantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    name: String,
    slug: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    name: Option<String>,
    slug: Option<String>,
    /// The platform administrator's alone.
    suspended: Option<bool>,
}

/// What a suspended tenant's people are told.
pub fn suspended() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "TENANT_SUSPENDED", "this account is suspended")
}

/// The tenant that is asked for, if the caller may see it: their own, or any as platform administrator.
pub(super) fn visible(tenant: &Tenant, id: &str) -> ApiResult<TenantId> {
    let id = id.parse::<TenantId>()?;
    if id == tenant.id || tenant.who.may(Action::ViewTenants) { Ok(id) } else { Err(ApiError::not_found("tenant")) }
}

fn valid_slug(slug: &str) -> ApiResult<&str> {
    if !slug.is_empty() && slug_of(slug) == slug {
        return Ok(slug);
    }
    Err(ApiError::invalid("slug", "must have 1 to 40 lower-case letters, digits and single hyphens between them"))
}

pub async fn list(State(api): State<Arc<Api>>, _tenant: Tenant, at: PageOf) -> ApiResult<Listed<TenantOut>> {
    page("tenants", api.store.installation().tenants(at.into()).await?, |t| TenantOut::from(&t))
}

#[derive(Serialize, JsonSchema)]
pub struct Companies {
    companies: Vec<TenantOut>,
}

/// One's own, as a list: what others call companies.
pub async fn own(State(api): State<Arc<Api>>, tenant: Tenant) -> ApiResult<Of<Companies>> {
    let own = api.store.installation().tenant(tenant.id).await?;
    ok(Companies { companies: vec![TenantOut::from(&own)] })
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Body(new): Body<New>,
) -> ApiResult<Created<TenantOut>> {
    let name = valid_name("name", &new.name)?;
    let derived = slug_of(name);
    let slug = valid_slug(new.slug.as_deref().unwrap_or(&derived))?;
    let made = api.store.installation().create_tenant(slug, name).await?;
    tenant.note("tenant.created", made.id, &made.slug).await?;
    created(TenantOut::from(&made))
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<TenantOut>> {
    let found = api.store.installation().tenant(visible(&tenant, &id)?).await?;
    ok(TenantOut::from(&found))
}

pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> ApiResult<Of<TenantOut>> {
    let id = visible(&tenant, &id)?;
    let platform = tenant.who.may(Action::ManageTenants);
    if !platform && (id != tenant.id || fields.suspended.is_some()) {
        return Err(ApiError::forbidden("only a platform administrator suspends tenants"));
    }
    let installation = api.store.installation();
    let mut found = installation.tenant(id).await?;
    if fields.name.is_some() || fields.slug.is_some() {
        let name = valid_name("name", fields.name.as_deref().unwrap_or(&found.name))?.to_owned();
        let slug = valid_slug(fields.slug.as_deref().unwrap_or(&found.slug))?.to_owned();
        found = installation.rename_tenant(id, &name, &slug).await?;
    }
    if let Some(suspended) = fields.suspended {
        found = suspend(&api, &tenant, id, suspended).await?;
    }
    tenant.note("tenant.updated", id, &found.slug).await?;
    ok(TenantOut::from(&found))
}

async fn suspend(api: &Api, tenant: &Tenant, id: TenantId, suspended: bool) -> ApiResult<colloquy_store::Tenant> {
    if suspended && id == tenant.id {
        return Err(ApiError::conflict("you cannot suspend your own tenant"));
    }
    Ok(api.store.installation().suspend_tenant(id, suspended).await?)
}

/// Closes the tenant for everybody. Its rows stay until their retention ends: nothing is lost by a slip.
pub async fn remove(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<TenantOut>> {
    let id = visible(&tenant, &id)?;
    let found = suspend(&api, &tenant, id, true).await?;
    tenant.note("tenant.closed", id, &found.slug).await?;
    ok(TenantOut::from(&found))
}

pub async fn users_of(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    at: PageOf,
) -> ApiResult<Listed<UserOut>> {
    let id = visible(&tenant, &id)?;
    page("users", api.store.tenant(id).users(at.into()).await?, |u| UserOut::from(&u))
}

pub async fn invite(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Speech(language): Speech,
    Path(id): Path<String>,
    Body(new): Body<users::New>,
) -> ApiResult<Created<UserOut>> {
    let id = visible(&tenant, &id)?;
    let rows = api.store.tenant(api.store.installation().tenant(id).await?.id);
    let user = users::add(&api, &rows, new, |role| tenant.who.may_grant(role), language).await?;
    tenant.note("user.created", user.id, user.role.name()).await?;
    created(UserOut::from(&user))
}
