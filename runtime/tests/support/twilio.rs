//! Twilio's side: forms as Twilio sends and signs them, and a stand-in for its REST API.

use super::{
    client::{Answer, Client},
    meta,
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, task::JoinHandle};
use url::form_urlencoded;

pub const SID: &str = "AC0123456789";
pub const AUTH_TOKEN: &str = "the-auth-token";
pub const NUMBER: &str = "+15550009999";

pub type Form = BTreeMap<String, String>;
type Shared = Arc<Mutex<(Vec<Form>, Vec<String>)>>;

/// The stand-in: takes messages as forms, and answers for numbers that opted out as Twilio does.
pub struct Twilio {
    /// For the `api_base` setting of a channel.
    pub url: String,
    shared: Shared,
    serving: JoinHandle<()>,
}

impl Drop for Twilio {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Twilio {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared::default();
        let router = Router::new()
            .route("/2010-04-01/Accounts/{sid}/Messages.json", post(messages))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, serving }
    }

    /// Everything that was taken for delivery, in order.
    pub fn sent(&self) -> Vec<Form> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Refuses messages to this number from now on.
    pub fn opt_out(&self, number: &str) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).1.push(number.to_owned());
    }
}

async fn messages(State(shared): State<Shared>, Path(sid): Path<String>, headers: HeaderMap, body: String) -> Response {
    let expected = format!("Basic {}", STANDARD.encode(format!("{SID}:{AUTH_TOKEN}")));
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if sid != SID || given != expected {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "code": 20003, "message": "Authenticate" }))).into_response();
    }
    let form: Form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if state.1.iter().any(|number| form.get("To") == Some(number)) {
        let refusal = json!({ "code": 21610, "message": "Attempt to send to unsubscribed recipient", "status": 400 });
        return (StatusCode::BAD_REQUEST, Json(refusal)).into_response();
    }
    state.0.push(form);
    let sid = format!("SM{:06}", state.0.len());
    (StatusCode::CREATED, Json(json!({ "sid": sid, "status": "queued" }))).into_response()
}

/// The value of `X-Twilio-Signature`.
pub fn signature(url: &str, form: &Form) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(AUTH_TOKEN.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    form.iter().for_each(|(name, value)| mac.update(format!("{name}{value}").as_bytes()));
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A form as Twilio sends it: an SMS from somebody.
pub fn sms(sid: &str, from: &str, body: &str) -> Form {
    let fields = [("MessageSid", sid), ("From", from), ("To", NUMBER), ("Body", body), ("NumMedia", "0")];
    fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Delivers a form to a path, signed for the address that the outside knows it by.
pub async fn deliver(api: &Client, path: &str, public: &str, form: &Form) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    deliver_raw(api, path, body, &signature(&format!("{public}{path}"), form)).await
}

pub async fn deliver_raw(api: &Client, path: &str, body: String, signature: &str) -> Answer {
    let request = api.bare(Method::POST, path).header("x-twilio-signature", signature);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    api.attempt(request.body(body)).await.unwrap()
}

/// Connects the number.
pub async fn connect(api: &Client, kind: &str, agent: &str, api_base: &str) -> String {
    let settings = json!({
        "account_sid": SID, "auth_token": AUTH_TOKEN, "from": NUMBER, "api_base": api_base,
        "messages_per_second": "1000",
    });
    meta::connect(api, kind, agent, settings).await
}

/// The contact with this address.
pub async fn contact(api: &Client, address: &str) -> Option<Value> {
    let contacts = api.list("/api/contacts", "contacts").await;
    let has = |c: &Value| c["identities"].as_array().is_some_and(|all| all.iter().any(|i| i["address"] == address));
    contacts.into_iter().find(has)
}
