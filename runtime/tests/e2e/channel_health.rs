//! How a channel stands with its provider: what is turned away, refused, stopped and lifted, as the team sees it.

use crate::support::{
    client::Client,
    graph::{Fault, Graph},
    meta::{self, Text},
    server::Server,
    wait::{USUAL, until},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PERSON: &str = "33612345678";

async fn connected() -> (Graph, Server, String) {
    let (graph, server) = (Graph::start().await, Server::start().await);
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    (graph, server, channel)
}

async fn health(api: &Client, channel: &str) -> Value {
    api.get(&format!("/api/channels/{channel}/health")).await.data()
}

async fn writes(api: &Client, channel: &str, id: &str) {
    let payload = meta::texts(&[Text::new(PERSON, id, "Hello")]);
    assert_eq!(meta::deliver(api, channel, &payload).await.unwrap().status, 200);
}

// req: C-CHN-1
#[tokio::test]
async fn what_is_turned_away_or_refused_is_shown_until_the_account_is_served_again() {
    let (graph, server, channel) = connected().await;
    let api = &server.api;
    assert_eq!(health(api, &channel).await["state"], "ok");
    for _ in 0..2 {
        let answer = meta::deliver_raw(api, &channel, b"{}".to_vec(), "sha256=00").await.unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let shown =
        until("the count", async || Some(health(api, &channel).await).filter(|h| h["webhooks"].is_object())).await;
    // The second one is not written yet: strangers do not make the disk work.
    assert_eq!((&shown["state"], &shown["webhooks"]["rejected"]), (&json!("warning"), &json!(1)), "{shown}");

    graph.always(Fault::Error { status: 401, code: 190, message: "Session has expired" });
    writes(api, &channel, "wamid.1").await;
    let shown =
        until("the refusal", async || Some(health(api, &channel).await).filter(|h| h["state"] == "refused")).await;
    assert_eq!(shown["refused"]["code"], "whatsapp.unauthorized", "{shown}");
    assert!(shown["refused"]["message"].as_str().unwrap().contains("Session has expired"), "{shown}");
    graph.heal();
    let tested = api.post(&format!("/api/channels/{channel}/test"), &json!({})).await.data();
    assert_eq!((&tested["connected"], &tested["token_expires_at"]), (&json!(true), &json!("2100-01-01T00:00:00.000Z")));
    let shown = health(api, &channel).await;
    assert_eq!((&shown["refused"], &shown["state"]), (&Value::Null, &json!("warning")), "{shown}");
    assert_eq!(shown["token_expires_at"], "2100-01-01T00:00:00.000Z");
}

// req: C-CHN-1
#[tokio::test]
async fn a_ban_stops_the_channel_and_nothing_is_lost_until_it_is_lifted() {
    let (graph, server, channel) = connected().await;
    let api = &server.api;
    let ban = |state, at| {
        meta::account_update(&json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": state } }), at)
    };
    meta::deliver(api, &channel, &ban("DISABLE", 1_790_000_100)).await.unwrap();
    let shown = health(api, &channel).await;
    assert_eq!((&shown["state"], &shown["notice"]["detail"]), (&json!("stopped"), &json!("DISABLE")), "{shown}");
    writes(api, &channel, "wamid.1").await;
    let answered = async || {
        let conversation = api.conversation(PERSON).await?;
        (conversation["last_message"]["speaker"] == "agent").then_some(())
    };
    until("the reply, which waits", answered).await;
    // What a person of the team sends waits as well.
    let conversation = api.conversation(PERSON).await.unwrap()["id"].as_str().unwrap().to_owned();
    let said = json!({ "text": "A person here." });
    api.post(&format!("/api/conversations/{conversation}/messages"), &said).await.data();
    assert_eq!((graph.attempts(), graph.sent().len()), (0, 0), "nothing is tried");

    // An older word than the ban changes nothing.
    meta::deliver(api, &channel, &ban("REINSTATE", 1_790_000_000)).await.unwrap();
    assert_eq!(health(api, &channel).await["state"], "stopped");
    meta::deliver(api, &channel, &ban("REINSTATE", 1_790_000_200)).await.unwrap();
    until("both replies", async || (graph.texts_to(PERSON).len() == 2).then_some(())).await;
    assert_eq!(health(api, &channel).await["state"], "ok");

    let other = json!({ "event": "ACCOUNT_DELETED" });
    let mut elsewhere = meta::account_update(&other, 1_790_000_300);
    elsewhere["entry"][0]["id"] = json!("1");
    meta::deliver(api, &channel, &elsewhere).await.unwrap();
    assert_eq!(health(api, &channel).await["state"], "ok", "another business account");
    meta::deliver(api, &channel, &meta::account_update(&other, 1_790_000_300)).await.unwrap();
    assert_eq!(health(api, &channel).await["state"], "stopped");
    let resumed = api.post(&format!("/api/channels/{channel}/resume"), &json!({})).await.data();
    assert_eq!((&resumed["state"], &resumed["stopped_at"]), (&json!("warning"), &Value::Null), "{resumed}");
    let acts = api.list("/api/audit", "audit").await;
    assert!(acts.iter().any(|a| a["action"] == "channel.resumed"), "{acts:?}");
    server.idle(USUAL).await;
    assert_eq!(graph.complaints(), Vec::<String>::new());
}
