//! What a tenant sets up, and how requests are kept from doing something twice or undoing what others did.

use crate::support::{
    client::{Answer, Client},
    graph::{Graph, TOKEN},
    graph_templates::BUSINESS_ID,
    meta::{self, PHONE_NUMBER_ID},
    server::{Place, Server},
    wait::{USUAL, until},
};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

async fn with(api: &Client, method: Method, path: &str, header: (&str, &str), body: &Value) -> Answer {
    api.attempt(api.request(method, path).header(header.0, header.1).json(body)).await.unwrap()
}

// req: S3-SET-1
#[tokio::test]
async fn settings_are_the_whatsapp_channel_in_another_form() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let empty = api.get("/api/settings").await.data();
    assert_eq!((&empty["channelId"], &empty["webhookConfig"]["enabled"]), (&Value::Null, &json!(false)));
    let half = json!({ "whatsappConfig": { "phoneNumberId": "11", "accessToken": TOKEN } });
    let fields = api.patch("/api/settings", &half).await.fields();
    assert_eq!(fields, ["whatsappConfig.appSecret", "webhookConfig.verifyToken"]);
    let whole = json!({
        "whatsappConfig": {
            "phoneNumberId": PHONE_NUMBER_ID, "accessToken": TOKEN, "businessAccountId": BUSINESS_ID,
            "appSecret": meta::APP_SECRET,
        },
        "webhookConfig": { "verifyToken": meta::VERIFY_TOKEN, "enabled": true },
    });
    let set = api.patch("/api/settings", &whole).await;
    let shown = set.clone().data();
    assert_eq!(shown["whatsappConfig"]["accessToken"], "***");
    assert_eq!(shown["whatsappConfig"]["businessAccountId"], BUSINESS_ID);
    assert!(![TOKEN, meta::APP_SECRET, meta::VERIFY_TOKEN].iter().any(|s| set.text.contains(s)), "{}", set.text);

    let id = shown["channelId"].as_str().unwrap().to_owned();
    let path = format!("/api/channels/{id}");
    let channel = api.get(&path).await.data();
    assert_eq!((&channel["kind"], &channel["external_id"]), (&json!("whatsapp"), &json!(PHONE_NUMBER_ID)));
    assert_eq!(channel["webhook_url"], shown["webhookConfig"]["url"]);
    let hello = meta::texts(&[meta::Text::new("15550001", "wamid.1", "Hello")]);
    assert_eq!(meta::deliver(api, &id, &hello).await.unwrap().status, 200, "it works");
    // What was masked goes back unchanged, and what the channel says shows here.
    let back = json!({ "whatsappConfig": { "accessToken": "***", "businessAccountId": "2" } });
    assert_eq!(api.patch("/api/settings", &back).await.data()["whatsappConfig"]["businessAccountId"], "2");
    assert_eq!(meta::deliver(api, &id, &hello).await.unwrap().status, 200, "the secrets are as they were");
    api.patch(&path, &json!({ "enabled": false })).await.data();
    assert_eq!(api.get("/api/settings").await.data()["webhookConfig"]["enabled"], false);
    assert_eq!(api.list("/api/channels", "channels").await.iter().filter(|c| c["kind"] == "whatsapp").count(), 1);

    let kept = json!({ "retention": { "messages": 30, "audit": 365 } });
    assert_eq!(api.patch("/api/settings", &kept).await.data()["retention"]["messages"], 30);
    let less = api.patch("/api/settings", &json!({ "retention": { "messages": null } })).await.data();
    assert_eq!((&less["retention"]["messages"], &less["retention"]["audit"]), (&Value::Null, &json!(365)));
    let more = json!({ "retention": { "outreach": 90, "simulations": 7, "agentVersions": 365 } });
    let more = api.patch("/api/settings", &more).await.data()["retention"].clone();
    assert_eq!((&more["outreach"], &more["simulations"], &more["agentVersions"]), (&json!(90), &json!(7), &json!(365)));
    let wrong = json!({ "retention": { "events": 0, "agentVersions": 99_999 } });
    let wrong = api.patch("/api/settings", &wrong).await.fields();
    assert_eq!(wrong, ["retention.events", "retention.agentVersions"]);
}

/// Headers and body of what a system was told.
type Told = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A system that keeps what it is told.
async fn n8n() -> (String, Told) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/hook", listener.local_addr().unwrap().port());
    let told = Told::default();
    let hit = |State(told): State<Told>, headers: HeaderMap, body: Bytes| async move {
        told.lock().unwrap().push((headers, body));
    };
    let site = Router::new().fallback(hit).with_state(Arc::clone(&told));
    tokio::spawn(async move { axum::serve(listener, site).await });
    (url, told)
}

// req: S2-CFG-1
#[tokio::test]
async fn other_systems_are_connected_and_their_secrets_are_never_shown() {
    let server = Server::start_on(Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost")).await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let at = |kind: &str| format!("/dashboard/tenant/config/{kind}");
    let wrong = json!({ "accountSid": "me", "authToken": "short", "phoneNumbers": ["+15550001", "call me"] });
    assert_eq!(api.put(&at("twilio"), &wrong).await.fields(), ["accountSid", "authToken", "phoneNumbers[1]"]);
    let sid = format!("AC{}", "0a".repeat(16));
    let twilio = json!({ "accountSid": sid, "authToken": "a-twilio-auth-token", "phoneNumbers": ["+1 555 0001"] });
    api.put(&at("twilio"), &twilio).await.data();
    let masked = json!({ "accountSid": sid, "authToken": "***", "phoneNumbers": [] });
    api.put(&at("twilio"), &masked).await.data();
    let unset = json!({ "apiKey": "***", "webhookSecret": "vapi-hook-secret" });
    assert_eq!(api.put(&at("vapi"), &unset).await.fields(), ["apiKey"], "there is none to be left alone");
    api.put(&at("vapi"), &json!({ "apiKey": "vapi-api-key", "webhookSecret": "vapi-hook-secret" })).await.data();
    let (url, told) = n8n().await;
    let wrong = json!({ "webhookUrl": "file:///etc/passwd", "signatureSecret": "x" });
    assert_eq!(api.put(&at("n8n"), &wrong).await.fields(), ["webhookUrl", "signatureSecret"]);
    for secret in ["the-first-secret", "the-n8n-secret"] {
        api.put(&at("n8n"), &json!({ "webhookUrl": url, "signatureSecret": secret })).await.data();
    }
    let config = api.get("/dashboard/tenant/config").await;
    for secret in ["a-twilio-auth-token", "vapi-api-key", "vapi-hook-secret", "the-n8n-secret"] {
        assert!(!config.text.contains(secret), "{}", config.text);
    }
    let config = config.data();
    assert_eq!(config["twilio"], json!({ "accountSid": sid, "authToken": "***", "phoneNumbers": [] }));
    assert_eq!(config["vapi"], json!({ "apiKey": "***", "webhookSecret": "***" }));
    assert_eq!(config["n8n"], json!({ "webhookUrl": url, "signatureSecret": "***", "enabled": true }));
    assert_eq!(api.list("/api/webhook-endpoints", "webhook_endpoints").await.len(), 1, "one, changed");

    api.chat(&json!({ "agent": "Echo", "session": "s", "message": "hello" })).await.data();
    let (_, body) = until("n8n to be told", async || told.lock().unwrap().first().cloned()).await;
    let text = String::from_utf8(body.to_vec()).unwrap();
    let signature = serde_json::from_str::<Value>(&text).unwrap()["signature"].as_str().unwrap().to_owned();
    let rest = text.replace(&format!(",\"signature\":\"{signature}\""), "");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"the-n8n-secret").unwrap();
    mac.update(rest.as_bytes());
    assert_eq!(signature, format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
}

// req: S2-TBL-1
#[tokio::test]
async fn a_request_that_names_itself_is_carried_out_once() {
    let graph = Graph::start().await;
    let mut server = Server::start().await;
    let client = server.api.clone();
    let api = &client;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let hello = meta::texts(&[meta::Text::new("15550001", "wamid.1", "Hello")]);
    meta::deliver(api, &channel, &hello).await.unwrap();
    server.idle(USUAL).await;
    let body = json!({ "to": "+15550001", "content": { "text": "Your table is ready." } });
    let ask =
        async |key: &str, body: &Value| with(api, Method::POST, "/api/messages", ("Idempotency-Key", key), body).await;
    // At the same time: one does it, the others are told to wait or what came of it.
    let all = futures::future::join_all((0..5).map(|_| ask("order-7", &body))).await;
    let done: Vec<&Answer> = all.iter().filter(|a| a.status == StatusCode::CREATED).collect();
    assert!(!done.is_empty() && all.iter().all(|a| matches!(a.status.as_u16(), 201 | 409)), "{all:?}");
    assert!(all.iter().filter(|a| a.status == 409).all(|a| a.body["code"] == "IDEMPOTENCY_RUNNING"), "{all:?}");
    let again = ask("order-7", &body).await;
    assert_eq!((again.status, &again.headers["idempotent-replayed"]), (StatusCode::CREATED, &"true".parse().unwrap()));
    assert_eq!(again.body["data"], done[0].body["data"]);
    let other = ask("order-7", &json!({ "to": "+15550001", "content": { "text": "Something else." } })).await;
    assert_eq!((other.status, &other.body["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("IDEMPOTENCY_MISMATCH")));
    // What was refused was not done: it may be asked again under its key.
    let wrong = json!({ "to": "call me", "content": { "text": "Hello" } });
    for _ in 0..2 {
        let refused = ask("order-8", &wrong).await;
        assert_eq!((refused.fields(), refused.headers.get("idempotent-replayed")), (vec!["to".to_owned()], None));
    }
    assert_eq!(ask("two words", &body).await.fields(), ["Idempotency-Key"]);
    server.idle(USUAL).await;
    assert_eq!(graph.texts_to("15550001"), ["Hello", "Your table is ready."]);

    // The answer outlives the process, and another key of the tenant has names of its own.
    let made = api.post("/api/api-keys", &json!({ "name": "other", "scopes": ["*"] })).await.data();
    let key = made["key"].as_str().unwrap().to_owned();
    server.kill().await;
    server.restart().await;
    let again = with(&server.api, Method::POST, "/api/messages", ("Idempotency-Key", "order-7"), &body).await;
    assert_eq!(again.body["data"], done[0].body["data"]);
    let others = server.api.with_key(&key);
    let fresh = with(&others, Method::POST, "/api/messages", ("Idempotency-Key", "order-7"), &body).await;
    assert_ne!(fresh.body["data"]["id"], again.body["data"]["id"]);
}

#[tokio::test]
async fn whoever_changes_what_has_changed_meanwhile_is_told() {
    let server = Server::start().await;
    let api = &server.api;
    let id = api.agent("Echo", "scripted", &[]).await;
    let path = format!("/api/agents/{id}");
    let read = api.get(&path).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let same = api.attempt(api.request(Method::GET, &path).header("If-None-Match", &tag)).await.unwrap();
    assert_eq!((same.status, same.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let change = |text: &str| json!({ "instructions": text });
    let both = ["Be brief.", "Be long."].map(&change);
    let both = both.iter().map(|body| with(api, Method::PATCH, &path, ("If-Match", &tag), body));
    let mut codes: Vec<u16> = futures::future::join_all(both).await.iter().map(|a| a.status.as_u16()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [200, 412], "of two with the same tag, one");
    let late = with(api, Method::PUT, &path, ("If-Match", &tag), &json!({ "name": "Late" })).await;
    assert_eq!(late.body["code"], "PRECONDITION_FAILED");
    let now = api.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    assert_ne!(now, tag);
    assert_eq!(with(api, Method::PATCH, &path, ("If-Match", &now), &change("Be kind.")).await.status, StatusCode::OK);
    let gone = format!("/api/agents/{}", "0190a0a0-0000-7000-8000-000000000000");
    assert_eq!(with(api, Method::PATCH, &gone, ("If-Match", "*"), &change("x")).await.status, StatusCode::NOT_FOUND);
}
