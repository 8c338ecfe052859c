//! WhatsApp tells that somebody has another number: they are the same person, and their conversation goes on.

use crate::support::{
    client::Client,
    graph::Graph,
    meta::{self, Text},
    server::Server,
    wait::{USUAL, until},
};
use serde_json::{Value, json};
use std::time::Duration;

const OLD: &str = "15550001";
const NEW: &str = "15550002";

async fn deliver(api: &Client, channel: &str, payload: &Value) {
    assert_eq!(meta::deliver(api, channel, payload).await.unwrap().status, 200);
}

async fn says(server: &Server, channel: &str, from: &str, id: &str, text: &str) {
    deliver(&server.api, channel, &meta::texts(&[Text::new(from, id, text)])).await;
    server.idle(USUAL).await;
}

/// The contact that is reached at an address, and at which others.
async fn contact_at(api: &Client, address: &str) -> Option<(String, Vec<String>)> {
    let contacts = api.list("/api/contacts", "contacts").await;
    let reached = |c: &Value| {
        let identities = c["identities"].as_array().cloned().unwrap_or_default();
        identities.iter().filter_map(|i| i["address"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let of = contacts.iter().map(|c| (c["id"].as_str().unwrap().to_owned(), reached(c)));
    of.into_iter().find(|(_, addresses)| addresses.iter().any(|a| a == address))
}

async fn noted(api: &Client) -> usize {
    let audit = api.list("/api/audit", "audit").await;
    audit.iter().filter(|line| line["action"] == "contact.moved").count()
}

// req: C-CHN-1
#[tokio::test]
async fn a_conversation_goes_on_at_the_new_number() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    says(&server, &channel, OLD, "wamid.1", "Hello").await;
    let before = api.conversation(OLD).await.unwrap()["id"].clone();
    let (contact, _) = contact_at(api, OLD).await.unwrap();
    let told = meta::number_changed("wamid.2", OLD, NEW);
    for _ in 0..3 {
        deliver(api, &channel, &told).await;
    }
    assert!(api.conversation(OLD).await.is_none());
    assert_eq!(api.conversation(NEW).await.unwrap()["id"], before);
    assert_eq!(contact_at(api, NEW).await, Some((contact, vec![NEW.to_owned()])));
    assert_eq!(noted(api).await, 1, "told three times, done once");
    says(&server, &channel, NEW, "wamid.3", "It is me").await;
    until("the answer", async || (graph.texts_to(NEW).len() == 1).then_some(())).await;
    let lines = api.transcript(before.as_str().unwrap()).await;
    assert_eq!(lines.len(), 4, "one history: {lines:?}");

    // Somebody else gets the old number, later than to the second, and what was told of it before is told again.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    says(&server, &channel, OLD, "wamid.4", "Who is this?").await;
    let stranger = api.conversation(OLD).await.unwrap()["id"].clone();
    assert_ne!(stranger, before);
    deliver(api, &channel, &told).await;
    assert_eq!(api.conversation(OLD).await.unwrap()["id"], stranger);
    assert_eq!(noted(api).await, 1);
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
}

// req: C-CHN-1
#[tokio::test]
async fn who_is_known_by_the_new_number_is_the_same_person() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    says(&server, &channel, OLD, "wamid.1", "Hello").await;
    // They were faster than WhatsApp.
    says(&server, &channel, NEW, "wamid.2", "My new number").await;
    let (old, new) = (api.conversation(OLD).await.unwrap(), api.conversation(NEW).await.unwrap());
    let (contact, _) = contact_at(api, OLD).await.unwrap();
    deliver(api, &channel, &meta::number_changed("wamid.3", OLD, NEW)).await;
    assert_eq!(contact_at(api, NEW).await, Some((contact.clone(), vec![NEW.to_owned()])));
    assert!(contact_at(api, OLD).await.is_none());
    let all = api.list("/api/conversations", "conversations").await;
    let theirs = all.iter().filter(|c| c["contact"] == contact.as_str());
    let mut ids: Vec<&str> = theirs.filter_map(|c| c["id"].as_str()).collect();
    let mut both = [old["id"].as_str().unwrap(), new["id"].as_str().unwrap()];
    ids.sort_unstable();
    both.sort_unstable();
    assert_eq!(ids, both, "no history is lost");
    says(&server, &channel, NEW, "wamid.4", "And now?").await;
    assert_eq!(api.conversation(NEW).await.unwrap()["id"], new["id"], "the one at the new number goes on");
    until("the answers", async || (graph.texts_to(NEW).len() == 2).then_some(())).await;
}

/// The people of whom the addresses are.
async fn people(api: &Client) -> usize {
    api.list("/api/contacts", "contacts").await.len()
}

// req: C-CHN-1
#[tokio::test]
async fn who_writes_with_their_business_scoped_id_alone_is_the_same_person() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let id_of = |number: &str| meta::user_id(number);
    says(&server, &channel, OLD, "wamid.1", "Hello").await;
    let conversation = api.conversation(OLD).await.unwrap()["id"].clone();
    deliver(api, &channel, &meta::scoped_text(&id_of(OLD), "wamid.2", "I have a user name now")).await;
    until("the answer", async || (graph.texts_to(OLD).len() == 2).then_some(())).await;
    assert_eq!(api.transcript(conversation.as_str().unwrap()).await.len(), 4, "one conversation");
    assert_eq!(people(api).await, 1);

    // Somebody who has never shown a number is answered by that id, then shows one.
    let scoped = id_of(NEW);
    deliver(api, &channel, &meta::scoped_text(&scoped, "wamid.3", "Guess who")).await;
    until("the answer", async || (graph.texts_to(&scoped).len() == 1).then_some(())).await;
    assert_eq!(graph.sent().last().unwrap().body["recipient"], json!(scoped));
    let theirs = api.conversation(&scoped).await.unwrap();
    says(&server, &channel, NEW, "wamid.4", "It is me").await;
    until("the answer", async || (graph.texts_to(NEW).len() == 1).then_some(())).await;
    let now = api.conversation(NEW).await.unwrap();
    assert_eq!((&now["id"], &now["contact"]), (&theirs["id"], &theirs["contact"]));
    assert_eq!(people(api).await, 2);
    let said = json!({ "channelId": channel, "to": scoped, "content": { "text": "We found you." } });
    assert_eq!(api.post("/api/messages", &said).await.data()["conversationId"], now["id"]);
    until("the words", async || (graph.texts_to(NEW).len() == 2).then_some(())).await;

    // The first two messages of others come at the same moment; whoever was taken for two is one with the next.
    for n in 0..5 {
        let number = format!("1555100{n}");
        let first = meta::scoped_text(&id_of(&number), &format!("wamid.a{n}"), "One");
        let second = meta::texts(&[Text::new(&number, &format!("wamid.b{n}"), "Two")]);
        tokio::join!(deliver(api, &channel, &first), deliver(api, &channel, &second));
        server.idle(USUAL).await;
        deliver(api, &channel, &meta::scoped_text(&id_of(&number), &format!("wamid.c{n}"), "Three")).await;
        server.idle(USUAL).await;
        assert_eq!(people(api).await, 3 + n, "{number}");
        let (_, addresses) = contact_at(api, &number).await.unwrap();
        assert_eq!(addresses, [number], "nobody is kept at the id");
    }

    // Another tenant's account knows nothing of it.
    let body =
        json!({ "tenantName": "Others", "email": "o@others.example", "password": "SecurePass123!", "name": "O" });
    let others = api.attempt(api.bare(reqwest::Method::POST, "/api/auth/register").json(&body)).await.unwrap().data();
    let others = &api.with_key(others["token"].as_str().unwrap());
    others.agent("Echo", "scripted", &[]).await;
    let theirs = meta::connect_whatsapp(others, "Echo", &graph.url).await;
    deliver(others, &theirs, &meta::scoped_text(&id_of(OLD), "wamid.9", "Do you know me?")).await;
    until("the answer", async || (graph.texts_to(&id_of(OLD)).len() == 1).then_some(())).await;
    assert_eq!(people(others).await, 1);
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
}
