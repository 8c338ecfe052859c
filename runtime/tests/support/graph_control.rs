//! Messenger's hand-over protocol, at the stand-in for the Graph API: who holds a conversation, and who takes or gives it.

use super::graph::{Shared, complain, lock, refusal, unauthorized};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// The app id of the page's own inbox.
pub const PAGE_INBOX: &str = "263902037430900";

/// One call that moved a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub edge: String,
    pub person: String,
    /// None of who takes it.
    pub to: Option<String>,
    /// Messages that had been taken for delivery by then.
    pub after: usize,
}

/// `POST /{version}/{page}/{pass,take}_thread_control`.
pub(super) async fn moved(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path((_, _, edge)): Path<(String, String, String)>,
    Json(body): Json<Value>,
) -> Response {
    if let Some(refusal) = unauthorized(&headers) {
        complain(&shared, format!("{edge} with a wrong token"));
        return refusal;
    }
    let person = body.pointer("/recipient/id").and_then(Value::as_str).map(str::to_owned);
    let to = body.get("target_app_id").and_then(Value::as_str).map(str::to_owned);
    let (Some(person), true) = (person, to.is_some() == (edge == "pass_thread_control")) else {
        complain(&shared, format!("{edge}: {body}"));
        return refusal(400, 100, "Invalid parameter", None);
    };
    let mut recorded = lock(&shared);
    if edge == "pass_thread_control" {
        recorded.held.insert(person.clone());
    } else {
        recorded.held.remove(&person);
    }
    let after = recorded.sent.len();
    recorded.moved.push(Moved { edge, person, to, after });
    Json(json!({ "success": true })).into_response()
}

/// What is said to a message for somebody whose conversation another app holds.
pub(super) fn held_elsewhere() -> Response {
    let error = json!({
        "message": "(#10) Message failed to send because another app is controlling this thread now.",
        "type": "OAuthException", "code": 10, "error_subcode": 2_018_300, "fbtrace_id": "Atrace",
    });
    (StatusCode::FORBIDDEN, Json(json!({ "error": error }))).into_response()
}
