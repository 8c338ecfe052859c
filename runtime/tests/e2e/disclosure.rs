//! That a machine speaks: said before its first words, on every way to it.

use crate::support::{
    calls::{Caller, said, telephone},
    client::Client,
    graph::Graph,
    meta::{self, Text},
    server::Server,
    wait::until,
};
use serde_json::{Value, json};

const ENGLISH: &str = "You are talking to an AI assistant.";
const FRENCH: &str = "Vous échangez avec un assistant IA.";

async fn honest(api: &Client, disclosure: &Value) -> String {
    let agent = api.agent("Echo", "scripted", &[]).await;
    let changed = api.patch(&format!("/api/agents/{agent}"), &json!({ "disclosure": disclosure })).await.data();
    assert_eq!(changed["disclosure"]["enabled"], true);
    agent
}

async fn hears(api: &Client, session: &str, message: &str) -> String {
    let said = api.chat(&json!({ "agent": "Echo", "session": session, "message": message })).await.data();
    said["reply"]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_reply_says_it_and_no_other_and_it_is_in_the_transcript() {
    let mut server = Server::start().await;
    let agent = honest(&server.api, &json!({ "fr": "Je suis un robot." })).await;
    let api = &server.api;
    assert_eq!(hears(api, "one", "Quels sont vos horaires ?").await, "Je suis un robot.\n\nQuels sont vos horaires ?");
    assert_eq!(hears(api, "one", "Et le dimanche ?").await, "Et le dimanche ?");
    assert_eq!(hears(api, "two", "What is open?").await, format!("{ENGLISH}\n\nWhat is open?"));
    server.kill().await;
    server.restart().await;
    let api = &server.api;
    assert_eq!(hears(api, "one", "Et le lundi ?").await, "Et le lundi ?", "not again after a crash");
    let conversation = api.conversation("one").await.unwrap()["id"].as_str().unwrap().to_owned();
    let lines = api.transcript(&conversation).await;
    let told = lines.iter().filter(|l| l["text"].as_str().unwrap().contains("Je suis un robot.")).count();
    assert_eq!((told, lines.len()), (1, 6), "{lines:?}");

    let path = format!("/api/agents/{agent}");
    let wrong = json!({ "disclosure": { "fr": "x".repeat(501), "again_after_days": 0 } });
    assert_eq!(api.patch(&path, &wrong).await.fields(), ["disclosure.fr", "disclosure.again_after_days"]);
    api.patch(&path, &json!({ "disclosure": { "enabled": false } })).await.data();
    assert_eq!(hears(api, "three", "What is open?").await, "What is open?");
}

#[tokio::test]
async fn a_person_who_gives_back_makes_it_said_again_if_the_owner_wants() {
    let server = Server::start().await;
    let api = &server.api;
    honest(api, &json!({ "after_person": true, "again_after_days": 30 })).await;
    assert_eq!(hears(api, "one", "What is open?").await, format!("{ENGLISH}\n\nWhat is open?"));
    let path = format!("/api/conversations/{}", api.conversation("one").await.unwrap()["id"].as_str().unwrap());
    api.post(&format!("{path}/messages"), &json!({ "text": "Ann here." })).await.data();
    api.patch(&path, &json!({ "mode": "agent" })).await.data();
    assert_eq!(hears(api, "one", "What is closed?").await, format!("{ENGLISH}\n\nWhat is closed?"));
    let lines = api.transcript(path.rsplit('/').next().unwrap()).await;
    let ann = lines.iter().find(|l| l["speaker"] == "operator").unwrap();
    assert_eq!(ann["text"], "Ann here.", "never in a person's words");
}

#[tokio::test]
async fn a_channel_a_stream_and_a_call_say_it_too() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    honest(api, &json!({})).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let payload = meta::texts(&[Text::new("15550001", "wamid.1", "Quels sont vos horaires ?")]);
    assert_eq!(meta::deliver(api, &channel, &payload).await.unwrap().status, 200);
    let sent = until("the answer", async || graph.sent().into_iter().next()).await;
    assert!(sent.text.starts_with(FRENCH), "{sent:?}");

    let message = json!({ "role": "user", "content": "one two three" });
    let body = json!({ "model": "Echo", "user": "zoé", "stream": true, "messages": [message] });
    let answer = api.post("/v1/chat/completions", &body).await;
    let data = answer.text.lines().filter_map(|l| l.strip_prefix("data:").map(str::trim)).filter(|d| *d != "[DONE]");
    let chunks: Vec<Value> = data.map(|d| serde_json::from_str(d).unwrap()).collect();
    let text: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, format!("{ENGLISH}\n\none two three"));

    telephone(api, "Echo", &json!({})).await;
    let caller = Caller::new(api, "CA0001");
    let greeted = caller.post("/api/calls/incoming", "ringing", &[]).await;
    let greeting = "Bonjour, vous êtes bien chez Chauffage Martin & Fils. Comment puis-je vous aider ?";
    assert_eq!(said(&greeted.text), [format!("{FRENCH} {greeting}")]);
    let first = caller.say(&greeted, "Où êtes-vous ?").await;
    assert_eq!(said(&first.text), ["Où êtes-vous ?"], "the greeting said it");
}
