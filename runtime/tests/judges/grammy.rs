//! Telegram by the types of grammY, which follow the Bot API: what we send has the method's parameters and no others, and
//! what our tests receive is what Telegram sends.

use crate::{
    install,
    support::{
        server::Server,
        telegram::{self, Telegram},
        wait::{USUAL, until},
    },
};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Stdio};
use tokio::{io::AsyncWriteExt, process::Command};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../channels/tests/suite/snapshots");
const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../channels/tests/payloads/telegram/vercel-chat.json");
/// Golden files of Telegram's content.
const LEAST: usize = 10;

type Calls = Vec<(String, Value)>;

/// What the types say; it prints each complaint before it fails.
async fn judged(calls: &Calls, updates: &[Value]) -> bool {
    let mut node = Command::new("node");
    node.arg(install::script("grammy.cjs")).env("NODE_PATH", install::node_modules());
    let mut child = node.stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let said = json!({ "calls": calls, "updates": updates }).to_string();
    child.stdin.take().unwrap().write_all(said.as_bytes()).await.unwrap();
    child.wait().await.unwrap().success()
}

/// The calls of a golden file: each a method and its body.
fn golden(file: &Path) -> Calls {
    let text = fs::read_to_string(file).unwrap();
    let body = text.splitn(3, "---\n").nth(2).unwrap();
    let mut calls = Calls::new();
    let mut rest = body.trim();
    while let Some((method, after)) = rest.split_once(' ') {
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        calls.push((method.to_owned(), values.next().unwrap().unwrap()));
        rest = after[values.byte_offset()..].trim();
    }
    calls
}

// req: C-CHN-1
#[tokio::test]
async fn every_golden_file_of_telegram_is_a_call_of_the_bot_api() {
    let files: Vec<_> = fs::read_dir(GOLDEN).unwrap().map(|f| f.unwrap().path()).collect();
    let ours = |f: &&std::path::PathBuf| f.to_string_lossy().contains("suite__rich__telegram__");
    let calls: Calls = files.iter().filter(ours).flat_map(|f| golden(f)).collect();
    assert!(calls.len() >= LEAST, "{}", calls.len());
    let recorded: Value = serde_json::from_slice(&fs::read(RECORDED).unwrap()).unwrap();
    let updates: Vec<Value> =
        recorded.as_object().unwrap().values().filter(|u| u["update_id"].is_number()).cloned().collect();
    assert!(updates.len() >= 2, "{}", updates.len());
    assert!(judged(&calls, &updates).await);
    // It does look: a parameter that the method does not have, and one that is missing.
    for wrong in [json!({ "chat_id": 1, "text": "a", "parse": "HTML" }), json!({ "chat_id": 1 })] {
        assert!(!judged(&vec![("sendMessage".to_owned(), wrong.clone())], &[]).await, "{wrong}");
    }
}

#[tokio::test]
async fn a_conversation_with_people_of_the_team_is_made_of_calls_of_the_bot_api() {
    let (telegram, server) = (Telegram::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = telegram::connect(api, "Echo", &telegram).await;
    let entities = json!([{ "type": "bot_command", "offset": 0, "length": 6 }]);
    let updates = [
        telegram::message(1, 77, &json!({ "text": "When are you **open**? <b>" })),
        telegram::message(2, 77, &json!({ "text": "/start", "entities": entities })),
    ];
    for (n, update) in updates.iter().enumerate() {
        telegram::deliver(api, &channel, update).await;
        until("the reply", async || (telegram.taken("sendMessage").len() > n).then_some(())).await;
    }
    let conversation = api.conversation("77").await.unwrap()["id"].as_str().unwrap().to_owned();
    let buttons = json!([{ "title": "Yes", "id": "yes" }]);
    for said in [
        json!({ "text": "Ann here: **one** moment, see [our page](https://shop.example/a?b=c&d)." }),
        json!({ "type": "buttons", "content": { "text": "Tea?", "buttons": buttons } }),
        json!({ "type": "image", "content": { "mediaUrl": "https://files.example/a.png", "caption": "A *kettle*" } }),
    ] {
        let answer = api.post(&format!("/api/conversations/{conversation}/messages"), &said).await;
        assert!(answer.status.is_success(), "{said}: {answer:?}");
    }
    server.idle(USUAL).await;
    let calls = telegram.calls();
    let methods: Vec<&str> = calls.iter().map(|(method, _)| method.as_str()).collect();
    for needed in ["setWebhook", "sendMessage", "sendPhoto", "sendChatAction"] {
        assert!(methods.contains(&needed), "{needed}: {methods:?}");
    }
    assert!(judged(&calls, &updates).await);
}
