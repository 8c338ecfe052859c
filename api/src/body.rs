//! Reading requests so that what is wrong is named.

use crate::error::ApiError;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::{StatusCode, request::Parts},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// A JSON body; errors name the field.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let json = request.headers().get("content-type").and_then(|v| v.to_str().ok());
        if json.is_some_and(|t| !t.to_ascii_lowercase().contains("json")) {
            let message = "the body must be application/json";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|e| {
            let code = if e.status() == StatusCode::PAYLOAD_TOO_LARGE { "TOO_LARGE" } else { "MALFORMED" };
            ApiError::new(e.status(), code, e.body_text())
        })?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        named(&mut json).map(Self)
    }
}

/// What came over another connection than a request.
///
/// # Errors
/// 400, naming the field.
pub fn read<T: DeserializeOwned>(json: serde_json::Value) -> Result<T, ApiError> {
    named(json)
}

fn named<'de, T, D>(json: D) -> Result<T, ApiError>
where
    T: Deserialize<'de>,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(json).map_err(|e| {
        let path = e.path().to_string();
        ApiError::invalid(if path == "." { "body".to_owned() } else { path }, e.into_inner().to_string())
    })
}

/// `?page=1&limit=20`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub struct Paging {
    #[schemars(range(min = 1))]
    pub page: Option<u32>,
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u32>,
}

/// A validated page: number from 1, at most 100 rows.
#[derive(Debug, Clone, Copy)]
pub struct PageOf {
    pub page: u32,
    pub limit: u32,
}

impl<S: Send + Sync> FromRequestParts<S> for PageOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(q) = Query::<Paging>::from_request_parts(parts, state)
            .await
            .map_err(|e| ApiError::invalid("page, limit", e.body_text()))?;
        page_of(q.page, q.limit, 20)
    }
}

/// # Errors
/// 400 for a page that cannot be.
pub fn page_of(page: Option<u32>, limit: Option<u32>, usual: u32) -> Result<PageOf, ApiError> {
    let (page, limit) = (page.unwrap_or(1), limit.unwrap_or(usual));
    if page == 0 {
        return Err(ApiError::invalid("page", "begins at 1"));
    }
    if !(1..=100).contains(&limit) {
        return Err(ApiError::invalid("limit", "must be between 1 and 100"));
    }
    Ok(PageOf { page, limit })
}
