//! A local stand-in for Meta's Graph API: as strict about requests as Graph is, and able to fail as Graph does.
//!
//! It takes `POST /{version}/{phone or page id}/messages` (WhatsApp and Messenger) and `GET /{version}/{id}`, checks
//! token and shape, records what was taken for delivery, and plays the faults that a test asks for. Every id is that of a
//! file, too, whose bytes it hands out for the token.

use super::{graph_control, graph_templates};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, VecDeque},
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The only access token that is accepted.
pub const TOKEN: &str = "EAAG-the-access-token";

/// What every file holds.
pub const FILE: &[u8] = b"\xff\xd8\xff the bytes of a picture";
/// Characters of a WhatsApp text; Messenger's is below.
const WHATSAPP_TEXT: usize = 4096;
const MESSENGER_TEXT: usize = 2000;

/// How the next message is treated.
/// 2100-01-01, in seconds.
const TOKEN_ENDS: i64 = 4_102_444_800;

#[derive(Debug, Clone)]
pub enum Fault {
    /// Refused with Graph's error object.
    Error { status: u16, code: i64, message: &'static str },
    /// Refused with 429 and `Retry-After`, in seconds.
    TooMany { retry_after: u64 },
    /// A gateway's page: not JSON, and the message was not taken.
    Gateway(u16),
    /// Taken for delivery, then the connection breaks before the answer is whole.
    TakenThenClosed,
    /// Taken for delivery, and answered after this time.
    Slow(Duration),
    /// Refused after this time.
    SlowError { wait: Duration, status: u16, code: i64 },
}

/// One message that was taken for delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The id that Graph gave it.
    pub id: String,
    pub to: String,
    pub text: String,
    /// `biz_opaque_callback_data`, or Messenger's metadata.
    pub opaque: String,
    pub body: Value,
}

#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) sent: Vec<Sent>,
    /// Requests to send a message, whatever came of them.
    attempts: usize,
    /// Read receipts, typing indicators, sender actions.
    signals: usize,
    /// What Graph would have refused of itself: a test fails if there is any that it did not expect.
    complaints: Vec<String>,
    next: VecDeque<Fault>,
    always: Option<Fault>,
    /// Message templates, as the provider lists them.
    pub(super) templates: Vec<Value>,
    /// People whose conversations another app holds, and the calls that gave or took them.
    pub(super) held: BTreeSet<String>,
    pub(super) moved: Vec<graph_control::Moved>,
}

pub(super) type Shared = Arc<Mutex<Recorded>>;

/// The running stand-in; ends when it is dropped.
pub struct Graph {
    /// For the `api_base` setting of a channel.
    pub url: String,
    shared: Shared,
    serving: JoinHandle<()>,
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Graph {
    pub async fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST).await
    }

    /// On a free port of this address.
    pub async fn start_at(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared::default();
        let router = Router::new()
            .route("/{version}/{id}/messages", axum::routing::post(messages))
            .route(
                "/{version}/{id}/message_templates",
                get(graph_templates::list).post(graph_templates::create).delete(graph_templates::remove),
            )
            .route("/{version}/{id}", get(object).post(graph_templates::revise))
            .route("/{version}/{id}/{edge}", axum::routing::post(graph_control::moved))
            .route("/files/of/{id}", get(file))
            .fallback(|| async { refusal(400, 2500, "Unknown path components", None) })
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, serving }
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was taken for delivery, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    /// The texts that were taken for this person, in order.
    pub fn texts_to(&self, person: &str) -> Vec<String> {
        self.lock().sent.iter().filter(|s| s.to == person).map(|s| s.text.clone()).collect()
    }

    pub fn templates(&self) -> Vec<Value> {
        self.lock().templates.clone()
    }

    /// The provider decides about a template, or has one that we do not know.
    pub fn decide(&self, name: &str, status: &str) {
        let mut recorded = self.lock();
        match recorded.templates.iter_mut().find(|t| t["name"] == *name) {
            Some(template) => template["status"] = json!(status),
            None => recorded.templates.push(json!({
                "id": format!("99{name}"), "name": name, "language": "en", "category": "UTILITY", "status": status,
                "components": [{ "type": "BODY", "text": "Made at the provider." }],
            })),
        }
    }

    /// The provider has a template no more.
    pub fn withdraw(&self, name: &str) {
        self.lock().templates.retain(|t| t["name"] != *name);
    }

    /// Another app holds the conversation with this person from now on.
    pub fn hold(&self, person: &str) {
        self.lock().held.insert(person.to_owned());
    }

    /// The calls that gave or took conversations, in order.
    pub fn moved(&self) -> Vec<graph_control::Moved> {
        self.lock().moved.clone()
    }

    pub fn attempts(&self) -> usize {
        self.lock().attempts
    }

    pub fn signals(&self) -> usize {
        self.lock().signals
    }

    pub fn complaints(&self) -> Vec<String> {
        self.lock().complaints.clone()
    }

    /// The next message is treated so; several wait in a row.
    pub fn next(&self, fault: Fault) {
        self.lock().next.push_back(fault);
    }

    /// Every message is treated so until [`Graph::heal`].
    pub fn always(&self, fault: Fault) {
        self.lock().always = Some(fault);
    }

    pub fn heal(&self) {
        let mut recorded = self.lock();
        recorded.always = None;
        recorded.next.clear();
    }
}

/// Graph's error object.
pub(super) fn refusal(status: u16, code: i64, message: &str, details: Option<&str>) -> Response {
    let kind = if matches!(code, 0 | 10 | 190 | 200..=299) { "OAuthException" } else { "GraphMethodException" };
    let mut error =
        json!({ "message": format!("(#{code}) {message}"), "type": kind, "code": code, "fbtrace_id": "Atrace" });
    if let Some(details) = details {
        error["error_data"] = json!({ "messaging_product": "whatsapp", "details": details });
    }
    let status = StatusCode::from_u16(status).unwrap();
    (status, Json(json!({ "error": error }))).into_response()
}

/// The token is looked at before anything else.
pub(super) fn unauthorized(headers: &HeaderMap) -> Option<Response> {
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    (given != format!("Bearer {TOKEN}")).then(|| refusal(401, 190, "Invalid OAuth access token", None))
}

async fn object(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path((version, id)): Path<(String, String)>,
) -> Response {
    if let Some(refusal) = unauthorized(&headers) {
        complain(&shared, "a read with a wrong token".to_owned());
        return refusal;
    }
    if !is_version(&version) {
        return refusal(400, 2500, "Unknown path components", None);
    }
    if id == "debug_token" {
        return Json(json!({ "data": { "is_valid": true, "expires_at": TOKEN_ENDS } })).into_response();
    }
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let body = json!({
        "url": format!("http://{host}/files/of/{id}"), "mime_type": "image/jpeg", "file_size": FILE.len(),
        "id": id, "name": "Test page", "username": "test_shop", "verified_name": "Test Shop", "display_phone_number": "+972 12-345-6789",
    });
    Json(body).into_response()
}

async fn file(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if let Some(refusal) = unauthorized(&headers) {
        complain(&shared, "a file with a wrong token".to_owned());
        return refusal;
    }
    ([(header::CONTENT_TYPE, "image/jpeg")], FILE).into_response()
}

fn is_version(version: &str) -> bool {
    let numbers = version.strip_prefix('v').and_then(|v| v.split_once('.'));
    numbers.is_some_and(|(a, b)| a.parse::<u16>().is_ok() && b.parse::<u16>().is_ok())
}

/// What a well-formed body asks for.
enum Asked {
    /// To deliver this.
    Message { to: String, text: String, opaque: String, whatsapp: bool },
    /// A read receipt, a typing indicator.
    Signal { to: Option<String> },
}

async fn messages(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path((version, _)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    if let Some(refusal) = unauthorized(&headers) {
        complain(&shared, "a message with a wrong token".to_owned());
        return refusal;
    }
    let asked = match serde_json::from_slice::<Value>(&body) {
        Ok(_) if !is_version(&version) => Err(format!("no version: {version}")),
        Ok(body) => read(&body).map(|asked| (asked, body)),
        Err(e) => Err(format!("not JSON: {e}")),
    };
    match asked {
        Err(complaint) => {
            complain(&shared, complaint.clone());
            refusal(400, 100, "Invalid parameter", Some(&complaint))
        }
        Ok((Asked::Signal { to: None }, _)) => {
            lock(&shared).signals += 1;
            Json(json!({ "success": true })).into_response()
        }
        Ok((Asked::Signal { to: Some(to) }, _)) => {
            lock(&shared).signals += 1;
            Json(json!({ "recipient_id": to })).into_response()
        }
        Ok((Asked::Message { to, .. }, _)) if lock(&shared).held.contains(&to) => {
            lock(&shared).attempts += 1;
            graph_control::held_elsewhere()
        }
        Ok((Asked::Message { to, text, opaque, whatsapp }, body)) => {
            let fault = {
                let mut recorded = lock(&shared);
                recorded.attempts += 1;
                recorded.next.pop_front().or_else(|| recorded.always.clone())
            };
            let take = || take(&shared, Sent { id: String::new(), to, text, opaque, body }, whatsapp);
            play(fault, take).await
        }
    }
}

async fn play(fault: Option<Fault>, take: impl FnOnce() -> Response) -> Response {
    match fault {
        None => take(),
        Some(Fault::Error { status, code, message }) => refusal(status, code, message, Some(message)),
        Some(Fault::TooMany { retry_after }) => {
            let mut response = refusal(429, 130_429, "Rate limit hit", Some("Too many messages"));
            response.headers_mut().insert(header::RETRY_AFTER, retry_after.into());
            response
        }
        Some(Fault::Gateway(status)) => {
            (StatusCode::from_u16(status).unwrap(), "<html>upstream unavailable</html>").into_response()
        }
        Some(Fault::TakenThenClosed) => {
            drop(take());
            let broken = futures::stream::once(async { Err::<Bytes, _>(io::Error::other("the connection breaks")) });
            (StatusCode::OK, Body::from_stream(broken)).into_response()
        }
        Some(Fault::SlowError { wait, status, code }) => {
            tokio::time::sleep(wait).await;
            refusal(status, code, "Service unavailable", None)
        }
        Some(Fault::Slow(time)) => {
            let answer = take();
            tokio::time::sleep(time).await;
            answer
        }
    }
}

pub(super) fn lock(shared: &Shared) -> MutexGuard<'_, Recorded> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn complain(shared: &Shared, complaint: String) {
    lock(shared).complaints.push(complaint);
}

/// Records a message and gives Graph's answer for it.
fn take(shared: &Shared, mut sent: Sent, whatsapp: bool) -> Response {
    let mut recorded = lock(shared);
    let number = recorded.sent.len() + 1;
    let answer = if whatsapp {
        sent.id = format!("wamid.OUT{number:06}");
        json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": sent.to, "wa_id": sent.to }],
            "messages": [{ "id": sent.id }],
        })
    } else {
        sent.id = format!("m_OUT{number:06}");
        json!({ "recipient_id": sent.to, "message_id": sent.id })
    };
    recorded.sent.push(sent);
    Json(answer).into_response()
}

fn read(body: &Value) -> Result<Asked, String> {
    if body.get("messaging_product").is_some() { read_whatsapp(body) } else { read_messenger(body) }
}

fn text_at<'a>(body: &'a Value, pointer: &str) -> Result<&'a str, String> {
    let text = body.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty());
    text.ok_or_else(|| format!("{pointer} is missing or empty: {body}"))
}

fn only(body: &Value, known: &[&str]) -> Result<(), String> {
    let unknown = body.as_object().and_then(|o| o.keys().find(|k| !known.contains(&k.as_str())));
    unknown.map_or(Ok(()), |k| Err(format!("unexpected parameter {k}: {body}")))
}

fn read_whatsapp(body: &Value) -> Result<Asked, String> {
    if body["messaging_product"] != "whatsapp" {
        return Err(format!("messaging_product: {body}"));
    }
    if body.get("status").is_some() {
        only(body, &["messaging_product", "status", "message_id", "typing_indicator"])?;
        text_at(body, "/message_id")?;
        let typing = body.get("typing_indicator");
        if body["status"] != "read" || typing.is_some_and(|t| t["type"] != "text") {
            return Err(format!("no read receipt: {body}"));
        }
        return Ok(Asked::Signal { to: None });
    }
    let known = [
        "messaging_product",
        "recipient_type",
        "to",
        "recipient",
        "type",
        "text",
        "template",
        "biz_opaque_callback_data",
        "context",
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "interactive",
    ];
    only(body, &known)?;
    let opaque = body["biz_opaque_callback_data"].as_str().unwrap_or_default();
    let text = match body["type"].as_str().unwrap_or_default() {
        "text" => {
            only(&body["text"], &["body", "preview_url"])?;
            text_at(body, "/text/body")?
        }
        "template" => {
            only(&body["template"], &["name", "language", "components"])?;
            text_at(body, "/template/language/code")?;
            // What a person would read is the provider's: the name stands for it.
            text_at(body, "/template/name")?
        }
        kind @ ("image" | "video" | "audio" | "document" | "sticker") => {
            only(&body[kind], &["link", "id", "caption", "filename"])?;
            text_at(&body[kind], "/link")?;
            body[kind]["caption"].as_str().unwrap_or_default()
        }
        "interactive" => {
            only(&body["interactive"], &["type", "header", "body", "footer", "action"])?;
            text_at(body, "/interactive/body/text")?
        }
        _ => return Err(format!("no message: {body}")),
    };
    if text.chars().count() > WHATSAPP_TEXT || opaque.len() > 512 {
        return Err(format!("too long: {body}"));
    }
    let to = text_at(body, "/to").or_else(|_| text_at(body, "/recipient"))?;
    Ok(Asked::Message { to: to.to_owned(), text: text.to_owned(), opaque: opaque.to_owned(), whatsapp: true })
}

fn read_messenger(body: &Value) -> Result<Asked, String> {
    let to = text_at(body, "/recipient/id")?.to_owned();
    if let Some(action) = body.get("sender_action") {
        only(body, &["recipient", "sender_action"])?;
        let known = ["typing_on", "typing_off", "mark_seen"].iter().any(|a| action == a);
        return if known { Ok(Asked::Signal { to: Some(to) }) } else { Err(format!("sender_action: {body}")) };
    }
    only(body, &["recipient", "messaging_type", "message", "tag"])?;
    let text = match body["message"].get("attachment") {
        Some(attachment) => text_at(attachment, "/type").map(|_| "")?,
        None => text_at(body, "/message/text")?,
    };
    if body["messaging_type"] != "RESPONSE" || text.chars().count() > MESSENGER_TEXT {
        return Err(format!("no text message: {body}"));
    }
    let opaque = body["message"]["metadata"].as_str().unwrap_or_default().to_owned();
    Ok(Asked::Message { to, text: text.to_owned(), opaque, whatsapp: false })
}
