//! Outbound webhooks: npm's `standardwebhooks`, the reference library of the specification, verifies what we send.

use crate::{
    install,
    judge::Judge,
    support::{
        server::{Place, Server},
        wait::until,
    },
};
use axum::{Router, extract::State, http::HeaderMap};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use tokio::{net::TcpListener, process::Command};

type Heard = Arc<Mutex<Vec<Value>>>;

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: String) {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: Value = names.map(|n| (n.to_owned(), json!(headers[n].to_str().unwrap()))).into_iter().collect();
    heard.lock().unwrap().push(json!({ "headers": headers, "body": body }));
}

/// Where it listens, and what it heard.
async fn receiver() -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let heard = Heard::default();
    let site = Router::new().fallback(hear).with_state(Arc::clone(&heard));
    tokio::spawn(async move { axum::serve(listener, site).await });
    (url, heard)
}

// req: S2-OUT-1
// req: S2-EVT-1
#[tokio::test]
async fn the_reference_library_verifies_what_is_told_and_nothing_that_was_changed() {
    let mut judge = Judge::start(
        Command::new("node").arg(install::script("telling.cjs")).env("NODE_PATH", install::node_modules()),
    );
    let (url, heard) = receiver().await;
    let server = Server::start_on(Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost")).await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let made = api.post("/api/webhook-endpoints", &json!({ "url": url })).await.data();
    let old = made["secret"].clone();
    let rotate = format!("/api/webhook-endpoints/{}/rotate-secret", made["id"].as_str().unwrap());
    let new = api.post(&rotate, &json!({})).await.data()["secret"].clone();
    // What JSON writes in several ways.
    let said = "l'été coûte 5 €\n\"déjà\" </script> \u{1f6b2}";
    api.chat(&json!({ "agent": "Echo", "session": "s", "message": said })).await.data();
    let told = until("three events", async || Some(heard.lock().unwrap().clone()).filter(|h| h.len() >= 3)).await;
    for event in told {
        let (headers, body) = (&event["headers"], event["body"].as_str().unwrap());
        for secret in [&old, &new] {
            let verdict = judge.ask("verify", json!({ "secret": secret, "headers": headers, "body": body })).await;
            assert_eq!(verdict, Value::Null, "{body}");
            let changed = json!({ "secret": secret, "headers": headers, "body": body.replace("webchat", "whatsapp") });
            assert_ne!(judge.ask("verify", changed).await, Value::Null, "{body}");
        }
        let rest = judge.ask("rest", json!({ "body": body })).await;
        let key = STANDARD.decode(new.as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(rest["text"].as_str().unwrap().as_bytes());
        assert_eq!(rest["signature"], format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
    }
}
