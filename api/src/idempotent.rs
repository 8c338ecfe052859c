//! `Idempotency-Key` on requests that make something: carried out once, however often it is asked.
//!
//! A key belongs to whoever used it, for 24 hours. It is claimed in the database before the request is carried out, and its
//! answer is kept, encrypted, after that: so a request is carried out at most once for each key. Between the two lies what
//! no layer can close: if the process ends there, nobody knows whether it was carried out, and whoever repeats it is told
//! so (`IDEMPOTENCY_UNCERTAIN`) instead of having it done twice.

use crate::{
    auth::{self, Who},
    error::{ApiError, ApiResult},
    routes::BODY_LIMIT,
    state::Api,
};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use colloquy_domain::{ids::TenantId, time::Timestamp};
use colloquy_store::{Claimed, Digest32, TenantStore};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Characters of a key.
const LONGEST_KEY: usize = 255;
/// The largest answer that is kept.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// No request takes longer; one that does has lost its node.
const PATIENCE: Duration = Duration::from_secs(300);
/// When it is worth asking again for what is being carried out.
const SOON: Duration = Duration::from_secs(1);

/// Around all endpoints.
pub async fn around(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    once(api, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn once(api: Arc<Api>, request: Request, next: Next) -> ApiResult {
    let key = given(&request)?;
    let (mut parts, body) = request.into_parts();
    // Who has no credential, or a wrong one, is told so by the endpoint, and counted there.
    let Some(credential) = auth::bearer(&parts).map(str::to_owned) else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let Ok(tenant) = auth::tenant_of(&api, &credential).await else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let bytes = to_bytes(body, largest(&api, &parts.headers)).await.map_err(|_| {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "the body is larger than can be taken")
    })?;
    let asked = Asked {
        key: hash(&[scope(&tenant.who, tenant.id).as_bytes(), key.as_bytes()]),
        fingerprint: hash(&[parts.uri.to_string().as_bytes(), &bytes]),
        rows: tenant.store,
    };
    match asked.rows.claim_key(asked.key, asked.fingerprint).await? {
        Claimed::Fresh => {}
        Claimed::Taken => return Err(mismatch()),
        Claimed::Running(since) => return Err(running(since, api.clock.now())),
        Claimed::Answered { status, answer } => return replayed(status, answer),
    }
    parts.headers.remove(KEY);
    let request = Request::from_parts(parts, Body::from(bytes));
    // Whoever asked may be gone before it is done: it is done all the same, and its answer kept.
    let work = tokio::spawn(async move { asked.carry_out(next.run(request).await).await });
    work.await.map_err(|_| ApiError::internal())
}

fn given(request: &Request) -> ApiResult<String> {
    let key = request.headers().get(KEY).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let fits = (1..=LONGEST_KEY).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
    if fits {
        Ok(key.to_owned())
    } else {
        Err(ApiError::invalid("Idempotency-Key", "must be one word of 1 to 255 characters"))
    }
}

/// Whose key it is: two people of a tenant may choose the same.
fn scope(who: &Who, tenant: TenantId) -> String {
    let caller = match who {
        Who::Person { user, .. } => user.id.uuid(),
        Who::Key { id, .. } => *id,
        Who::System => Uuid::nil(),
    };
    format!("{tenant}:{caller}")
}

fn largest(api: &Api, headers: &axum::http::HeaderMap) -> usize {
    let json = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_none_or(|t| t.contains("json"));
    if json { BODY_LIMIT } else { api.options.max_upload }
}

/// Of the parts with their lengths: what is moved from one to the next is another.
fn hash(parts: &[&[u8]]) -> Digest32 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn mismatch() -> ApiError {
    let message = "the Idempotency-Key was used for another request";
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_MISMATCH", message)
}

fn running(since: Timestamp, now: Timestamp) -> ApiError {
    if now.since(since) < PATIENCE {
        let message = "a request with this Idempotency-Key is being carried out";
        let retry_after = Some(SOON);
        return ApiError { retry_after, ..ApiError::new(StatusCode::CONFLICT, "IDEMPOTENCY_RUNNING", message) };
    }
    let message = "the process ended while the request was carried out: look whether it was done, and use another key";
    ApiError::new(StatusCode::CONFLICT, "IDEMPOTENCY_UNCERTAIN", message)
}

fn replayed(status: u16, answer: Vec<u8>) -> ApiResult {
    let status = StatusCode::from_u16(status).map_err(|_| ApiError::internal())?;
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], answer).into_response();
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A request whose key was claimed.
struct Asked {
    rows: TenantStore,
    key: Digest32,
    fingerprint: Digest32,
}

impl Asked {
    /// Keeps the answer of what was done; what was refused may be asked again.
    async fn carry_out(self, response: Response) -> Response {
        let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/json");
        let refused = response.status().is_client_error() || response.status() == StatusCode::SERVICE_UNAVAILABLE;
        if refused || !json {
            // A stream cannot be told again either.
            self.kept(self.rows.release_key(self.key).await);
            return response;
        }
        let (parts, body) = response.into_parts();
        let Ok(bytes) = to_bytes(body, LARGEST_ANSWER).await else { return ApiError::internal().into_response() };
        self.kept(self.rows.answer_key(self.key, parts.status.as_u16(), &bytes).await);
        Response::from_parts(parts, Body::from(bytes))
    }

    /// What was done is done: the caller gets its answer, and whoever repeats it is told that nobody knows.
    fn kept(&self, result: Result<(), colloquy_domain::ports::StoreError>) {
        if let Err(error) = result {
            tracing::warn!(%error, "an answer was not kept for its idempotency key");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S2-TBL-1
    #[test]
    fn what_moves_from_one_part_to_the_next_is_another_request() {
        assert_ne!(hash(&[b"/a", b"bc"]), hash(&[b"/ab", b"c"]));
        assert_eq!(hash(&[b"/a", b"bc"]), hash(&[b"/a", b"bc"]));
    }

    // req: S2-TBL-1
    #[test]
    fn what_lost_its_node_is_not_said_to_be_running_for_ever() {
        let begun = Timestamp(1_800_000_000_000);
        assert_eq!(running(begun, begun + SOON).code, "IDEMPOTENCY_RUNNING");
        assert_eq!(running(begun, begun + PATIENCE).code, "IDEMPOTENCY_UNCERTAIN");
    }
}
