//! `ETag` on what is read, `If-Match` on what is changed: whoever changes what somebody else has changed meanwhile is told
//! (412) instead of undoing it.
//!
//! The tag is a hash of what is shown. Changes with `If-Match` are made one after the other on a node, so that of two with
//! the same tag one is refused; what another node or somebody without `If-Match` writes in the same moment is not seen.

use crate::{Api, error::ApiError};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use std::{net::SocketAddr, sync::Arc};
use tokio::sync::Mutex;
use tower::ServiceExt;

/// What has a tag, under whichever prefix.
const TAGGED: [&str; 6] =
    ["/agents/{id}", "/channels/{id}", "/contacts/{id}", "/templates/{id}", "/tenants/{id}", "/companies/{id}"];
/// The largest answer that gets a tag.
const LARGEST: usize = 1024 * 1024;
/// Changes that wait for each other: the same thing always for the same.
static TURNS: [Mutex<()>; 64] = [const { Mutex::const_new(()) }; 64];

/// Around all endpoints of the router.
pub fn around(router: Router<Arc<Api>>, api: &Arc<Api>) -> Router<Arc<Api>> {
    // What is to be changed is read through the endpoints themselves: a layer has only the one that was asked for.
    let plain = router.clone().with_state(Arc::clone(api));
    router.layer(middleware::from_fn_with_state(plain, answer))
}

async fn answer(State(plain): State<Router>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if !TAGGED.iter().any(|tagged| path.ends_with(tagged)) {
        return next.run(request).await;
    }
    match *request.method() {
        Method::GET => read(request, next).await,
        Method::PUT | Method::PATCH if request.headers().contains_key(header::IF_MATCH) => {
            change(plain, request, next).await
        }
        _ => next.run(request).await,
    }
}

async fn read(request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let response = tagged(next.run(request).await).await;
    let Some(tag) = response.headers().get(header::ETAG) else { return response };
    if names(&headers, header::IF_NONE_MATCH, tag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag.clone())]).into_response();
    }
    response
}

async fn change(plain: Router, request: Request, next: Next) -> Response {
    let turn = usize::from(Sha256::digest(request.uri().path())[0]) % TURNS.len();
    let _turn = TURNS[turn].lock().await;
    let now = tagged(plain.oneshot(look(&request)).await.into_response()).await;
    match now.headers().get(header::ETAG) {
        Some(tag) if names(request.headers(), header::IF_MATCH, tag) => next.run(request).await,
        Some(_) => {
            let message = "it has changed since: read it again before you change it";
            ApiError::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", message).into_response()
        }
        // There is none, or it may not be seen.
        None => now,
    }
}

/// The same thing, to be read by the same caller.
fn look(request: &Request) -> Request {
    let mut look = Request::new(Body::empty());
    *look.uri_mut() = request.uri().clone();
    if let Some(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        look.extensions_mut().insert(*peer);
    }
    for name in [header::AUTHORIZATION, HeaderName::from_static("x-forwarded-for")] {
        look.headers_mut().extend(request.headers().get(&name).map(|value| (name, value.clone())));
    }
    look
}

/// With its tag, if it is what was asked for.
async fn tagged(response: Response) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else { return ApiError::internal().into_response() };
    let hash = hex::encode(&Sha256::digest(&bytes)[..16]);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{hash}\"")) {
        parts.headers.insert(header::ETAG, tag);
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether the header is `*`, or has the tag among its own.
fn names(headers: &HeaderMap, header: HeaderName, tag: &HeaderValue) -> bool {
    let given = headers.get_all(header).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
    // Those who passed it on may have made it a weak one.
    given.map(|t| t.trim().trim_start_matches("W/")).any(|t| t == "*" || t.as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others() {
        let tag = HeaderValue::from_static("\"a1\"");
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, text.parse().unwrap());
            names(&headers, header::IF_MATCH, &tag)
        };
        assert!(of("\"a1\"") && of("\"b2\", W/\"a1\"") && of("*"));
        assert!(!of("\"b2\"") && !of("a1") && !names(&HeaderMap::new(), header::IF_MATCH, &tag));
    }
}
