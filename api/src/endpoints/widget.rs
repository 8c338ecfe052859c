//! `GET /widget.js`: the chat of a public web chat channel, for any page that loads this one script (docs/WIDGET.md).

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const SCRIPT: &str = include_str!("widget.js");
/// Weak: it may travel compressed.
static TAG: LazyLock<String> = LazyLock::new(|| format!("W/\"{}\"", hex::encode(&Sha256::digest(SCRIPT)[..8])));
/// Its address never changes, so pages learn of a newer one within minutes.
const CACHED: &str = "public, max-age=600";

/// Everybody may read it: it says nothing that is somebody's.
pub async fn get(headers: HeaderMap) -> Response {
    let about = [
        (header::ETAG, TAG.as_str()),
        (header::CACHE_CONTROL, CACHED),
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == TAG.as_bytes());
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, SCRIPT).into_response()
}
