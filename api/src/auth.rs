//! Who asks, and whether they may. The one place that knows: an API key or a token names its tenant, never a free
//! header, and each endpoint's [`Action`] (said where it is registered) is held against the table of roles or the
//! key's scopes.

use crate::{
    error::{ApiError, ApiResult},
    limits::Stranger,
    state::Api,
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use colloquy_domain::{
    access::{Action, Role, Scopes},
    ids::{SessionId, TenantId, UserId},
    rate::{Caller, Rate},
};
use colloquy_store::{Act, Actor, KeyHash, TenantStore, User};
use std::sync::Arc;
use uuid::Uuid;

/// Whose credential it is.
#[derive(Debug, Clone)]
pub enum Who {
    Person {
        user: Box<User>,
        session: SessionId,
    },
    Key {
        id: Uuid,
        scopes: Vec<String>,
    },
    /// The installation's own work, begun by somebody who was allowed to.
    System,
}

impl Who {
    /// Whether they may do it.
    pub fn may(&self, action: Action) -> bool {
        match self {
            Self::Person { user, .. } => user.role.may(action),
            Self::Key { scopes, .. } => Scopes(scopes).may(action),
            Self::System => true,
        }
    }

    /// The highest role that they may give to somebody: a key that manages people makes no owners.
    pub fn may_grant(&self, role: Role) -> bool {
        match self {
            Self::Person { user, .. } => user.role.may_grant(role),
            Self::Key { .. } => self.may(Action::ManagePeople) && Role::Admin.may_grant(role),
            Self::System => false,
        }
    }

    /// As requests are counted; the installation's own work is not.
    pub fn caller(&self) -> Option<Caller> {
        match self {
            Self::Person { user, .. } => Some(Caller::Person(user.id.uuid())),
            Self::Key { id, .. } => Some(Caller::Key(*id)),
            Self::System => None,
        }
    }

    /// Whose reading is remembered: the person's, or the key's.
    pub fn reader(&self) -> Uuid {
        match self {
            Self::Person { user, .. } => user.id.uuid(),
            Self::Key { id, .. } => *id,
            Self::System => Uuid::nil(),
        }
    }

    /// As the audit log names them.
    pub const fn actor(&self) -> Actor {
        match self {
            Self::Person { user, .. } => Actor::User(user.id),
            Self::Key { id, .. } => Actor::Key(*id),
            Self::System => Actor::System,
        }
    }
}

/// The tenant of the request's credential, with its repositories. Its owner may do what the endpoint does.
pub struct Tenant {
    pub id: TenantId,
    pub store: TenantStore,
    pub who: Who,
}

impl Tenant {
    /// The signed-in person.
    ///
    /// # Errors
    /// 403 for API keys.
    pub fn person(&self) -> Result<(&User, SessionId), ApiError> {
        match &self.who {
            Who::Person { user, session } => Ok((user, *session)),
            Who::Key { .. } | Who::System => {
                Err(ApiError::forbidden("a person must be signed in: an API key is not one"))
            }
        }
    }

    /// Writes an act of administration down.
    ///
    /// # Errors
    /// The store's.
    pub async fn note(&self, action: &str, target: impl ToString, detail: &str) -> Result<(), ApiError> {
        let (target, detail) = (target.to_string(), detail.to_owned());
        Ok(self.store.note(Act { actor: self.who.actor(), action: action.to_owned(), target, detail }).await?)
    }

    /// What works for a tenant without a request.
    pub(crate) fn of(api: &Api, id: TenantId) -> Self {
        Self { id, store: api.store.tenant(id), who: Who::System }
    }

    /// Whether `user` is the one who asks.
    pub fn is(&self, user: UserId) -> bool {
        matches!(&self.who, Who::Person { user: own, .. } if own.id == user)
    }
}

/// What the endpoint that was found lets its caller do; set by the registry of routes.
#[derive(Debug, Clone, Copy)]
pub struct Needs(pub Action);

/// The bearer token of a request, if it has one.
pub fn bearer(parts: &Parts) -> Option<&str> {
    bearer_in(&parts.headers)
}

/// The bearer token among headers, if there is one.
pub fn bearer_in(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whose credential it is, an API key or an access token.
///
/// # Errors
/// 401 for one that opens nothing (any more).
pub async fn tenant_of(api: &Api, credential: &str) -> Result<Tenant, ApiError> {
    let (id, who) = if is_token(credential) {
        let said = api.identity.keys.read(credential, api.clock.now()).ok_or_else(invalid_token)?;
        // The session may have ended since, and the person's role may be another one.
        let user = api.store.installation().session_user(said.session).await?.ok_or_else(invalid_token)?;
        if user.id != said.user || user.tenant != said.tenant {
            return Err(invalid_token());
        }
        (user.tenant, Who::Person { user: Box::new(user), session: said.session })
    } else {
        let found = api.store.installation().api_key(KeyHash::of(credential)).await?;
        let key = found.ok_or_else(|| ApiError::unauthorized("unknown API key"))?;
        (key.tenant, Who::Key { id: key.key, scopes: key.scopes })
    };
    Ok(Tenant { id, store: api.store.tenant(id), who })
}

/// JSON Web Tokens have three parts; our keys have no dots.
fn is_token(credential: &str) -> bool {
    credential.matches('.').count() == 2
}

fn invalid_token() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "TOKEN_INVALID", "the token is invalid, or too old")
}

fn missing() -> ApiError {
    let message = "a token or an API key is needed: Authorization: Bearer …";
    ApiError::new(StatusCode::UNAUTHORIZED, "TOKEN_MISSING", message)
}

impl FromRequestParts<Arc<Api>> for Tenant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let tenant = known(parts, api).await?;
        let rate = parts.extensions.get::<Rate>().copied().unwrap_or(Rate::Api);
        count(api, &tenant.who, rate)?;
        // An endpoint without an action opens for nobody.
        let needs = parts.extensions.get::<Needs>().ok_or_else(|| {
            tracing::error!(http.path = parts.uri.path(), "an endpoint has no action");
            ApiError::internal()
        })?;
        allow(&tenant.who, needs.0)?;
        Ok(tenant)
    }
}

/// Whose credential the request has. Who has none, or a key that nobody made, is counted by their address. (A token that is
/// too old is everyday life, and one that is invalid costs nothing.)
///
/// # Errors
/// 401, or 429 with the time to wait.
pub async fn known(parts: &mut Parts, api: &Arc<Api>) -> ApiResult<Tenant> {
    let credential = bearer(parts).map(str::to_owned);
    opened_by(parts, api, credential).await
}

/// As [`known`], with a credential that did not come in the header.
///
/// # Errors
/// 401, or 429 with the time to wait.
pub async fn opened_by(parts: &mut Parts, api: &Arc<Api>, credential: Option<String>) -> ApiResult<Tenant> {
    let found = match &credential {
        Some(credential) => tenant_of(api, credential).await,
        None => Err(missing()),
    };
    let guessed = !credential.as_deref().is_some_and(is_token);
    if guessed && found.as_ref().is_err_and(|e| e.status == StatusCode::UNAUTHORIZED) {
        Stranger::from_request_parts(parts, api).await?;
    }
    found
}

/// Counts a request of somebody who is known.
///
/// # Errors
/// 429 with the time to wait.
pub fn count(api: &Api, who: &Who, rate: Rate) -> ApiResult<()> {
    who.caller().map_or(Ok(()), |caller| api.limits.take(rate, caller, api.clock.now()))
}

/// # Errors
/// 403, naming what a key would need.
pub fn allow(who: &Who, action: Action) -> Result<(), ApiError> {
    match who {
        who if who.may(action) => Ok(()),
        Who::Person { .. } | Who::System => Err(ApiError::forbidden("your role does not allow this")),
        Who::Key { .. } => Err(ApiError::forbidden(&format!("the API key lacks the scope {}", action.scope()))),
    }
}
