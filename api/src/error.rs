//! The one error of the API and its one mapping to HTTP.

use crate::{answer::Carries, catalogue};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use colloquy_domain::{
    failure::{Failure, Verdict},
    ids::InvalidId,
    ports::StoreError,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// An answer that is not a success: `{success:false, message, error, code, requestId, details?}`.
///
/// The request id is filled in by the outermost layer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct ApiError {
    pub status: StatusCode,
    /// Stable and machine-readable, upper case: one of the catalogue's.
    pub code: &'static str,
    pub message: String,
    /// For validation: `[{field, message}]`.
    pub details: Vec<Detail>,
    pub retry_after: Option<Duration>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Detail {
    pub field: String,
    pub message: String,
}

impl Detail {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), retry_after: None }
    }

    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("{what} not found"))
    }

    /// What is asked for cannot be done in the present state.
    #[must_use]
    pub fn conflict(message: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", message)
    }

    #[must_use]
    pub fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    }

    /// Who asks is known, and may not.
    #[must_use]
    pub fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// Too often: `wait` says when it is allowed again.
    #[must_use]
    pub fn too_many(wait: Duration) -> Self {
        let message = "too many requests: try again later";
        let retry_after = Some(wait);
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", message) }
    }

    /// One field is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::validation(vec![Detail::new(field, message)])
    }

    #[must_use]
    pub fn validation(details: Vec<Detail>) -> Self {
        let fields = details.iter().map(|d| format!("{}: {}", d.field, d.message)).collect::<Vec<_>>().join("; ");
        let message = format!("Validation failed: {fields}");
        Self { details, ..Self::new(StatusCode::BAD_REQUEST, "VALIDATION_FAILED", message) }
    }

    /// What should be shown cannot be written as JSON: a defect.
    pub(crate) fn unshown(e: serde_json::Error) -> Self {
        tracing::error!(error = %e, "answer not serialisable");
        Self::internal()
    }

    /// What is wrong is on our side, and logged.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "something went wrong on our side")
    }

    /// As it is answered, but for the request's id.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "success": false,
            "message": self.message,
            "error": self.message,
            "code": self.code,
        });
        if !self.details.is_empty() {
            body["details"] = json!(self.details);
        }
        body
    }

    pub(crate) fn unavailable(code: &'static str, message: &str, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message) }
    }
}

impl From<StoreError> for ApiError {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::NotFound(what) => Self::not_found(what),
            StoreError::Conflict(field) => Self {
                details: vec![Detail::new(field, "is already taken")],
                ..Self::new(StatusCode::CONFLICT, "CONFLICT", format!("{field} is already taken"))
            },
            StoreError::BeyondPlan(what) => Self {
                details: vec![Detail::new(what, "the plan has no room for more")],
                ..Self::new(
                    StatusCode::PAYMENT_REQUIRED,
                    "PLAN_LIMIT",
                    format!("your plan has no room for more {what}"),
                )
            },
            StoreError::Stale => Self::new(StatusCode::CONFLICT, "STALE", "somebody else changed it meanwhile"),
            StoreError::Unavailable(why) => {
                tracing::warn!(error = why, "store unavailable");
                Self::unavailable("STORE_UNAVAILABLE", "the store is busy, try again", Duration::from_secs(1))
            }
            StoreError::Full(why) => {
                tracing::error!(error = why, "store full");
                Self::unavailable("STORE_FULL", "no room is left, try again later", Duration::from_secs(30))
            }
            StoreError::Broken(why) => {
                tracing::error!(error = why, "store broken");
                Self::internal()
            }
        }
    }
}

impl From<Failure> for ApiError {
    fn from(f: Failure) -> Self {
        match f.verdict {
            Verdict::Retry { after } => {
                let after = after.unwrap_or(Duration::from_secs(2));
                Self { message: f.to_string(), ..Self::unavailable("UPSTREAM_UNAVAILABLE", "", after) }
            }
            Verdict::Reject => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "REJECTED", f.to_string()),
            Verdict::Fatal => Self::new(StatusCode::BAD_GATEWAY, "UPSTREAM_FAILED", f.to_string()),
        }
    }
}

impl From<InvalidId> for ApiError {
    fn from(e: InvalidId) -> Self {
        Self::invalid("id", e.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        debug_assert!(catalogue::find(self.code).is_some(), "{} is not in the catalogue", self.code);
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(after) = self.retry_after {
            // Rounded up: whoever comes back exactly then must be let in.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            let seconds = seconds.max(1);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What handlers answer.
pub type ApiResult<T = Response> = Result<T, ApiError>;

/// 200 with `{success:true, data}`.
pub fn ok<T: Serialize, R: Carries<T, 200>>(data: T) -> ApiResult<R> {
    answer(StatusCode::OK, data).map(R::carrying)
}

/// 201 with `{success:true, data}`.
pub fn created<T: Serialize, R: Carries<T, 201>>(data: T) -> ApiResult<R> {
    answer(StatusCode::CREATED, data).map(R::carrying)
}

/// 202 with `{success:true, data}`: it is begun.
pub fn accepted<T: Serialize, R: Carries<T, 202>>(data: T) -> ApiResult<R> {
    answer(StatusCode::ACCEPTED, data).map(R::carrying)
}

pub(crate) fn answer(status: StatusCode, data: impl Serialize) -> ApiResult {
    let data: Value = serde_json::to_value(data).map_err(ApiError::unshown)?;
    Ok((status, Json(json!({ "success": true, "data": data }))).into_response())
}
