//! A person of the team takes a conversation over, and gives it back.

use crate::support::{
    client::Client,
    graph::Graph,
    meta::{self, Text},
    server::Server,
    wait::until,
};
use serde_json::json;

async fn mode(api: &Client, conversation: &str) -> String {
    let shown = api.get(&format!("/api/conversations/{conversation}")).await.data();
    shown["mode"].as_str().unwrap().to_owned()
}

// req: S0-TOOL-1
// req: S0-CHAT-1
// req: C-ACT-3
#[tokio::test]
async fn who_asks_for_a_person_gets_one_until_the_agent_takes_over_again() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Desk", "extractive", &[]).await;
    let say =
        async |message: &str| api.chat(&json!({ "agent": "Desk", "session": "s", "message": message })).await.data();
    let asked = say("I want to talk to a human").await;
    let conversation = asked["conversation"].as_str().unwrap();
    assert_eq!(asked["outcome"], "handed_over", "{asked}");
    assert!(asked["reply"]["text"].as_str().unwrap().contains("a person of our team"), "{asked}");
    assert_eq!(mode(api, conversation).await, "operator");
    let silent = say("are you there?").await;
    assert_eq!((&silent["outcome"], silent["reply"].is_null()), (&json!("handed_over"), true), "{silent}");

    let wrong = api.patch(&format!("/api/conversations/{conversation}"), &json!({ "mode": "robot" })).await;
    assert_eq!(wrong.status, 400);
    api.patch(&format!("/api/conversations/{conversation}"), &json!({ "mode": "agent" })).await.data();
    until("the agent to take over", async || (mode(api, conversation).await == "agent").then_some(())).await;
    let back = say("Hello").await;
    assert_eq!(back["outcome"], "answered", "{back}");

    let take = json!({ "mode": "operator", "reason": "a complaint" });
    api.patch(&format!("/api/conversations/{conversation}"), &take).await.data();
    until("the operator", async || (mode(api, conversation).await == "operator").then_some(())).await;
    assert_eq!(say("Hello?").await["outcome"], "handed_over");
    let lines = api.transcript(conversation).await;
    let last = lines.iter().rfind(|l| l["speaker"] == "person").unwrap();
    assert_eq!(last["outcome"], json!({ "outcome": "handed_over", "reason": "a complaint" }), "the reason is kept");
}

// req: S0-EVT-1
#[tokio::test]
async fn a_hand_over_survives_a_restart_and_the_person_is_told_once() {
    let graph = Graph::start().await;
    let mut server = Server::start().await;
    server.api.agent("Desk", "extractive", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Desk", &graph.url).await;
    let tell = async |api: &Client, id: &str, text: &str| {
        let payload = meta::texts(&[Text::new("15550001", id, text)]);
        assert_eq!(meta::deliver(api, &channel, &payload).await.unwrap().status, 200);
    };
    tell(&server.api, "wamid.1", "Je veux parler à un conseiller").await;
    until("the notice", async || (graph.texts_to("15550001").len() == 1).then_some(())).await;
    assert!(graph.texts_to("15550001")[0].contains("une personne de notre équipe"), "{:?}", graph.sent());
    server.idle(crate::support::wait::USUAL).await;
    server.kill().await;
    server.restart().await;
    let conversation = server.api.conversation("15550001").await.unwrap();
    assert_eq!(conversation["mode"], "operator");
    tell(&server.api, "wamid.2", "Bonjour ?").await;
    server.idle(crate::support::wait::USUAL).await;
    assert_eq!(graph.texts_to("15550001").len(), 1, "the agent stays silent: {:?}", graph.sent());
}
