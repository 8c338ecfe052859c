//! `GET /widget.js`: the chat of a public web chat channel, for any page that loads this one script (docs/WIDGET.md).
//!
//! The files beside this one are its parts, in the order in which they run, within one function: nothing of theirs is seen
//! by the page but `window.Colloquy`. What people and models write becomes text nodes, never markup.

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Which script it is can be asked only while it runs.
const BEGIN: &str = "(() => {
'use strict';
const script = document.currentScript ?? document.querySelector('script[data-channel][src*=\"widget.js\"]');
if (!script || window.Colloquy) return;
";
const END: &str = "})();\n";
const STYLE: &str = include_str!("style.css");
const PARTS: [&str; 7] = [
    include_str!("texts.js"),
    include_str!("view.js"),
    include_str!("words.js"),
    include_str!("log.js"),
    include_str!("connection.js"),
    include_str!("speaking.js"),
    include_str!("person.js"),
];

static SCRIPT: LazyLock<String> = LazyLock::new(whole);
/// Weak: it may travel compressed.
static TAG: LazyLock<String> = LazyLock::new(|| format!("W/\"{}\"", hex::encode(&Sha256::digest(&*SCRIPT)[..8])));
/// Its address never changes, so pages learn of a newer one within minutes.
const CACHED: &str = "public, max-age=600";

fn whole() -> String {
    // A string of JSON is one of JavaScript.
    let style = format!("const STYLE = {};\n", serde_json::Value::from(STYLE));
    [BEGIN, &style, &PARTS.concat(), END].concat()
}

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
    (about, SCRIPT.as_str()).into_response()
}
