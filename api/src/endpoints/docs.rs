//! `GET /api/openapi.json`: the description of this API; `GET /api/docs`: a page to read and try it. The page's files are
//! part of the program: nothing is asked of other servers.

use crate::{
    error::{ApiError, ApiResult},
    openapi,
};
use axum::{
    Json,
    extract::Path,
    http::{HeaderValue, header},
    response::{Html, IntoResponse},
};
use serde_json::Value;
use std::{
    borrow::Cow,
    io::{Cursor, Read},
    sync::LazyLock,
};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED as SWAGGER_UI;
use zip::ZipArchive;

const PAGE: &str = include_str!("docs.html");
const START: &str = include_str!("docs.js");
/// Only files of our own run, and they speak only to their own server. Swagger UI writes style attributes, and its
/// pictures lie in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A day: another release has other files.
const CACHED: HeaderValue = HeaderValue::from_static("max-age=86400");

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);

pub async fn document() -> Json<Value> {
    Json(DOCUMENT.clone())
}

pub async fn page() -> ApiResult {
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(PAGE)).into_response())
}

/// One of the files that the page names.
pub async fn file(Path(name): Path<String>) -> ApiResult {
    let (media, content) = match name.as_str() {
        "start.js" => ("text/javascript", START.as_bytes().to_vec()),
        "swagger-ui-bundle.js" => ("text/javascript", unpacked(&name)?),
        "swagger-ui.css" => ("text/css", unpacked(&name)?),
        "favicon-32x32.png" => ("image/png", unpacked(&name)?),
        _ => return Err(ApiError::not_found("file")),
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(media)), (header::CACHE_CONTROL, CACHED)], content)
        .into_response())
}

fn unpacked(name: &str) -> ApiResult<Vec<u8>> {
    let missing = |_| ApiError::not_found("file");
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI)).map_err(missing)?;
    let place = archive.file_names().flatten().find(|f| f.ends_with(&format!("/dist/{name}"))).map(Cow::into_owned);
    let place = place.ok_or_else(|| ApiError::not_found("file"))?;
    let mut content = Vec::new();
    archive.by_name(&place).map_err(missing)?.read_to_end(&mut content).map_err(|e| {
        tracing::error!(error = %e, "a file of the page cannot be unpacked");
        ApiError::internal()
    })?;
    Ok(content)
}
