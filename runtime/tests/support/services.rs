//! Stands for Google (sign-in, Calendar, Sheets), for Stripe's payments and for a model that calls tools: it counts what was
//! really done, knows keys and ids as the real ones do, and loses answers on demand.

use axum::{
    Form, Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
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

/// Of a service account that exists nowhere.
pub const PRIVATE_KEY: &str = include_str!("../../../tools/src/integrations/testdata/rsa.pem");
pub const CALENDAR: &str = "team@group.calendar.google.com";
const TOKEN: &str = "ya29.stand-in";
pub const STRIPE_KEY: &str = "sk_test_stand_in";

/// What happens to the next call of a kind, after its work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks in the middle of the answer.
    Cut,
    /// No answer ever comes.
    Hang,
}

#[derive(Default)]
struct Inner {
    events: BTreeMap<String, Value>,
    sheets: BTreeMap<String, Vec<Vec<Value>>>,
    payments: BTreeMap<String, Value>,
    keys: HashMap<String, Value>,
    charges: Vec<String>,
    refunds: Vec<Value>,
    /// By the kind of call.
    faults: HashMap<&'static str, Fault>,
    /// Payments cannot be looked at.
    blind: bool,
    /// What the model was asked last.
    prompts: Vec<Value>,
    /// How many recordings came, and whether nobody listens.
    recordings: usize,
    deaf: bool,
    /// How often the model still refuses to go on after a tool's answer.
    refusals: usize,
}

type Shared = Arc<Mutex<Inner>>;

pub struct Services {
    pub url: String,
    inner: Shared,
}

impl Services {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let inner = Shared::default();
        let events = "/calendar/v3/calendars/{calendar}/events";
        let app = Router::new()
            .route("/token", post(token))
            .route("/calendar/v3/calendars/{calendar}", get(calendar))
            .route(events, post(insert))
            .route(&format!("{events}/{{event}}"), get(event).delete(remove))
            .route("/calendar/v3/freeBusy", post(free_busy))
            .route("/v4/spreadsheets/{sheet}", get(spreadsheet).post(batch))
            .route("/v4/spreadsheets/{sheet}/values/{range}", get(values).put(write).post(append))
            .route("/v1/payment_intents", post(create).get(payments))
            .route("/v1/payment_intents/{id}", get(payment))
            .route("/v1/payment_intents/{id}/{act}", post(change))
            .route("/v1/refunds", post(refund).get(refunds))
            .route("/v1/chat/completions", post(complete))
            .route("/v1/audio/transcriptions", post(listen))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, inner }
    }

    /// As a tenant enters them.
    pub fn google(&self) -> Value {
        json!({
            "clientEmail": "desk@project.iam.gserviceaccount.com", "privateKey": PRIVATE_KEY, "calendarId": CALENDAR,
            "spreadsheetId": "sheet-1", "timeZone": "Europe/Paris", "baseUrl": self.url,
        })
    }

    pub fn stripe(&self) -> Value {
        json!({
            "secretKey": STRIPE_KEY, "webhookSecret": "whsec_stand_in", "publishableKey": "pk_test_stand_in",
            "baseUrl": self.url,
        })
    }

    /// `insert`, `append`, `create`, `confirm`, `refund` or `listen`.
    pub fn next(&self, call: &'static str, fault: Fault) {
        self.inner.lock().unwrap().faults.insert(call, fault);
    }

    pub fn blind(&self, blind: bool) {
        self.inner.lock().unwrap().blind = blind;
    }

    pub fn events(&self) -> Vec<Value> {
        self.inner.lock().unwrap().events.values().cloned().collect()
    }

    /// With the header.
    pub fn rows(&self, tab: &str) -> Vec<Vec<Value>> {
        self.inner.lock().unwrap().sheets.get(tab).cloned().unwrap_or_default()
    }

    /// The payments that were charged, each time that one was.
    pub fn charges(&self) -> Vec<String> {
        self.inner.lock().unwrap().charges.clone()
    }

    pub fn refunds(&self) -> Vec<Value> {
        self.inner.lock().unwrap().refunds.clone()
    }

    /// Somebody gives back so much of a payment on Stripe's own pages.
    pub fn give_back(&self, payment: &str, amount: i64) {
        give_back(&mut self.inner.lock().unwrap(), payment, amount, &json!({}));
    }

    /// The last refund did not reach its account.
    pub fn bounce(&self) {
        self.inner.lock().unwrap().refunds.last_mut().unwrap()["status"] = json!("failed");
    }

    /// The model refuses to go on, so many times, once it has read what a tool answered.
    pub fn refuses(&self, times: usize) {
        self.inner.lock().unwrap().refusals = times;
    }

    pub fn prompts(&self) -> Vec<Value> {
        self.inner.lock().unwrap().prompts.clone()
    }

    /// How many recordings somebody was asked to listen to.
    pub fn recordings(&self) -> usize {
        self.inner.lock().unwrap().recordings
    }

    /// Recordings are refused from now on.
    pub fn deaf(&self, deaf: bool) {
        self.inner.lock().unwrap().deaf = deaf;
    }

    /// The payer pays in their browser.
    pub fn pay(&self, payment: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.charges.push(payment.to_owned());
        inner.payments.get_mut(payment).unwrap()["status"] = json!("succeeded");
    }
}

async fn answer(state: &Shared, call: &'static str, status: u16, body: Value) -> Response {
    let fault = state.lock().unwrap().faults.remove(call);
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Cut) => Body::from_stream(stream::iter([
            Ok(Bytes::from_static(b"{\"id\":")),
            Err(std::io::Error::other("the line is cut")),
        ]))
        .into_response(),
        None => (StatusCode::from_u16(status).unwrap(), Json(body)).into_response(),
    }
}

fn allowed(headers: &HeaderMap, token: &str) -> bool {
    headers.get("authorization").is_some_and(|v| v == &format!("Bearer {token}"))
}

async fn token(Form(form): Form<HashMap<String, String>>) -> Response {
    let good = form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        && form["assertion"].matches('.').count() == 2;
    let body = json!({ "access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer" });
    if good { Json(body).into_response() } else { StatusCode::BAD_REQUEST.into_response() }
}

async fn calendar(headers: HeaderMap, Path(id): Path<String>) -> Response {
    match (allowed(&headers, TOKEN), id == CALENDAR) {
        (false, _) => StatusCode::UNAUTHORIZED.into_response(),
        (_, false) => StatusCode::NOT_FOUND.into_response(),
        _ => Json(json!({ "id": id, "summary": "The tables" })).into_response(),
    }
}

async fn insert(State(state): State<Shared>, headers: HeaderMap, Json(mut body): Json<Value>) -> Response {
    if !allowed(&headers, TOKEN) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let id = body["id"].as_str().unwrap_or_default().to_owned();
    let fits = (5..=1_024).contains(&id.len()) && id.chars().all(|c| c.is_ascii_digit() || ('a'..='v').contains(&c));
    let begins =
        body["start"]["dateTime"].as_str().unwrap_or_default() < body["end"]["dateTime"].as_str().unwrap_or_default();
    if !fits || !begins {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": { "code": 400 } }))).into_response();
    }
    let known = {
        let mut inner = state.lock().unwrap();
        let known = inner.events.contains_key(&id);
        if !known {
            body["status"] = json!("confirmed");
            body["htmlLink"] = json!(format!("https://calendar.example/{id}"));
            inner.events.insert(id, body.clone());
        }
        known
    };
    if known {
        answer(&state, "insert", 409, json!({ "error": { "code": 409 } })).await
    } else {
        answer(&state, "insert", 200, body).await
    }
}

async fn event(State(state): State<Shared>, Path((_, id)): Path<(String, String)>) -> Response {
    match state.lock().unwrap().events.get(&id) {
        Some(event) => Json(event.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn remove(State(state): State<Shared>, Path((_, id)): Path<(String, String)>) -> Response {
    let known = state.lock().unwrap().events.remove(&id).is_some();
    if known { StatusCode::NO_CONTENT.into_response() } else { StatusCode::GONE.into_response() }
}

async fn free_busy(State(state): State<Shared>, Json(body): Json<Value>) -> Response {
    let (from, to) = (body["timeMin"].as_str().unwrap(), body["timeMax"].as_str().unwrap());
    let busy: Vec<Value> = state
        .lock()
        .unwrap()
        .events
        .values()
        .map(|e| json!({ "start": e["start"]["dateTime"], "end": e["end"]["dateTime"] }))
        // All of them are written in one form: text compares as time does.
        .filter(|b| b["start"].as_str().unwrap() < to && b["end"].as_str().unwrap() > from)
        .collect();
    Json(json!({ "calendars": { CALENDAR: { "busy": busy } } })).into_response()
}

async fn spreadsheet() -> Json<Value> {
    Json(json!({ "properties": { "title": "The book" } }))
}

/// `{sheet}:batchUpdate`.
async fn batch(State(state): State<Shared>, Json(body): Json<Value>) -> Response {
    let title = body["requests"][0]["addSheet"]["properties"]["title"].as_str().unwrap().to_owned();
    let new = state.lock().unwrap().sheets.insert(title, Vec::new()).is_none();
    if new { Json(json!({})).into_response() } else { StatusCode::BAD_REQUEST.into_response() }
}

async fn values(State(state): State<Shared>, Path((_, range)): Path<(String, String)>) -> Response {
    let (tab, cells) = range.split_once('!').unwrap();
    let inner = state.lock().unwrap();
    let Some(rows) = inner.sheets.get(tab) else { return StatusCode::BAD_REQUEST.into_response() };
    let rows: Vec<Vec<Value>> = match cells {
        "1:1" => rows.iter().take(1).cloned().collect(),
        _ => rows.iter().map(|r| r[..1].to_vec()).collect(),
    };
    // As Google leaves out what is empty.
    let body = if rows.is_empty() { json!({ "range": range }) } else { json!({ "range": range, "values": rows }) };
    Json(body).into_response()
}

async fn write(
    State(state): State<Shared>,
    Path((_, range)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let (tab, _) = range.split_once('!').unwrap();
    let row = body["values"][0].as_array().unwrap().clone();
    let mut inner = state.lock().unwrap();
    let rows = inner.sheets.get_mut(tab).unwrap();
    if rows.is_empty() {
        rows.push(row);
    } else {
        rows[0] = row;
    }
    Json(json!({})).into_response()
}

async fn append(
    State(state): State<Shared>,
    Path((_, range)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    Json(body): Json<Value>,
) -> Response {
    assert!(query["valueInputOption"] == "RAW" && range.ends_with(":append"), "{range} {query:?}");
    let tab = range.split_once('!').unwrap().0.to_owned();
    let row = body["values"][0].as_array().unwrap().clone();
    state.lock().unwrap().sheets.get_mut(&tab).unwrap().push(row);
    answer(&state, "append", 200, json!({ "updates": { "updatedRows": 1 } })).await
}

fn error(status: u16, kind: &str, code: &str) -> (u16, Value) {
    (status, json!({ "error": { "type": kind, "code": code } }))
}

/// What a key said before is said again.
fn once(inner: &mut Inner, headers: &HeaderMap, make: impl FnOnce(&mut Inner) -> (u16, Value)) -> (u16, Value) {
    let Some(key) = headers.get("idempotency-key").and_then(|k| k.to_str().ok()) else {
        return error(400, "invalid_request_error", "no_key");
    };
    if let Some(said) = inner.keys.get(key) {
        return (u16::try_from(said["status"].as_u64().unwrap()).unwrap(), said["body"].clone());
    }
    let (status, body) = make(inner);
    inner.keys.insert(key.to_owned(), json!({ "status": status, "body": body }));
    (status, body)
}

async fn create(
    State(state): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    if !allowed(&headers, STRIPE_KEY) {
        let (status, body) = error(401, "invalid_request_error", "api_key_invalid");
        return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    }
    let (status, body) = once(&mut state.lock().unwrap(), &headers, |inner| {
        let id = format!("pi_{}", inner.payments.len() + 1);
        let amount: i64 = form["amount"].parse().unwrap();
        let body = json!({
            "id": id, "object": "payment_intent", "amount": amount, "currency": form["currency"],
            "client_secret": format!("{id}_secret_1"), "status": "requires_payment_method",
            "last_payment_error": null, "metadata": { "order_id": form["metadata[order_id]"] },
        });
        inner.payments.insert(id, body.clone());
        (200, body)
    });
    answer(&state, "create", status, body).await
}

async fn payments() -> Json<Value> {
    Json(json!({ "object": "list", "data": [] }))
}

async fn payment(State(state): State<Shared>, Path(id): Path<String>) -> Response {
    let inner = state.lock().unwrap();
    match inner.payments.get(&id) {
        _ if inner.blind => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(payment) => Json(payment.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn confirmed(inner: &mut Inner, id: &str, method: Option<&str>) -> (u16, Value) {
    let status = inner.payments[id]["status"].as_str().unwrap().to_owned();
    if status != "requires_payment_method" || method.is_none() {
        return error(400, "invalid_request_error", "payment_intent_unexpected_state");
    }
    if method == Some("pm_card_chargeDeclined") {
        inner.payments.get_mut(id).unwrap()["last_payment_error"] = json!({ "code": "card_declined" });
        return error(402, "card_error", "card_declined");
    }
    inner.charges.push(id.to_owned());
    let payment = inner.payments.get_mut(id).unwrap();
    payment["status"] = json!("succeeded");
    (200, payment.clone())
}

async fn change(
    State(state): State<Shared>,
    headers: HeaderMap,
    Path((id, act)): Path<(String, String)>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let method = form.get("payment_method").map(String::as_str);
    let (status, body) = once(&mut state.lock().unwrap(), &headers, |inner| match act.as_str() {
        "confirm" => confirmed(inner, &id, method),
        _ if inner.payments[&id]["status"] == "requires_payment_method" => {
            let payment = inner.payments.get_mut(&id).unwrap();
            payment["status"] = json!("canceled");
            (200, payment.clone())
        }
        _ => error(400, "invalid_request_error", "payment_intent_unexpected_state"),
    });
    answer(&state, if act == "confirm" { "confirm" } else { "cancel" }, status, body).await
}

fn left(inner: &Inner, payment: &str) -> i64 {
    let paid = inner.payments[payment]["status"] == "succeeded";
    let of = inner.refunds.iter().filter(|r| r["payment_intent"] == payment && r["status"] == "succeeded");
    let back: i64 = of.map(|r| r["amount"].as_i64().unwrap()).sum();
    if paid { inner.payments[payment]["amount"].as_i64().unwrap() - back } else { 0 }
}

fn give_back(inner: &mut Inner, payment: &str, amount: i64, metadata: &Value) -> Value {
    let refund = json!({
        "id": format!("re_{}", inner.refunds.len() + 1), "object": "refund", "amount": amount, "payment_intent": payment,
        "currency": inner.payments[payment]["currency"], "status": "succeeded", "metadata": metadata,
    });
    inner.refunds.push(refund.clone());
    refund
}

async fn refund(
    State(state): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let payment = form["payment_intent"].clone();
    let (status, body) = once(&mut state.lock().unwrap(), &headers, |inner| match left(inner, &payment) {
        0 => error(400, "invalid_request_error", "charge_already_refunded"),
        left => {
            let of = |name: &str| form.get(&format!("metadata[{name}]"));
            (200, give_back(inner, &payment, left, &json!({ "order_id": of("order_id"), "step": of("step") })))
        }
    });
    answer(&state, "refund", status, body).await
}

async fn refunds(State(state): State<Shared>, Query(query): Query<HashMap<String, String>>) -> Response {
    let inner = state.lock().unwrap();
    if inner.blind {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let of = inner.refunds.iter().rev().filter(|r| r["payment_intent"] == query["payment_intent"].as_str());
    Json(json!({ "object": "list", "data": of.collect::<Vec<_>>(), "has_more": false })).into_response()
}

/// Whatever was said, it was this.
async fn listen(State(state): State<Shared>, body: Bytes) -> Response {
    let deaf = {
        let mut inner = state.lock().unwrap();
        inner.recordings += 1;
        inner.deaf
    };
    let body = String::from_utf8_lossy(&body);
    assert!(body.contains("filename=\"recording.") && body.contains("whisper-1"), "{body}");
    if deaf {
        let error = json!({ "error": { "message": "Invalid file format.", "type": "invalid_request_error" } });
        return answer(&state, "listen", 400, error).await;
    }
    let usage = json!({ "type": "tokens", "input_tokens": 10, "output_tokens": 5, "total_tokens": 15 });
    answer(&state, "listen", 200, json!({ "text": "Où êtes-vous ?", "usage": usage })).await
}

/// A model: words between `<<` and `>>` in the person's message are the calls that it makes, as JSON, one at a time; then it
/// says what came of the last one. An argument such as `@account` is the word behind `account` in what it was given to read.
async fn complete(State(state): State<Shared>, Json(body): Json<Value>) -> Response {
    state.lock().unwrap().prompts.push(body.clone());
    let messages = body["messages"].as_array().unwrap();
    let text = |m: &Value| m["content"].as_str().map_or_else(|| m["content"].to_string(), str::to_owned);
    let asked = messages.iter().rposition(|m| m["role"] == "user").unwrap();
    let done = messages[asked..].iter().filter(|m| m["role"] == "tool").count();
    if done > 0 && state.lock().unwrap().refusals > 0 {
        state.lock().unwrap().refusals -= 1;
        let error =
            json!({ "error": { "message": "no", "type": "invalid_request_error", "param": null, "code": null } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let said = text(&messages[asked]);
    if let Some(whose) = whose(&text(&messages[0]), &said) {
        return answered(&json!({ "role": "assistant", "content": whose }), "stop");
    }
    let call = said.split("<<").skip(1).nth(done).and_then(|t| t.split_once(">>"));
    let message = match call {
        Some((call, _)) => {
            let call: Value = serde_json::from_str(call).unwrap_or_else(|e| panic!("{e}: {call}"));
            let mut arguments = call["arguments"].clone();
            for argument in arguments.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
                let Some(word) = argument.as_str().and_then(|a| a.strip_prefix('@')) else { continue };
                let read = messages.iter().map(text).collect::<Vec<_>>().join("\n");
                let found = read.split(&format!("{word} ")).nth(1).and_then(|after| after.split_whitespace().next());
                *argument = json!(found.unwrap_or_else(|| panic!("nothing says {word}: {read}")));
            }
            let function = json!({ "name": call["name"], "arguments": arguments.to_string() });
            let calls = json!([{ "id": format!("call_{done}"), "type": "function", "function": function }]);
            json!({ "role": "assistant", "content": null, "tool_calls": calls })
        }
        None => json!({ "role": "assistant", "content": format!("So it is: {}", text(messages.last().unwrap())) }),
    };
    answered(&message, if call.is_some() { "tool_calls" } else { "stop" })
}

/// Whose a message is: the first of those named in the instructions that has a word of it among its examples.
fn whose(instructions: &str, said: &str) -> Option<String> {
    let (_, routes) = instructions.split_once("Which of these is the person's message for?")?;
    let fits = |line: &&str| line.split('"').skip(1).step_by(2).any(|example| said.contains(example));
    let found = routes.lines().filter_map(|l| l.strip_prefix("- ")).find(fits);
    Some(found.and_then(|l| l.split_once(':')).map_or("NONE", |(name, _)| name).to_owned())
}

fn answered(message: &Value, finish: &str) -> Response {
    Json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "stand-in",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
    }))
    .into_response()
}
