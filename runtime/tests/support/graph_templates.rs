//! The stand-in's message templates: handed in, looked at, listed in pages, changed and withdrawn.

use super::graph::{Shared, complain, lock, refusal, unauthorized};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The business account that has the number.
pub const BUSINESS_ID: &str = "102290129340398";

/// The page's size, however many are asked for: whoever reads one page only misses some.
const PAGE: usize = 2;

type Asked = (State<Shared>, HeaderMap, Path<(String, String)>);

/// Why Graph would not take it.
fn wrong(body: &Value) -> Option<&'static str> {
    let name = body["name"].as_str().unwrap_or_default();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        return Some("name");
    }
    let components = body["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !components.iter().any(|c| c["type"] == "BODY" && c["text"].is_string()) {
        return Some("components");
    }
    (!body["language"].is_string() || !matches!(body["category"].as_str(), Some("UTILITY" | "MARKETING")))
        .then_some("category")
}

pub(super) async fn create((State(shared), headers, Path((_, business))): Asked, Json(body): Json<Value>) -> Response {
    if let Some(refusal) = unauthorized(&headers) {
        return refusal;
    }
    if let Some(field) = wrong(&body).or((business != BUSINESS_ID).then_some("business account")) {
        complain(&shared, format!("template: {field}: {body}"));
        return refusal(400, 100, "Invalid parameter", Some(field));
    }
    let mut recorded = lock(&shared);
    let same = |t: &Value| t["name"] == body["name"] && t["language"] == body["language"];
    if recorded.templates.iter().any(same) {
        return refusal(400, 100, "Invalid parameter", Some("Content in this language already exists"));
    }
    let id = format!("77{:04}", recorded.templates.len() + 1);
    let mut template = body;
    template["id"] = json!(id);
    template["status"] = json!("PENDING");
    template["rejected_reason"] = json!("NONE");
    let category = template["category"].clone();
    recorded.templates.push(template);
    Json(json!({ "id": id, "status": "PENDING", "category": category })).into_response()
}

pub(super) async fn list(
    (State(shared), headers, _): Asked,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if let Some(refusal) = unauthorized(&headers) {
        return refusal;
    }
    let from: usize = query.get("after").and_then(|a| a.parse().ok()).unwrap_or(0);
    let all = lock(&shared).templates.clone();
    let page: Vec<&Value> = all.iter().skip(from).take(PAGE).collect();
    let mut answer = json!({ "data": page, "paging": { "cursors": { "after": (from + PAGE).to_string() } } });
    if from + PAGE < all.len() {
        answer["paging"]["next"] = json!("https://graph.facebook.com/next");
    }
    Json(answer).into_response()
}

pub(super) async fn revise((State(shared), headers, Path((_, id))): Asked, Json(body): Json<Value>) -> Response {
    if let Some(refusal) = unauthorized(&headers) {
        return refusal;
    }
    let mut recorded = lock(&shared);
    let Some(template) = recorded.templates.iter_mut().find(|t| t["id"] == json!(id)) else {
        return refusal(400, 100, "Unsupported post request", None);
    };
    template["components"] = body["components"].clone();
    template["status"] = json!("PENDING");
    Json(json!({ "success": true })).into_response()
}

pub(super) async fn remove(
    (State(shared), headers, _): Asked,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if let Some(refusal) = unauthorized(&headers) {
        return refusal;
    }
    let mut recorded = lock(&shared);
    let before = recorded.templates.len();
    recorded.templates.retain(|t| t["id"] != json!(query.get("hsm_id")) || t["name"] != json!(query.get("name")));
    if recorded.templates.len() == before {
        return refusal(400, 100, "Invalid parameter", Some("no such template"));
    }
    Json(json!({ "success": true })).into_response()
}
