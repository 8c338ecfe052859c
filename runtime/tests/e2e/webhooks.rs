//! What Meta sends: handshakes, signed payloads, forged ones, broken ones.

use crate::support::{
    client::Client,
    graph::Graph,
    meta::{self, APP_SECRET, Text, VERIFY_TOKEN},
    server::{Place, Server},
    wait::{USUAL, until},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};

/// The recorded webhook bodies of a channel, by file and name.
fn recorded(channel: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../channels/tests/payloads").join(channel);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let bodies: BTreeMap<String, Value> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let bodies = bodies.into_iter().filter(|(_, b)| b.get("entry").is_some());
        all.extend(bodies.map(|(name, body)| (format!("{stem}.{name}"), body)));
    }
    assert!(!all.is_empty(), "no payloads of {channel}");
    all
}

async fn counted(api: &Client, what: &str) -> u64 {
    api.get("/health/detailed").await.body["webhooks"][what].as_u64().unwrap()
}

/// Every recorded payload with its own signature, with a flipped bit, and cut short.
async fn deliver_all(api: &Client, graph: &Graph, channel: &str, kind: &str) {
    let (accepted, rejected) = (counted(api, "accepted").await, counted(api, "rejected").await);
    let payloads = recorded(kind);
    for (name, payload) in &payloads {
        let body = payload.to_string().into_bytes();
        let signature = meta::signature(&body);
        let mut flipped = body.clone();
        flipped[body.len() / 2] ^= 1;
        let forged = meta::deliver_raw(api, channel, flipped, &signature).await.unwrap();
        assert_eq!((forged.status.as_u16(), &forged.body["code"]), (401, &json!("UNAUTHORIZED")), "{name}");
        let cut = body[..body.len() - 1].to_vec();
        let broken = meta::deliver_raw(api, channel, cut.clone(), &meta::signature(&cut)).await.unwrap();
        assert_eq!((broken.status.as_u16(), &broken.body["code"]), (400, &json!("MALFORMED")), "{name}");
        let fine = meta::deliver_raw(api, channel, body, &signature).await.unwrap();
        assert_eq!(fine.status, 200, "{name}: {fine:?}");
    }
    let deliveries = payloads.len() as u64;
    assert_eq!(counted(api, "accepted").await - accepted, deliveries);
    assert_eq!(counted(api, "rejected").await - rejected, 2 * deliveries);
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
}

// req: S1-WHK-1
// req: S3-WHK-1
// req: S2-WHK-5
// req: C-CHN-1
#[tokio::test]
async fn every_recorded_payload_is_accepted_and_forgeries_of_it_are_not() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    // Recordings are of several accounts: one number and one page that accept them all cannot be, so each file is
    // judged on being accepted; what belongs to other accounts is counted as ignored.
    let whatsapp = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    let messenger = meta::connect_messenger(&server.api, "Echo", &graph.url).await;
    deliver_all(&server.api, &graph, &whatsapp, "whatsapp").await;
    deliver_all(&server.api, &graph, &messenger, "messenger").await;
    let instagram = meta::connect_instagram(&server.api, "Echo", &graph.url).await;
    deliver_all(&server.api, &graph, &instagram, "instagram").await;
    assert!(counted(&server.api, "ignored_events").await > 0, "account updates and the like are counted");
    server.idle(USUAL).await;

    let person = "972987654321";
    let conversation = server.api.conversation(person).await.expect("the recorded person");
    let lines = server.api.transcript(conversation["id"].as_str().unwrap()).await;
    let received: Vec<_> = lines.iter().filter(|l| l["speaker"] == "person").collect();
    assert!(received.len() > 5, "{received:#?}");
    for line in &received {
        let outcome = line["outcome"]["outcome"].as_str();
        assert!(matches!(outcome, Some("answered" | "merged" | "ignored" | "handed_over")), "{line}");
    }
    let mut seqs: Vec<_> = received.iter().map(|l| l["seq"].as_u64().unwrap()).collect();
    seqs.dedup();
    assert_eq!(seqs, (1..=received.len() as u64).collect::<Vec<_>>(), "each has its number");
}

// req: S3-WHK-1
#[tokio::test]
async fn the_handshake_is_answered_for_the_right_token_alone() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let shake = async |channel: &str, token: &str| {
        let query = [("hub.mode", "subscribe"), ("hub.verify_token", token), ("hub.challenge", "1158201444")];
        let request = api.bare(Method::GET, &format!("/webhooks/{channel}")).query(&query);
        api.attempt(request).await.unwrap()
    };
    let right = shake(&channel, VERIFY_TOKEN).await;
    assert_eq!((right.status.as_u16(), right.text.as_str()), (200, "1158201444"));
    assert_eq!(shake(&channel, "guessed").await.status, 403);
    assert_eq!(shake("0190a0a0-0000-7000-8000-000000000000", VERIFY_TOKEN).await.status, 404);
    let tested = api.post(&format!("/api/channels/{channel}/test"), &json!({})).await.data();
    assert_eq!((&tested["connected"], &tested["account"]), (&json!(true), &json!("Test Shop (+972 12-345-6789)")));
}

// req: S0-SEC-1
// req: S3-UTL-1
#[tokio::test]
async fn secrets_are_never_shown_and_lie_encrypted() {
    let graph = Graph::start().await;
    let mut server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    let shown = server.api.get(&format!("/api/channels/{channel}")).await;
    assert_eq!(shown.body["data"]["secrets"]["app_secret"], "***");
    let missing = json!({ "kind": "whatsapp", "agent": "Echo", "settings": { "phone_number_id": "1" } });
    let missing = server.api.post("/api/channels", &missing).await;
    assert_eq!(missing.fields(), ["settings.access_token", "settings.app_secret", "settings.verify_token"]);
    server.stop().await;
    let secrets = [APP_SECRET, VERIFY_TOKEN, crate::support::graph::TOKEN];
    let mut looked_at =
        vec![("the answer".to_owned(), shown.text.into_bytes()), ("the log".to_owned(), server.log().into())];
    for file in fs::read_dir(server.place.data_dir()).unwrap().map(|f| f.unwrap().path()).filter(|p| p.is_file()) {
        looked_at.push((file.display().to_string(), fs::read(file).unwrap()));
    }
    for (name, bytes) in looked_at {
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{secret} stands in {name}");
        }
    }
}

/// The limit is below what the program needs at rest, so that memory is short all the time.
// req: S1-WHK-1
#[tokio::test]
async fn while_memory_is_short_webhooks_are_accepted_and_answered_by_and_by() {
    let graph = Graph::start().await;
    let server = Server::start_on(Place::default().with("COLLOQUY_MEMORY_LIMIT_MB", "1")).await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let memory = async || api.get("/health/detailed").await.body;
    let pressed = until("a look at the memory", async || {
        let health = memory().await;
        (health["memory"]["pressed"] == true).then_some(health)
    })
    .await;
    assert_eq!((&pressed["status"], &pressed["memory"]["limit_bytes"]), (&json!("degraded"), &json!(1 << 20)));
    assert!(pressed["memory"]["resident_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{pressed}");
    for round in 0..2 {
        for n in 0..10 {
            let person = format!("97250000{n:04}");
            let text = Text::new(&person, &format!("wamid.{round}.{n}"), "hello");
            assert_eq!(meta::deliver(api, &channel, &meta::texts(&[text])).await.unwrap().status, 200);
        }
        until("all to be answered", async || (graph.sent().len() == 10 * (round + 1)).then_some(())).await;
    }
    until("all to leave memory", async || (memory().await["conversations"]["active"] == 0).then_some(())).await;
    let told = server.log().matches("memory limit reached").count();
    assert_eq!(told, 1, "logged once");
}
