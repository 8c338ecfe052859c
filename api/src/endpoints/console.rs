//! `GET /console` and what lies below it: the pages of the team, made of the files in `console/`, which are part of the
//! binary (a debug build reads them from disk at each request).
//!
//! Files have the version of all of them in their path, so that browsers keep them for good and never mix two versions.

use crate::error::{ApiError, ApiResult};
use axum::{
    extract::{Path, RawQuery},
    http::{Extensions, HeaderMap, StatusCode, Version, header},
    response::{IntoResponse, Redirect, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use tower_http::compression::{CompressionLayer, DefaultPredicate, predicate::Predicate};

#[derive(RustEmbed)]
#[folder = "../console/"]
struct Files;

const PAGE: &str = "index.html";
/// Where the page finds the other files; `{{assets}}` in it.
const ASSETS: &str = "/console/assets";
/// Only files of ours run, nothing inside the page does, and it speaks only to its own server. Pictures and recordings that it
/// fetched are shown from its memory.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; base-uri 'none'; object-src 'none'; form-action 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// A year: the path names the version.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
/// Of all files together.
static VERSION: LazyLock<String> = LazyLock::new(version);

/// Files get smaller on their way; refusals are still to be written in.
pub fn compressed() -> CompressionLayer<impl Predicate> {
    let found = |status: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| status.is_success();
    CompressionLayer::new().gzip(true).compress_when(DefaultPredicate::new().and(found))
}

/// Browsers that come to the server itself are shown to the console.
pub async fn home(headers: HeaderMap) -> ApiResult {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        return Ok(Redirect::temporary("/console").into_response());
    }
    Err(ApiError::not_found("endpoint"))
}

/// Where letters point: the same place in the console.
pub async fn reset(RawQuery(query): RawQuery) -> Redirect {
    Redirect::temporary(&format!("/console/reset?{}", query.unwrap_or_default()))
}

/// One page for all views: which one is shown is the path's business in the browser.
pub async fn page() -> ApiResult {
    let page = Files::get(PAGE).ok_or_else(|| ApiError::not_found("page"))?;
    let text = String::from_utf8_lossy(&page.data).replace("{{assets}}", &format!("{ASSETS}/{}", *VERSION));
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, ASK_AGAIN),
    ];
    Ok((headers, text).into_response())
}

/// A page of an older version may still ask: it gets what there is now, and keeps none of it.
pub async fn file(Path((asked, name)): Path<(String, String)>, headers: HeaderMap) -> ApiResult {
    let file = Files::get(&name).filter(|_| name != PAGE).ok_or_else(|| ApiError::not_found("file"))?;
    // Files on a disk can change while the program runs.
    let lasts = asked == *VERSION && !cfg!(debug_assertions);
    let cached = if lasts { FOR_GOOD } else { ASK_AGAIN };
    Ok(answer(&name, file, cached, &headers))
}

fn answer(name: &str, file: EmbeddedFile, cached: &'static str, headers: &HeaderMap) -> Response {
    // Weak: the same file may travel compressed.
    let tag = format!("W/\"{}\"", hex::encode(&file.metadata.sha256_hash()[..8]));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let about = [(header::ETAG, tag), (header::CACHE_CONTROL, cached.to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, kind(name))], file.data).into_response()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn version() -> String {
    let mut all = Sha256::new();
    for name in Files::iter() {
        if let Some(file) = Files::get(&name) {
            all.update(name.as_bytes());
            all.update(file.metadata.sha256_hash());
        }
    }
    hex::encode(&all.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::webhook::EVENTS;

    #[test]
    fn every_event_can_be_chosen() {
        let file = Files::get("app/settings/webhooks.js").expect("there");
        let text = std::str::from_utf8(&file.data).expect("words");
        let missing: Vec<&str> = EVENTS.into_iter().filter(|e| !text.contains(&format!("'{e}'"))).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }
}
