//! Messenger's hand-over protocol: who holds a conversation that several apps share, and who speaks meanwhile.

use crate::support::{
    client::Client,
    graph::Graph,
    graph_control::PAGE_INBOX,
    meta::{self, APP_ID, Text},
    server::Server,
    wait::{USUAL, until},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PERSON: &str = "200";

/// A person of a team.
async fn ada(api: &Client) -> Client {
    let body =
        json!({ "tenantName": "Team", "email": "ada@team.example", "password": "SecurePass123!", "name": "Ada" });
    let made = api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap();
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    api.with_key(made.body["token"].as_str().unwrap())
}

async fn mode(api: &Client) -> Option<String> {
    let shown = api.conversation(PERSON).await?;
    shown["mode"].as_str().map(str::to_owned)
}

async fn becomes(api: &Client, wanted: &str) {
    until(wanted, async || (mode(api).await.as_deref() == Some(wanted)).then_some(())).await;
}

async fn deliver(api: &Client, channel: &str, payload: &Value) {
    assert_eq!(meta::deliver(api, channel, payload).await.unwrap().status, 200);
}

fn control(kind: &str, owner: &str, at: u64) -> Value {
    let mut fields = json!({});
    fields[kind] = json!({ "new_owner_app_id": owner, "previous_owner_app_id": "1" });
    meta::page_event("messaging", PERSON, at, &fields)
}

// req: C-CHN-1
#[tokio::test]
async fn the_agent_is_silent_while_another_app_has_the_conversation() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_messenger(api, "Echo", &graph.url).await;
    deliver(api, &channel, &meta::page_text(&Text::new(PERSON, "m_1", "Hello"))).await;
    until("the answer", async || (graph.texts_to(PERSON).len() == 1).then_some(())).await;

    let taken = control("take_thread_control", PAGE_INBOX, 1);
    deliver(api, &channel, &taken).await;
    becomes(api, "operator").await;
    let words = json!({ "message": { "mid": "m_2", "text": "Is somebody there?" } });
    deliver(api, &channel, &meta::page_event("standby", PERSON, 2, &words)).await;
    server.idle(USUAL).await;
    assert_eq!(graph.texts_to(PERSON).len(), 1, "seen, not answered: {:?}", graph.sent());

    deliver(api, &channel, &control("pass_thread_control", APP_ID, 3)).await;
    becomes(api, "agent").await;
    // What was told before is told again, late.
    deliver(api, &channel, &taken).await;
    deliver(api, &channel, &meta::page_text(&Text::new(PERSON, "m_3", "And now?"))).await;
    until("the answer", async || (graph.texts_to(PERSON).len() == 2).then_some(())).await;
    assert_eq!(mode(api).await.as_deref(), Some("agent"));
    assert!(graph.moved().is_empty() && graph.complaints().is_empty(), "{:?}", graph.complaints());
}

// req: C-CHN-1
#[tokio::test]
async fn who_takes_a_conversation_over_takes_it_from_the_other_app_too() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &ada(&server.api).await;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_messenger(api, "Echo", &graph.url).await;
    deliver(api, &channel, &meta::page_text(&Text::new(PERSON, "m_1", "Hello"))).await;
    until("the answer", async || (graph.texts_to(PERSON).len() == 1).then_some(())).await;
    let id = api.conversation(PERSON).await.unwrap()["id"].as_str().unwrap().to_owned();
    graph.hold(PERSON);
    api.patch(&format!("/api/conversations/{id}"), &json!({ "mode": "operator" })).await.data();
    let moved = until("control", async || graph.moved().into_iter().next()).await;
    assert_eq!((moved.edge.as_str(), moved.person.as_str()), ("take_thread_control", PERSON));

    // Taken away again, unheard: whoever writes has it.
    graph.hold(PERSON);
    let said = json!({ "content": { "text": "I am Ada, how can I help?" } });
    api.post(&format!("/api/conversations/{id}/messages"), &said).await.data();
    until("the words", async || (graph.texts_to(PERSON).len() == 2).then_some(())).await;
    assert_eq!(graph.moved().len(), 2, "{:?}", graph.moved());
    assert_eq!(graph.texts_to(PERSON)[1], "I am Ada, how can I help?");
    let health = api.get(&format!("/api/channels/{channel}/health")).await.data();
    assert_eq!(health["state"], "ok", "one conversation of another app is no reason to stop the account: {health}");
}

// req: C-CHN-1
#[tokio::test]
async fn an_instagram_account_with_a_page_shares_its_conversations_the_same_way() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &ada(&server.api).await;
    api.agent("Desk", "extractive", &[]).await;
    let connect = async |settings: Value| {
        let channel = meta::connect_instagram(api, "Desk", &graph.url).await;
        api.patch(&format!("/api/channels/{channel}"), &json!({ "settings": settings })).await.data();
        channel
    };
    let channel = connect(json!({ "hand_over_to": "instagram_inbox" })).await;
    let event = |line: &str, at: u64, fields: &Value| {
        let mut payload = meta::page_event(line, PERSON, at, fields);
        payload["object"] = json!("instagram");
        payload["entry"][0]["id"] = json!(meta::INSTAGRAM_ID);
        payload["entry"][0][line][0]["recipient"]["id"] = json!(meta::INSTAGRAM_ID);
        payload
    };
    let words = |id: &str, text: &str| json!({ "message": { "mid": id, "text": text } });
    deliver(api, &channel, &event("messaging", 1, &words("m_1", "I want to talk to a human"))).await;
    let moved = until("control", async || graph.moved().into_iter().next()).await;
    assert_eq!((moved.edge.as_str(), moved.to.as_deref()), ("pass_thread_control", Some("1217981644879628")));
    assert_eq!(moved.after, 1, "once the person was told: {:?}", graph.sent());
    deliver(api, &channel, &event("standby", 2, &words("m_2", "Hello?"))).await;
    server.idle(USUAL).await;
    assert_eq!(graph.texts_to(PERSON).len(), 1, "seen, not answered");

    // Somebody of the team takes it from there, by writing.
    let id = api.conversation(PERSON).await.unwrap()["id"].as_str().unwrap().to_owned();
    let said = json!({ "content": { "text": "I am Ada, how can I help?" } });
    api.post(&format!("/api/conversations/{id}/messages"), &said).await.data();
    until("the words", async || (graph.texts_to(PERSON).len() == 2).then_some(())).await;
    assert_eq!(graph.moved().last().unwrap().edge, "take_thread_control");
    let back = json!({ "pass_thread_control": { "new_owner_app_id": APP_ID, "previous_owner_app_id": "1" } });
    deliver(api, &channel, &event("messaging", 3, &back)).await;
    becomes(api, "agent").await;
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
}

// req: C-CHN-1
#[tokio::test]
async fn what_goes_to_people_goes_to_the_page_inbox_where_they_work() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Desk", "extractive", &[]).await;
    let mut settings = meta::messenger_settings(&graph.url);
    settings["hand_over_to"] = json!("page_inbox");
    let channel = meta::connect(api, "messenger", "Desk", settings).await;
    deliver(api, &channel, &meta::page_text(&Text::new(PERSON, "m_1", "I want to talk to a human"))).await;
    let moved = until("control", async || graph.moved().into_iter().next()).await;
    assert_eq!((moved.edge.as_str(), moved.to.as_deref()), ("pass_thread_control", Some(PAGE_INBOX)));
    assert_eq!((moved.after, graph.texts_to(PERSON).len()), (1, 1), "once the person was told: {:?}", graph.sent());
    assert_eq!(mode(api).await.as_deref(), Some("operator"));

    deliver(api, &channel, &control("pass_thread_control", APP_ID, 3)).await;
    becomes(api, "agent").await;
    let wanted = json!({ "request_thread_control": { "requested_owner_app_id": PAGE_INBOX } });
    deliver(api, &channel, &meta::page_event("messaging", PERSON, 4, &wanted)).await;
    until("control again", async || (graph.moved().len() == 2).then_some(())).await;
    becomes(api, "operator").await;
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
}
