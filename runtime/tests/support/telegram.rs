//! A local stand-in for the Bot API: takes every call of its bot, records it, and refuses what a test tells it to.

use super::{client::Client, meta};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, task::JoinHandle};

pub const BOT_TOKEN: &str = "7:AA-token";
pub const WORD: &str = "word";

#[derive(Default)]
struct Recorded {
    /// Method and body of each call that was taken, in order.
    taken: Vec<(String, Value)>,
    /// What is said to these methods instead.
    refused: BTreeMap<String, Value>,
    /// Messages of the bot that nobody took away, by number: chat and words.
    standing: BTreeMap<u64, (Value, String)>,
}

type Shared = Arc<Mutex<Recorded>>;

pub struct Telegram {
    /// For the `api_base` setting of a channel.
    pub url: String,
    shared: Shared,
    serving: JoinHandle<()>,
}

impl Drop for Telegram {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Telegram {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared::default();
        let router = Router::new().route("/{bot}/{method}", post(called)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, serving }
    }

    /// The bodies of all calls of a method that were taken, in order.
    pub fn taken(&self, method: &str) -> Vec<Value> {
        let recorded = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.taken.iter().filter(|(m, _)| m == method).map(|(_, body)| body.clone()).collect()
    }

    /// All calls that were taken, in order.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).taken.clone()
    }

    /// The methods of all calls of these that were taken, in order.
    pub fn order(&self, of: &[&str]) -> Vec<String> {
        let recorded = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.taken.iter().map(|(m, _)| m.clone()).filter(|m| of.contains(&m.as_str())).collect()
    }

    /// The words of the messages that stand in a chat now.
    pub fn standing(&self, chat: i64) -> Vec<String> {
        let recorded = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.standing.values().filter(|(of, _)| *of == json!(chat)).map(|(_, words)| words.clone()).collect()
    }

    /// The people of a chat take all that the bot said away.
    pub fn clear(&self, chat: i64) {
        let mut recorded = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.standing.retain(|_, (of, _)| *of != json!(chat));
    }

    /// From now on the method is answered so.
    pub fn refuse(&self, method: &str, code: u16, description: &str) {
        let body = json!({ "ok": false, "error_code": code, "description": description });
        let mut recorded = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.refused.insert(method.to_owned(), body);
    }
}

async fn called(
    State(shared): State<Shared>,
    Path((bot, method)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    if bot != format!("bot{BOT_TOKEN}") {
        let body = json!({ "ok": false, "error_code": 401, "description": "Unauthorized" });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let mut recorded = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(refusal) = recorded.refused.get(&method) {
        let code = refusal["error_code"].as_u64().and_then(|c| u16::try_from(c).ok()).unwrap();
        return (StatusCode::from_u16(code).unwrap(), Json(refusal.clone())).into_response();
    }
    let words = body["text"].as_str().or_else(|| body["caption"].as_str()).unwrap_or_default().to_owned();
    if let Some(number) = body["message_id"].as_u64() {
        if !recorded.standing.contains_key(&number) {
            let what = if method == "deleteMessage" { "delete" } else { "edit" };
            let description = format!("Bad Request: message to {what} not found");
            let refusal = json!({ "ok": false, "error_code": 400, "description": description });
            return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
        }
        match method.as_str() {
            "deleteMessage" => drop(recorded.standing.remove(&number)),
            _ => drop(recorded.standing.insert(number, (body["chat_id"].clone(), words.clone()))),
        }
    }
    let number = recorded.taken.len() + 1000;
    let message =
        |place: usize| json!({ "message_id": number * 100 + place, "chat": { "id": body["chat_id"] }, "date": 0 });
    let result = match method.as_str() {
        "getMe" => json!({ "id": 7, "is_bot": true, "username": "testbot" }),
        "sendMediaGroup" => (0..body["media"].as_array().map_or(0, Vec::len)).map(message).collect(),
        method if method.starts_with("send") && !matches!(method, "sendChatAction" | "sendMessageDraft") => message(0),
        _ => json!(true),
    };
    for message in result.as_array().map_or(std::slice::from_ref(&result), Vec::as_slice) {
        if let Some(number) = message["message_id"].as_u64() {
            recorded.standing.insert(number, (body["chat_id"].clone(), words.clone()));
        }
    }
    recorded.taken.push((method, body));
    Json(json!({ "ok": true, "result": result })).into_response()
}

/// Connects the bot by webhook to the agent; gives back the channel.
pub async fn connect(api: &Client, agent: &str, telegram: &Telegram) -> String {
    let settings = json!({
        "bot_token": BOT_TOKEN, "mode": "webhook", "webhook_secret": WORD, "api_base": telegram.url,
    });
    meta::connect(api, "telegram", agent, settings).await
}

/// A message with these fields, of the person in their own chat.
pub fn message(update: i64, person: i64, fields: &Value) -> Value {
    let mut message = json!({
        "message_id": update, "date": 1_790_000_000, "chat": { "id": person, "type": "private", "first_name": "Ann" },
        "from": { "id": person, "is_bot": false, "first_name": "Ann" },
    });
    for (key, value) in fields.as_object().unwrap() {
        message[key] = value.clone();
    }
    json!({ "update_id": update, "message": message })
}

pub async fn deliver(api: &Client, channel: &str, update: &Value) {
    let request = api.bare(Method::POST, &format!("/webhooks/{channel}"));
    let request = request.header("x-telegram-bot-api-secret-token", WORD).body(update.to_string());
    assert_eq!(api.attempt(request).await.unwrap().status, 200, "{update}");
}
