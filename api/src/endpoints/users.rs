//! `GET/POST /api/users`, `GET/PUT/PATCH /api/users/{id}`: the people of one's tenant.

use super::{auth::TenantOut, knowledge_bases::valid_name};
use crate::{
    answer::{Created, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, created, ok},
    identity::{valid_email, weakness},
    page::list as page,
    speech::Speech,
    state::Api,
    time::rfc3339,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use colloquy_domain::{access::Role, ids::UserId, language::Language, ports::StoreError, time::Timestamp};
use colloquy_store::{NewUser, Purpose, TenantStore, User};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// A person; never their password's hash.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserOut {
    pub id: String,
    pub email: String,
    pub name: String,
    /// The first word of the name, and the rest.
    pub first_name: String,
    pub last_name: String,
    pub role: &'static str,
    /// `active`, `invited` until they chose a password, or `disabled`.
    pub status: &'static str,
    pub tenant_id: String,
    pub created_at: String,
    pub last_seen_at: Option<String>,
}

impl From<&User> for UserOut {
    fn from(u: &User) -> Self {
        let (first, last) = u.name.split_once(' ').unwrap_or((&u.name, ""));
        Self {
            id: u.id.to_string(),
            email: u.email.clone(),
            name: u.name.clone(),
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            role: u.role.name(),
            status: match (u.disabled_at, &u.password) {
                (Some(_), _) => "disabled",
                (None, None) => "invited",
                (None, Some(_)) => "active",
            },
            tenant_id: u.tenant.to_string(),
            created_at: rfc3339(u.created_at),
            last_seen_at: u.last_seen_at.map(rfc3339),
        }
    }
}

/// Either `name`, or `firstName` and `lastName`. With a password the person can sign in at once, without one they are
/// sent an invitation.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct New {
    email: String,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    role: Option<String>,
    password: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fields {
    name: Option<String>,
    role: Option<String>,
    disabled: Option<bool>,
}

/// The address belongs to another account.
pub fn taken() -> ApiError {
    let details = vec![Detail::new("email", "is already used")];
    ApiError { details, ..ApiError::new(StatusCode::BAD_REQUEST, "EMAIL_TAKEN", "the e-mail address is already used") }
}

/// A role by any of its names.
fn role(text: &str) -> ApiResult<Role> {
    text.parse().map_err(|e: colloquy_domain::access::InvalidRole| ApiError::invalid("role", e.to_string()))
}

/// Makes a person in the tenant of `rows`; invites them if they have no password yet.
pub async fn add(
    api: &Api,
    rows: &TenantStore,
    new: New,
    most: impl Fn(Role) -> bool,
    language: Language,
) -> ApiResult<User> {
    let (person, password) = validate(new)?;
    if !most(person.role) {
        return Err(ApiError::forbidden("you cannot give a role above your own"));
    }
    let hash = match password {
        Some(password) => Some(api.identity.passwords.hash(password).await?),
        None => None,
    };
    let invited = hash.is_none();
    let made = rows.create_user(NewUser { password: hash, ..person }).await;
    let user = made.map_err(|e| if e == StoreError::Conflict("email") { taken() } else { e.into() })?;
    if invited {
        let tenant = api.store.installation().tenant(user.tenant).await?;
        api.send_link(&tenant, &user, Purpose::Invitation, language).await?;
    }
    Ok(user)
}

/// All that is wrong at once.
fn validate(new: New) -> ApiResult<(NewUser, Option<String>)> {
    let mut wrong = Vec::new();
    let whole = new.name.unwrap_or_else(|| {
        let words = [new.first_name.unwrap_or_default(), new.last_name.unwrap_or_default()];
        words.join(" ")
    });
    let name = valid_name("name", &whole).map(str::to_owned).unwrap_or_else(|e| {
        wrong.extend(e.details);
        String::new()
    });
    let email = valid_email("email", &new.email).unwrap_or_else(|detail| {
        wrong.push(detail);
        String::new()
    });
    let role = role(new.role.as_deref().unwrap_or("operator")).unwrap_or_else(|e| {
        wrong.extend(e.details);
        Role::Operator
    });
    wrong.extend(new.password.as_deref().and_then(|p| weakness("password", p)));
    let person = NewUser { email, name, role, password: None };
    if wrong.is_empty() { Ok((person, new.password)) } else { Err(ApiError::validation(wrong)) }
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<UserOut>> {
    page("users", tenant.store.users(at.into()).await?, |u| UserOut::from(&u))
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<UserOut>> {
    ok(UserOut::from(&tenant.store.user(id.parse::<UserId>()?).await?))
}

/// 201 `{success, data: {user, tenant, token?}}`, with `user` at the top, too. The token is there for whoever has a
/// password: they are signed in.
pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Speech(language): Speech,
    Body(new): Body<New>,
) -> ApiResult {
    let user = add(&api, &tenant.store, new, |role| tenant.who.may_grant(role), language).await?;
    tenant.note("user.created", user.id, user.role.name()).await?;
    let out = json!(UserOut::from(&user));
    let own = api.store.installation().tenant(tenant.id).await?;
    let mut data = json!({ "user": out, "tenant": TenantOut::from(&own) });
    let mut body = json!({ "success": true, "user": out });
    if user.password.is_some() {
        let signed = api.sign_in(user).await?;
        data["token"] = json!(signed.token);
        body["token"] = json!(signed.token);
    }
    body["data"] = data;
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> ApiResult<Of<UserOut>> {
    let before = tenant.store.user(id.parse::<UserId>()?).await?;
    if !tenant.who.may_grant(before.role) {
        return Err(ApiError::forbidden("you cannot change a person with a role above your own"));
    }
    let mut user = before.clone();
    if let Some(name) = &fields.name {
        valid_name("name", name)?.clone_into(&mut user.name);
    }
    if let Some(text) = &fields.role {
        user.role = role(text)?;
        if !tenant.who.may_grant(user.role) {
            return Err(ApiError::forbidden("you cannot give a role above your own"));
        }
    }
    if let Some(disabled) = fields.disabled {
        if disabled && tenant.is(user.id) {
            return Err(ApiError::conflict("you cannot disable yourself"));
        }
        user.disabled_at = disabled.then(|| user.disabled_at.unwrap_or_else(|| now(&api)));
    }
    let user = tenant.store.update_user(&user).await.map_err(last_owner)?;
    tenant.note("user.updated", user.id, &format!("{} {}", user.role, UserOut::from(&user).status)).await?;
    ok(UserOut::from(&user))
}

fn now(api: &Api) -> Timestamp {
    api.clock.now()
}

fn last_owner(e: StoreError) -> ApiError {
    match e {
        StoreError::Conflict("last owner") => ApiError::conflict("a team keeps at least one owner"),
        other => other.into(),
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Sent {
    pub sent: bool,
}

/// Sends the invitation again.
pub async fn invite(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Speech(language): Speech,
    Path(id): Path<String>,
) -> ApiResult<Created<Sent>> {
    let user = tenant.store.user(id.parse::<UserId>()?).await?;
    if user.password.is_some() {
        return Err(ApiError::conflict("this person signs in already"));
    }
    let own = api.store.installation().tenant(tenant.id).await?;
    api.send_link(&own, &user, Purpose::Invitation, language).await?;
    created(Sent { sent: true })
}
