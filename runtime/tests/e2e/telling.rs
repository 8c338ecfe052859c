//! What other systems are told: signed, again until it arrives, and never inside.

use crate::support::{
    client::Client,
    server::{Place, Server},
    wait::until,
};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Something that was posted to the receiver.
#[derive(Debug, Clone)]
struct Hit {
    path: String,
    headers: HeaderMap,
    text: String,
}

impl Hit {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn kind(&self) -> String {
        self.body()["eventType"].as_str().unwrap().to_owned()
    }
}

type Hits = Arc<Mutex<Vec<Hit>>>;

/// A system on this machine: `/good` takes everything, `/flaky` refuses the first, `/away` leads to `/trap`, `/hang` never
/// answers.
#[derive(Clone)]
struct Receiver {
    hits: Hits,
    url: String,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let hits = Hits::default();
        let site = Router::new().fallback(hit).with_state(Arc::clone(&hits));
        tokio::spawn(async move { axum::serve(listener, site).await });
        Self { hits, url }
    }

    fn at(&self, path: &str) -> Vec<Hit> {
        self.hits.lock().unwrap().iter().filter(|h| h.path == path).cloned().collect()
    }

    async fn hears(&self, path: &str, times: usize) -> Vec<Hit> {
        until(&format!("{times} at {path}"), async || Some(self.at(path)).filter(|hits| hits.len() >= times)).await
    }
}

async fn hit(State(hits): State<Hits>, uri: Uri, headers: HeaderMap, text: String) -> Response {
    let path = uri.path().to_owned();
    let before = {
        let mut hits = hits.lock().unwrap();
        let before = hits.iter().filter(|h| h.path == path).count();
        hits.push(Hit { path: path.clone(), headers, text });
        before
    };
    match path.as_str() {
        "/flaky" if before == 0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "/away" => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/trap")]).into_response(),
        "/hang" => std::future::pending().await,
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn allowed() -> Server {
    let server = Server::start_on(Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost")).await;
    server.api.agent("Echo", "scripted", &[]).await;
    server
}

async fn endpoint(api: &Client, url: &str, events: &[&str]) -> Value {
    let made = api.post("/api/webhook-endpoints", &json!({ "url": url, "events": events })).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.data()
}

async fn say(api: &Client, text: &str) {
    let answer = api.chat(&json!({ "agent": "Echo", "session": "s", "message": text })).await.data();
    assert_eq!(answer["outcome"], "answered");
}

fn mac(secret: &str, content: &str) -> Vec<u8> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(content.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// As Standard Webhooks says: one of the signatures is ours.
fn verifies(hit: &Hit, secret: &str) -> bool {
    let content = format!("{}.{}.{}", hit.header("webhook-id"), hit.header("webhook-timestamp"), hit.text);
    let ours = format!("v1,{}", STANDARD.encode(mac(secret, &content)));
    hit.header("webhook-signature").split(' ').any(|s| s == ours)
}

async fn deliveries_to(api: &Client, endpoint: &Value) -> Vec<Value> {
    let all = api.list("/dashboard/webhooks/deliveries", "deliveries").await;
    all.into_iter().filter(|d| d["endpoint"] == endpoint["id"]).collect()
}

// req: S2-OUT-1
// req: S2-EVT-1
// req: S0-EVT-1
#[tokio::test]
async fn what_happens_is_told_in_signed_envelopes_to_whoever_asked_for_it() {
    let (receiver, server) = (Receiver::start().await, allowed().await);
    let api = &server.api;
    let all = endpoint(api, &format!("{}/good", receiver.url), &["*"]).await;
    let some = endpoint(api, &format!("{}/some", receiver.url), &["message.received"]).await;
    let secret = all["secret"].as_str().unwrap().to_owned();
    let shown = api.get(&format!("/api/webhook-endpoints/{}", all["id"].as_str().unwrap())).await.data();
    assert_eq!(shown["secret"], "***");
    say(api, "hello").await;
    let mut hits = receiver.hears("/good", 3).await;
    hits.sort_by_key(Hit::kind);
    let kinds: Vec<String> = hits.iter().map(Hit::kind).collect();
    assert_eq!(kinds, ["conversation.started", "message.received", "message.sent"]);
    for hit in &hits {
        assert!(verifies(hit, &secret) && !verifies(hit, some["secret"].as_str().unwrap()), "{hit:?}");
        let body = hit.body();
        assert_eq!(body["eventId"], hit.header("webhook-id"));
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
        let signature = body["signature"].as_str().unwrap();
        let rest = hit.text.replace(&format!(",\"signature\":\"{signature}\""), "");
        assert_eq!(signature, format!("sha256={}", hex::encode(mac(&secret, &rest))));
    }
    assert_eq!(hits[1].body()["data"]["text"], "hello");
    assert_eq!(hits[1].body()["data"]["channel"], "webchat");
    let filtered = receiver.hears("/some", 1).await;
    assert_eq!(filtered[0].body()["eventId"], hits[1].body()["eventId"], "one event, one id");
    until("all to be on record", async || {
        let listed = deliveries_to(api, &all).await;
        (listed.len() == 3 && listed.iter().all(|d| d["state"] == "delivered" && d["attempts"][0]["status"] == 204))
            .then_some(())
    })
    .await;
    assert_eq!(receiver.at("/some").len(), 1, "nothing that was not asked for");

    let rotate = format!("/api/webhook-endpoints/{}/rotate-secret", all["id"].as_str().unwrap());
    let new = api.post(&rotate, &json!({})).await.data()["secret"].as_str().unwrap().to_owned();
    say(api, "again").await;
    let hit = receiver.hears("/good", 5).await.remove(4);
    assert!(verifies(&hit, &secret) && verifies(&hit, &new), "both sign for a while");
}

// req: S2-OUT-1
// req: S2-DSH-5
// req: S0-WH-1
#[tokio::test]
async fn what_fails_is_told_again_after_a_crash_too_and_every_attempt_is_listed() {
    let (receiver, mut server) = (Receiver::start().await, allowed().await);
    let flaky = endpoint(&server.api, &format!("{}/flaky", receiver.url), &["message.received"]).await;
    say(&server.api, "hello").await;
    until("a failed attempt on record", async || {
        let listed = deliveries_to(&server.api, &flaky).await;
        listed.first().filter(|d| d["attempts"][0]["status"] == 500).cloned()
    })
    .await;
    server.kill().await;
    server.restart().await;
    let api = &server.api;
    let delivered = until("the second attempt", async || {
        deliveries_to(api, &flaky).await.into_iter().find(|d| d["state"] == "delivered")
    })
    .await;
    let statuses: Vec<_> = delivered["attempts"].as_array().unwrap().iter().map(|a| a["status"].clone()).collect();
    assert_eq!(statuses, [json!(500), json!(204)], "{delivered}");
    let hits = receiver.at("/flaky");
    assert_eq!((hits.len(), hits[0].header("webhook-id")), (2, hits[1].header("webhook-id")));
    assert_eq!(hits[0].text, hits[1].text, "the same, and not a new one");

    let again = format!("/dashboard/webhooks/deliveries/{}/retry", delivered["id"].as_str().unwrap());
    api.post(&again, &json!({})).await.data();
    let third = receiver.hears("/flaky", 3).await.remove(2);
    assert_eq!(third.header("webhook-id"), hits[0].header("webhook-id"));
    let unknown = api.get("/api/webhooks/deliveries?state=lost").await;
    assert_eq!((unknown.status.as_u16(), unknown.fields()), (400, vec!["state".to_owned()]));
}

// req: S2-OUT-1
#[tokio::test]
async fn nothing_is_told_inside_or_elsewhere_and_one_that_hangs_delays_nobody() {
    let (receiver, server) = (Receiver::start().await, allowed().await);
    let api = &server.api;
    let wrong = json!({ "url": "ftp://localhost", "events": ["message.received", "weather.changed"] });
    let refused = api.post("/api/webhook-endpoints", &wrong).await;
    assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["url".to_owned(), "events[1]".to_owned()]));
    let inside = receiver.url.replace("localhost", "127.0.0.1");
    let inside = endpoint(api, &format!("{inside}/inside"), &["message.received"]).await;
    let away = endpoint(api, &format!("{}/away", receiver.url), &["message.received"]).await;
    let hang = endpoint(api, &format!("{}/hang", receiver.url), &["message.received"]).await;
    endpoint(api, &format!("{}/good", receiver.url), &["message.received"]).await;
    say(api, "hello").await;
    receiver.hears("/hang", 1).await;
    receiver.hears("/good", 1).await;
    let first = async |of: &Value| {
        until("an attempt on record", async || {
            let found = deliveries_to(api, of).await.into_iter().next();
            found.filter(|d| d["attempts"].as_array().is_some_and(|a| !a.is_empty()))
        })
        .await
    };
    let refused = first(&inside).await;
    assert_eq!((&refused["state"], &refused["attempts"][0]["status"]), (&json!("dead"), &Value::Null));
    assert!(refused["attempts"][0]["error"].as_str().unwrap().contains("egress.private"), "{refused}");
    let led = first(&away).await;
    assert_eq!((&led["state"], &led["attempts"][0]["status"]), (&json!("queued"), &json!(307)));
    let hung = first(&hang).await;
    assert!(hung["attempts"][0]["error"].as_str().unwrap().contains("web.timeout"), "{hung}");
    assert!(receiver.at("/trap").is_empty() && receiver.at("/inside").is_empty());
    let dead = api.list("/api/webhooks/deliveries?state=dead", "deliveries").await;
    assert_eq!(dead.len(), 1, "{dead:?}");
}
