//! WhatsApp: PyPI's `pywa` is a client and a webhook server for the Cloud API. It judges both halves of what stands for
//! Meta in our tests, so that what the product does before them it does before Meta: the stand-in for the Graph API,
//! which takes the replies, and the payloads that are delivered.

use crate::{
    install,
    judge::Judge,
    support::{
        graph::{Fault, Graph, TOKEN},
        meta::{self, Text},
        server::Server,
        wait::{USUAL, until},
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};
use tokio::process::Command;

const PERSON: &str = "15550009";
/// pywa's own test data.
const PAYLOADS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../channels/tests/payloads/whatsapp");

async fn pywa(graph: &Graph, token: &str) -> Judge {
    let mut command = Command::new(install::python());
    let mut judge = Judge::start(command.arg(install::script("whatsapp.py")));
    let settings = json!({
        "phone_id": meta::PHONE_NUMBER_ID, "token": token, "app_secret": meta::APP_SECRET,
        "verify_token": meta::VERIFY_TOKEN, "base_url": graph.url,
    });
    judge.ask("settings", settings).await;
    judge
}

/// What pywa, as a webhook server, makes of a delivery.
async fn heard(judge: &mut Judge, payload: &Value) -> Vec<Value> {
    let body = payload.to_string();
    let signature = meta::signature(body.as_bytes());
    let answer = judge.ask("update", json!({ "body": body, "signature": signature })).await;
    assert_eq!((&answer["status"], &answer["complaints"]), (&json!(200), &json!([])), "{payload}");
    answer["heard"].as_array().unwrap().clone()
}

// req: C-CHN-1
#[tokio::test]
async fn the_stand_in_for_graph_is_taken_for_graph() {
    let graph = Graph::start().await;
    let mut judge = pywa(&graph, TOKEN).await;
    let sent = judge.ask("send", json!({ "to": PERSON, "text": "Hello *you*", "tracker": "t-1" })).await;
    assert_eq!(sent, json!({ "id": "wamid.OUT000001", "input": PERSON, "to": PERSON }));
    judge.ask("send", json!({ "to": PERSON, "text": "as an answer", "reply_to": "wamid.IN1" })).await;
    assert_eq!(judge.ask("read", json!({ "message": "wamid.IN1" })).await, true);
    assert_eq!(judge.ask("typing", json!({ "message": "wamid.IN1" })).await, true);
    let taken = graph.sent();
    assert_eq!(graph.texts_to(PERSON), ["Hello *you*", "as an answer"]);
    assert_eq!((taken[0].opaque.as_str(), graph.signals()), ("t-1", 2));
    assert!(graph.complaints().is_empty(), "what pywa sends is well-formed: {:?}", graph.complaints());

    // Each fault is, for pywa, the error that Meta documents under this number.
    let errors = [
        (400, 131_047, "ReEngagementMessage", "SendMessageError"),
        (400, 131_026, "MessageUndeliverable", "SendMessageError"),
        (400, 131_056, "TooManyMessages", "ThrottlingError"),
        (401, 190, "ExpiredAccessToken", "AuthorizationError"),
    ];
    for (status, code, raised, family) in errors {
        graph.next(Fault::Error { status, code, message: "as documented" });
        let error = judge.ask("send", json!({ "to": PERSON, "text": "once more" })).await;
        assert_eq!((&error["raised"], &error["family"]), (&json!(raised), &json!(family)), "{error}");
        assert_eq!((&error["code"], &error["status"]), (&json!(code), &json!(status)));
        assert_eq!(error["details"], "as documented");
    }
    graph.next(Fault::TooMany { retry_after: 1 });
    let error = judge.ask("send", json!({ "to": PERSON, "text": "too fast" })).await;
    assert_eq!((&error["raised"], &error["status"]), (&json!("RateLimitHit"), &json!(429)), "{error}");
    let error = judge.ask("send", json!({ "to": PERSON, "text": "x".repeat(5_000) })).await;
    assert_eq!((&error["code"], &error["status"]), (&json!(100), &json!(400)), "{error}");
    let mut stranger = pywa(&graph, "EAAG-another").await;
    let error = stranger.ask("send", json!({ "to": PERSON, "text": "let me in" })).await;
    assert_eq!((&error["raised"], &error["status"]), (&json!("ExpiredAccessToken"), &json!(401)), "{error}");
    assert_eq!(graph.sent().len(), 2, "what was refused was not taken");
}

// req: C-CHN-1
// req: S1-WHK-1
// req: S2-WHK-5
// req: S3-WHK-1
#[tokio::test]
async fn one_conversation_is_seen_alike_by_the_judge_and_the_product() {
    let graph = Graph::start().await;
    let mut judge = pywa(&graph, TOKEN).await;
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;

    let payload = meta::texts(&[Text::new(PERSON, "wamid.J1", "Is the **pool** open?")]);
    let message = json!({
        "kind": "message", "type": "text", "id": "wamid.J1", "from": PERSON, "text": "Is the **pool** open?",
        "name": format!("Person {PERSON}"),
    });
    assert_eq!(heard(&mut judge, &payload).await, [message]);
    assert_eq!(meta::deliver(&server.api, &channel, &payload).await.unwrap().status, 200);
    until("the reply", async || (graph.texts_to(PERSON) == ["Is the *pool* open?"]).then_some(())).await;
    let sent = graph.sent().remove(0);

    // Another body under the same signature is refused by both.
    let (forged, signature) =
        (payload.to_string().replace("pool", "safe"), meta::signature(payload.to_string().as_bytes()));
    let refused = judge.ask("update", json!({ "body": forged, "signature": signature })).await;
    assert_eq!(refused["status"], 403);
    let refused = meta::deliver_raw(&server.api, &channel, forged.into_bytes(), &signature).await.unwrap();
    assert_eq!(refused.status, 401);

    server.idle(USUAL).await;
    let conversation = server.api.conversation(PERSON).await.unwrap();
    let id = conversation["id"].as_str().unwrap();
    for reached in ["delivered", "read"] {
        let payload = meta::statuses(reached, std::slice::from_ref(&sent));
        let status = json!({ "kind": "status", "status": reached, "id": sent.id, "tracker": sent.opaque });
        assert_eq!(heard(&mut judge, &payload).await, [status]);
        meta::deliver(&server.api, &channel, &payload).await.unwrap();
        assert_eq!(server.api.transcript(id).await[1]["status"], reached);
    }

    // What pywa calls by its name is the named cause of the product's dead letter.
    graph.next(Fault::Error { status: 400, code: 131_047, message: "Message failed to send" });
    let error = judge.ask("send", json!({ "to": PERSON, "text": "a day later" })).await;
    assert_eq!(error["raised"], "ReEngagementMessage");
    graph.next(Fault::Error { status: 400, code: 131_047, message: "Message failed to send" });
    meta::deliver(&server.api, &channel, &meta::texts(&[Text::new(PERSON, "wamid.J2", "And the sauna?")]))
        .await
        .unwrap();
    let letters = until("the dead letter", async || {
        let letters = server.api.list("/api/dead-letters", "dead_letters").await;
        (!letters.is_empty()).then_some(letters)
    })
    .await;
    assert_eq!(
        (&letters[0]["what"], &letters[0]["cause"]["code"]),
        (&json!("delivery"), &json!("whatsapp.needs_template"))
    );
    assert_eq!(graph.texts_to(PERSON).len(), 1);
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
}

/// What the product calls the kind of message that pywa heard.
fn our_kind(heard: &Value) -> Option<&'static str> {
    Some(match (heard["kind"].as_str()?, heard["type"].as_str().unwrap_or_default()) {
        ("choice", _) => "choice",
        ("message", "text") => "text",
        ("message", "location") => "location",
        ("message", "image" | "video" | "audio" | "document" | "sticker") => "media",
        ("message", "reaction" | "edit" | "revoke") => "signal",
        ("message", _) => "unsupported",
        _ => return None,
    })
}

/// pywa's updates by the name of their file and their own; messages with ids of their own, because pywa gives most of
/// them the same.
fn updates() -> BTreeMap<String, Value> {
    let mut updates = BTreeMap::new();
    for entry in fs::read_dir(PAYLOADS).unwrap().flatten() {
        let file = entry.path();
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        if stem == "vercel-chat" {
            continue;
        }
        let all: BTreeMap<String, Value> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for (name, mut update) in all.into_iter().filter(|(_, update)| update.get("entry").is_some()) {
            let name = format!("{stem}.{name}");
            for message in update
                .pointer_mut("/entry/0/changes/0/value/messages")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                message["id"] = json!(format!("wamid.{name}"));
            }
            updates.insert(name, update);
        }
    }
    assert!(Path::new(PAYLOADS).exists() && updates.len() > 50, "{} updates", updates.len());
    updates
}

// req: C-CHN-1
// req: S1-WHK-1
// req: S3-WHK-1
// req: S3-JOB-1
#[tokio::test]
async fn whatever_the_judge_accepts_the_product_accepts() {
    let graph = Graph::start().await;
    let mut judge = pywa(&graph, TOKEN).await;
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    let (mut judged, mut ours) = (BTreeMap::<_, u32>::new(), BTreeMap::<_, u32>::new());
    for (name, update) in updates() {
        for known in heard(&mut judge, &update).await {
            if let Some(kind) = our_kind(&known) {
                *judged.entry((kind.to_owned(), known["text"].as_str().unwrap_or_default().to_owned())).or_default() +=
                    1;
            }
        }
        let answer = meta::deliver(&server.api, &channel, &update).await.unwrap();
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
    server.idle(USUAL).await;
    let mut taken = Vec::new();
    for conversation in server.api.list("/api/conversations", "conversations").await {
        let lines = server.api.transcript(conversation["id"].as_str().unwrap()).await;
        taken.extend(lines.into_iter().filter(|l| l["speaker"] == "person"));
    }
    for line in &taken {
        let (kind, text) = (line["kind"].as_str().unwrap().to_owned(), line["text"].as_str().unwrap().to_owned());
        *ours.entry((kind.clone(), if kind == "text" { text } else { String::new() })).or_default() += 1;
    }
    // pywa has handlers of other kinds for edits, revocations and changes of a number, which are signals to us.
    let signals = ("signal".to_owned(), String::new());
    assert!(ours.remove(&signals) >= judged.remove(&signals));
    assert_eq!(ours, judged);
    assert!(judged.len() > 7, "{judged:?}");
    assert!(taken.iter().all(|l| l["outcome"]["outcome"].is_string()), "each has its outcome: {taken:?}");
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
}
