//! Stands for HeyGen and LiveAvatar: it knows which sessions run and what was said in them, speaks each one's dialect, and
//! loses answers on demand.

use super::services::Fault;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::stream;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

pub const KEY: &str = "key-of-the-stand-in";
pub const AVATAR: &str = "Anna_public";

#[derive(Default)]
struct Inner {
    made: usize,
    /// What was reserved: whether it runs.
    sessions: BTreeMap<String, bool>,
    /// Those that were ever opened, in order.
    opened: Vec<String>,
    stopped: Vec<String>,
    spoken: Vec<(String, String)>,
    alive: usize,
    /// By the kind of call.
    faults: HashMap<&'static str, Fault>,
    /// What providers let a session last, in seconds.
    longest: u64,
    /// Nothing can be stopped.
    down: bool,
}

type Shared = Arc<Mutex<Inner>>;

pub struct Avatars {
    pub url: String,
    inner: Shared,
}

impl Avatars {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let inner = Arc::new(Mutex::new(Inner { longest: 600, ..Inner::default() }));
        let app = Router::new()
            .route("/v1/streaming.new", post(heygen_new))
            .route("/v1/streaming.start", post(heygen_start))
            .route("/v1/streaming.task", post(heygen_task))
            .route("/v1/streaming.stop", post(heygen_stop))
            .route("/v1/streaming.list", get(heygen_list))
            .route("/v1/sessions", get(live_list))
            .route("/v1/sessions/token", post(live_token))
            .route("/v1/sessions/start", post(live_start))
            .route("/v1/sessions/stop", post(live_stop))
            .route("/v1/sessions/keep-alive", post(live_keep))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, inner }
    }

    /// As a tenant enters it.
    pub fn settings(&self, provider: &str) -> Value {
        json!({ "provider": provider, "apiKey": KEY, "avatarId": AVATAR, "voiceId": "voice-1", "maxSessions": "2",
            "baseUrl": self.url })
    }

    /// `new`, `start`, `task` or `stop`, at either.
    pub fn next(&self, call: &'static str, fault: Fault) {
        self.inner.lock().unwrap().faults.insert(call, fault);
    }

    /// Sessions end after so many seconds by their provider's word.
    pub fn lasts(&self, seconds: u64) {
        self.inner.lock().unwrap().longest = seconds;
    }

    pub fn down(&self, down: bool) {
        self.inner.lock().unwrap().down = down;
    }

    pub fn running(&self) -> usize {
        self.inner.lock().unwrap().sessions.values().filter(|runs| **runs).count()
    }

    pub fn opened(&self) -> usize {
        self.inner.lock().unwrap().opened.len()
    }

    pub fn stopped(&self) -> Vec<String> {
        self.inner.lock().unwrap().stopped.clone()
    }

    /// What was said, in which session.
    pub fn spoken(&self) -> Vec<(String, String)> {
        self.inner.lock().unwrap().spoken.clone()
    }

    /// How often somebody kept a session alive.
    pub fn alive(&self) -> usize {
        self.inner.lock().unwrap().alive
    }
}

async fn answer(state: &Shared, call: &'static str, status: u16, body: Value) -> Response {
    let fault = state.lock().unwrap().faults.remove(call);
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Cut) => Body::from_stream(stream::iter([
            Ok(Bytes::from_static(b"{\"code\":")),
            Err(std::io::Error::other("the line is cut")),
        ]))
        .into_response(),
        None => (StatusCode::from_u16(status).unwrap(), Json(body)).into_response(),
    }
}

fn has_key(headers: &HeaderMap) -> bool {
    headers.get("x-api-key").is_some_and(|key| key == KEY)
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "code": 400_112, "message": "Unauthorized" }))).into_response()
}

fn good(data: Value) -> (u16, Value) {
    (200, json!({ "code": 100, "message": "success", "data": data }))
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

impl Inner {
    fn make(&mut self, runs: bool) -> String {
        self.made += 1;
        let id = format!("00000000-0000-0000-0000-{:012}", self.made);
        self.sessions.insert(id.clone(), runs);
        if runs {
            self.opened.push(id.clone());
        }
        id
    }

    /// As HeyGen says that there is none.
    fn stop(&mut self, id: &str) -> (u16, Value) {
        if self.down {
            return (503, json!({}));
        }
        match self.sessions.get_mut(id).filter(|runs| **runs) {
            Some(runs) => {
                *runs = false;
                self.stopped.push(id.to_owned());
                good(json!({}))
            }
            None => (400, json!({ "code": 400_004, "message": format!("Session does not exist. SessionID: {id}") })),
        }
    }
}

async fn heygen_new(State(state): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !has_key(&headers) {
        return unauthorized();
    }
    assert_eq!((&body["version"], &body["disable_idle_timeout"]), (&json!("v2"), &json!(false)), "{body}");
    if body["avatar_id"] != AVATAR {
        return answer(&state, "new", 400, json!({ "code": 10_013, "message": "avatar not found" })).await;
    }
    let (status, body) = {
        let mut inner = state.lock().unwrap();
        let id = inner.make(true);
        good(json!({ "session_id": id, "access_token": format!("room-{id}"), "url": "wss://heygen.livekit.cloud",
            "is_paid": true, "session_duration_limit": inner.longest }))
    };
    answer(&state, "new", status, body).await
}

async fn heygen_start(State(state): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let known = state.lock().unwrap().sessions.contains_key(&text(&body, "session_id"));
    let status = if has_key(&headers) && known { 200 } else { 400 };
    answer(&state, "start", status, json!({ "code": 100, "data": null })).await
}

async fn heygen_task(State(state): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    assert!(has_key(&headers) && body["task_type"] == "repeat", "{body}");
    let said = (text(&body, "session_id"), text(&body, "text"));
    state.lock().unwrap().spoken.push(said);
    let (status, body) = good(json!({ "duration_ms": 1_000.5, "task_id": "task-1" }));
    answer(&state, "task", status, body).await
}

async fn heygen_stop(State(state): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !has_key(&headers) {
        return unauthorized();
    }
    let (status, body) = state.lock().unwrap().stop(&text(&body, "session_id"));
    answer(&state, "stop", status, body).await
}

fn listed(state: &Shared) -> Vec<Value> {
    let inner = state.lock().unwrap();
    inner.sessions.iter().filter(|(_, runs)| **runs).map(|(id, _)| json!({ "session_id": id })).collect()
}

async fn heygen_list(State(state): State<Shared>, headers: HeaderMap) -> Response {
    if !has_key(&headers) {
        return unauthorized();
    }
    let (status, body) = good(json!({ "sessions": listed(&state) }));
    answer(&state, "list", status, body).await
}

async fn live_token(State(state): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !has_key(&headers) {
        return unauthorized();
    }
    assert_eq!((&body["mode"], &body["avatar_id"]), (&json!("FULL"), &json!(AVATAR)), "{body}");
    let id = state.lock().unwrap().make(false);
    let (status, body) = good(json!({ "session_id": id, "session_token": format!("grant-{id}") }));
    answer(&state, "new", status, body).await
}

async fn live_start(State(state): State<Shared>, headers: HeaderMap) -> Response {
    let bearer = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let Some(id) = bearer.strip_prefix("Bearer grant-").map(str::to_owned) else { return unauthorized() };
    let body = {
        let mut inner = state.lock().unwrap();
        inner.sessions.insert(id.clone(), true);
        inner.opened.push(id.clone());
        json!({ "code": 1000, "data": { "session_id": id, "livekit_url": "wss://live.livekit.cloud",
            "livekit_client_token": format!("room-{id}"), "max_session_duration": inner.longest } })
    };
    answer(&state, "start", 201, body).await
}

async fn live_stop(State(state): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if !has_key(&headers) {
        return unauthorized();
    }
    let (status, body) = state.lock().unwrap().stop(&text(&body, "session_id"));
    answer(&state, "stop", if status == 400 { 404 } else { status }, body).await
}

async fn live_keep(State(state): State<Shared>, headers: HeaderMap) -> Response {
    state.lock().unwrap().alive += 1;
    let status = if has_key(&headers) { 200 } else { 401 };
    answer(&state, "task", status, json!({ "code": 1000, "data": null })).await
}

async fn live_list(
    State(state): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if !has_key(&headers) {
        return unauthorized();
    }
    assert_eq!(query["type"], "active");
    let sessions = listed(&state);
    answer(&state, "list", 200, json!({ "code": 1000, "data": { "count": sessions.len(), "results": sessions } })).await
}
