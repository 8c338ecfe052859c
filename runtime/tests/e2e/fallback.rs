//! Answers that come after the window has closed: a template goes out in their place, once, and they wait for the person.

use crate::support::{
    client::Client,
    graph::{Fault, Graph, Sent},
    meta::{self, Text},
    server::Server,
    wait::until,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

const PERSON: &str = "33612345678";
/// As Graph says that the window is closed, whatever our clock says.
const CLOSED: Fault = Fault::Error { status: 400, code: 131_047, message: "Re-engagement message" };

async fn approved(api: &Client, channel: &str, name: &str, category: &str) -> String {
    let body = json!({ "channelId": channel, "name": name, "category": category, "language": "en", "components": [
        { "type": "BODY", "text": "Hello {{1}}, we have an answer for you.", "example": { "body_text": [["Ada"]] } },
    ] });
    let made = api.post("/api/templates", &body).await.data();
    let at_provider = made["providerId"].as_str().unwrap().to_owned();
    told(api, channel, (&at_provider, name), ("APPROVED", 10)).await;
    at_provider
}

async fn told(api: &Client, channel: &str, (at_provider, name): (&str, &str), (event, at): (&str, u32)) {
    let told = meta::template_status(at_provider, name, event, at.into());
    assert_eq!(meta::deliver(api, channel, &told).await.unwrap().status, 200);
}

async fn writes(api: &Client, channel: &str, id: &str, text: &str) {
    let payload = meta::texts(&[Text::new(PERSON, id, text)]);
    assert_eq!(meta::deliver(api, channel, &payload).await.unwrap().status, 200);
}

/// A server whose agent falls back on a template, and the template's name at its provider.
async fn falling_back() -> (Graph, Server, String, String) {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let at_provider = approved(api, &channel, "answer", "UTILITY").await;
    let agent = agent(api).await["id"].as_str().unwrap().to_owned();
    let fallback = json!({ "template_fallback": { "template": "answer", "parameters": ["{{name|there}}"] } });
    let set = async || api.patch(&format!("/api/agents/{agent}"), &fallback).await.status;
    until("the approval", async || (set().await == StatusCode::OK).then_some(())).await;
    (graph, server, channel, at_provider)
}

async fn agent(api: &Client) -> Value {
    api.list("/api/agents", "agents").await.into_iter().find(|a| a["name"] == "Echo").unwrap()
}

/// What our side said to the person, the oldest first.
async fn lines(api: &Client) -> Vec<Value> {
    let Some(conversation) = api.conversation(PERSON).await else { return Vec::new() };
    let lines = api.get(&format!("/api/conversations/{}", conversation["id"].as_str().unwrap())).await.data();
    let lines = lines["messages"].as_array().unwrap().clone();
    lines.into_iter().filter(|l| l["speaker"] != "person").collect()
}

async fn waiting(api: &Client) -> usize {
    lines(api).await.iter().filter(|l| l["waits_until"].is_string()).count()
}

fn is_template(sent: &Sent) -> bool {
    sent.body["type"] == "template"
}

#[tokio::test]
async fn what_an_agent_falls_back_on_is_looked_at_when_it_is_saved() {
    let (_graph, server, channel, _) = falling_back().await;
    let api = &server.api;
    approved(api, &channel, "offer", "MARKETING").await;
    let shown = agent(api).await;
    let kept =
        json!({ "template": "answer", "parameters": { "header": [], "body": ["{{name|there}}"], "buttons": [] } });
    assert_eq!(shown["template_fallback"], kept);
    let path = format!("/api/agents/{}", shown["id"].as_str().unwrap());
    let fields = async |fallback: Value| {
        let refused = api.patch(&path, &json!({ "template_fallback": fallback })).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
        refused.fields()
    };
    let template = "template_fallback.template";
    assert_eq!(fields(json!({ "template": "other", "parameters": ["x"] })).await, [template]);
    until("the approval", async || {
        let listed = api.list("/api/templates", "templates").await;
        listed.iter().any(|t| t["name"] == "offer" && t["status"] == "APPROVED").then_some(())
    })
    .await;
    assert_eq!(fields(json!({ "template": "offer", "parameters": ["x"] })).await, [template]);
    assert_eq!(fields(json!({ "template": "answer" })).await, ["template_fallback.parameters.body"]);
    let unknown = json!({ "template": "answer", "parameters": ["{{nmae}}"] });
    assert_eq!(fields(unknown).await, ["template_fallback.parameters"]);
    assert_eq!(agent(api).await["template_fallback"], kept, "nothing of it was kept");
    // Versions have it, and `null` takes it away.
    let gone = api.patch(&path, &json!({ "template_fallback": null })).await.data();
    assert_eq!(gone["template_fallback"], Value::Null);
    let versions = api.list(&format!("{path}/versions"), "versions").await;
    let before = api.get(&format!("{path}/versions/{}", versions[1]["version"])).await.data();
    assert_eq!(before["agent"]["template_fallback"], kept, "{before}");
}

// req: S3-TPL-1
#[tokio::test]
async fn the_template_goes_out_once_through_a_crash_and_the_answers_wait_for_the_person() {
    let (graph, mut server, channel, _) = falling_back().await;
    // The answer is refused; the template is on its way when the process dies.
    graph.next(CLOSED);
    graph.next(Fault::Slow(Duration::from_secs(20)));
    writes(&server.api, &channel, "wamid.1", "Is it ready?").await;
    until("the template on its way", async || (graph.attempts() == 2).then_some(())).await;
    server.kill().await;
    server.restart().await;
    let said = lines(&server.api).await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0]["waits_until"].is_string() && said[0]["status"] == "queued", "{said:?}");
    assert_eq!(
        (&said[1]["template"], &said[1]["text"]),
        (&json!("answer"), &json!("Hello Person 33612345678, we have an answer for you."))
    );
    // A colleague's words do not reach them either, and nothing is sent in their place.
    graph.next(CLOSED);
    let conversation = server.api.conversation(PERSON).await.unwrap()["id"].as_str().unwrap().to_owned();
    let words = json!({ "text": "I will look after it." });
    let spoken = server.api.post(&format!("/api/conversations/{conversation}/messages"), &words).await;
    assert_eq!(spoken.status, StatusCode::CREATED, "{spoken:?}");
    until("both wait", async || (waiting(&server.api).await == 2).then_some(())).await;
    server.kill().await;
    server.restart().await;
    assert_eq!(waiting(&server.api).await, 2);
    let sent = graph.sent();
    assert!(sent.len() == 1 && is_template(&sent[0]), "one template, and nothing else: {sent:?}");

    server.api.patch(&format!("/api/conversations/{conversation}"), &json!({ "mode": "agent" })).await.data();
    writes(&server.api, &channel, "wamid.2", "I am here").await;
    let sent = until("all of it", async || Some(graph.sent()).filter(|s| s.len() == 4)).await;
    let texts: Vec<&str> = sent[1..].iter().map(|s| s.text.as_str()).collect();
    let first = said[0]["text"].as_str().unwrap();
    assert_eq!(texts[..2], [first, "I will look after it."], "what waited, in its order, and then what is new");
    assert!(texts[2].contains("I am here"), "{texts:?}");
    until("nothing waits", async || (waiting(&server.api).await == 0).then_some(())).await;
    assert!(api_messages(&server.api, "FAILED").await.is_empty());
    assert_eq!(graph.complaints(), Vec::<String>::new());
}

async fn api_messages(api: &Client, status: &str) -> Vec<Value> {
    api.list(&format!("/api/messages?status={status}"), "messages").await
}

#[tokio::test]
async fn a_template_that_is_no_longer_approved_is_told_to_the_team() {
    let (graph, server, channel, at_provider) = falling_back().await;
    let api = &server.api;
    told(api, &channel, (&at_provider, "answer"), ("PAUSED", 20)).await;
    until("the word of the provider", async || {
        let listed = api.list("/api/templates", "templates").await;
        (listed[0]["status"] == "PAUSED").then_some(())
    })
    .await;
    graph.next(CLOSED);
    writes(api, &channel, "wamid.1", "Is it ready?").await;
    let failed = until("the failure", async || api_messages(api, "FAILED").await.pop()).await;
    assert!(failed["error"].as_str().unwrap().starts_with("fallback.template_not_approved"), "{failed}");
    assert_eq!((failed["waitsUntil"].is_null(), graph.sent().len()), (true, 0));
}
