//! `POST /api/auth/register {tenantName, email, password, name}`: a tenant of one's own, as its owner.

use super::signed_in;
use crate::{
    body::Body,
    endpoints::{knowledge_bases::valid_name, users::taken},
    error::{ApiError, ApiResult, Detail},
    identity::{sign_in_allowances, slug_of, valid_email, weakness},
    limits::Stranger,
    peer::Peer,
    state::Api,
};
use axum::{extract::State, http::StatusCode};
use colloquy_domain::{access::Role, ports::StoreError};
use colloquy_store::{NewUser, Tenant, User};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct New {
    #[serde(alias = "company")]
    tenant_name: String,
    email: String,
    password: String,
    name: String,
}

pub async fn post(State(api): State<Arc<Api>>, _: Stranger, Peer(from): Peer, Body(new): Body<New>) -> ApiResult {
    if !api.identity.open_registration {
        let message = "registration is closed: ask an administrator for an invitation";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "REGISTRATION_CLOSED", message));
    }
    let (name, first) = validate(&new)?;
    api.attempt(sign_in_allowances("register", &first.email, from)).await?;
    if api.store.installation().user_by_email(&first.email).await?.is_some() {
        return Err(taken());
    }
    let password = Some(api.identity.passwords.hash(new.password).await?);
    let (tenant, user) = make(&api, &name, NewUser { password, ..first }).await?;
    let signed = api.sign_in(user).await?;
    signed_in(StatusCode::CREATED, &signed, &tenant)
}

/// All that is wrong at once.
fn validate(new: &New) -> ApiResult<(String, NewUser)> {
    let mut wrong: Vec<Detail> = weakness("password", &new.password).into_iter().collect();
    let mut named = |field: &str, text: &str| match valid_name(field, text) {
        Ok(name) => name.to_owned(),
        Err(e) => {
            wrong.extend(e.details);
            String::new()
        }
    };
    let (tenant, name) = (named("tenantName", &new.tenant_name), named("name", &new.name));
    let email = valid_email("email", &new.email).unwrap_or_else(|detail| {
        wrong.push(detail);
        String::new()
    });
    let first = NewUser { email, name, role: Role::Owner, password: None };
    if wrong.is_empty() { Ok((tenant, first)) } else { Err(ApiError::validation(wrong)) }
}

/// A slug that others have already gets a number.
async fn make(api: &Api, name: &str, first: NewUser) -> ApiResult<(Tenant, User)> {
    let slug = match slug_of(name) {
        empty if empty.is_empty() => "team".to_owned(),
        slug => slug,
    };
    for number in 1..=100 {
        let slug = if number == 1 { slug.clone() } else { format!("{slug}-{number}") };
        match api.store.installation().register(&slug, name, first.clone()).await {
            Err(StoreError::Conflict("slug")) => {}
            Err(StoreError::Conflict(_)) => return Err(taken()),
            other => return Ok(other?),
        }
    }
    Err(ApiError::invalid("tenantName", "too many teams have this name: choose another one"))
}
