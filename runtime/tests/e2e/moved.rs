//! WhatsApp tells that somebody has another number: they are the same person, and their conversation goes on.

use crate::support::{
    client::Client,
    graph::Graph,
    meta::{self, Text},
    server::Server,
    wait::{USUAL, until},
};
use serde_json::Value;
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
