//! What people say in recordings, on its way to the agent; and images on their way to a model that sees, from everywhere.

use crate::support::{
    client::Client,
    meta::{self, Text},
    providers::{self, File, PICTURE, PUBLIC, Providers, VOICE},
    server::{Place, Server},
    services::{Fault, Services},
    wait::{USUAL, until},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use std::time::Duration;

const WORDS: &str = "Où êtes-vous ?";

async fn started(services: &Services) -> Server {
    let place = Place::default().with("OPENAI_BASE_URL", &format!("{}/v1", services.url));
    let place = place.with("COLLOQUY_PRIVATE_HOSTS", "127.0.0.1").with("COLLOQUY_PUBLIC_URL", PUBLIC);
    Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await
}

async fn agent(api: &Client, quiet: u64) {
    let model = json!({ "provider": "openai", "sees_images": true });
    let body = json!({ "name": "Ear", "model": model, "gather_quiet_ms": quiet, "language": "en" });
    api.post("/api/agents", &body).await.data();
}

/// The lines of the only conversation of a channel.
async fn lines(api: &Client, channel: &str) -> Vec<Value> {
    let conversations = api.list("/api/conversations", "conversations").await;
    let one = conversations.iter().find(|c| c["channel"] == *channel).expect("a conversation");
    api.get(&format!("/api/conversations/{}", one["id"].as_str().unwrap())).await.data()["messages"]
        .as_array()
        .unwrap()
        .clone()
}

/// Sends the file on a channel of each kind, twice as providers do, and waits for each answer.
async fn send_everywhere(file: File, check: impl AsyncFn(&str, &Client, &str, &Services)) {
    let services = Services::start().await;
    let server = started(&services).await;
    let api = &server.api;
    agent(api, 0).await;
    for kind in providers::KINDS {
        let provider = Providers::start(file).await;
        let channel = provider.connect(api, kind, "Ear").await;
        for _ in 0..2 {
            provider.send(api, (kind, &channel), &format!("in-{kind}")).await;
        }
        until(&format!("the answer on {kind}"), async || (!provider.said().is_empty()).then_some(())).await;
        server.idle(USUAL).await;
        assert_eq!(provider.said().len(), 1, "{kind}: {:?}", provider.said());
        check(kind, api, &channel, &services).await;
    }
}

#[tokio::test]
async fn what_somebody_says_is_answered_on_every_channel() {
    send_everywhere(VOICE, async |kind, api, channel, services| {
        let prompt = services.prompts().pop().unwrap();
        let asked = prompt["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
        assert!(
            asked.contains(&format!("message] {WORDS}")) || asked.contains(&format!("file] {WORDS}")),
            "{kind}: {asked}"
        );
        let lines = lines(api, channel).await;
        assert_eq!(lines[0]["heard"], json!({ "text": WORDS, "cause": null }), "{kind}");
        assert_eq!(lines[0]["outcome"]["outcome"], "answered", "{kind}");
        assert!(lines[0]["attachment"].is_string(), "{kind}: its sound is there, too");
        let place = providers::KINDS.iter().position(|k| *k == kind).unwrap();
        assert_eq!(services.recordings(), place + 1, "{kind}: listened to once");
    })
    .await;
}

#[tokio::test]
async fn an_image_reaches_a_model_that_sees_from_every_channel() {
    let shown = format!("data:image/jpeg;base64,{}", STANDARD.encode(PICTURE.bytes));
    send_everywhere(PICTURE, async |kind, _, _, services| {
        let prompt = services.prompts().pop().unwrap();
        let parts = prompt["messages"].as_array().unwrap().last().unwrap()["content"].clone();
        let images: Vec<&str> =
            parts.as_array().into_iter().flatten().filter_map(|p| p["image_url"]["url"].as_str()).collect();
        assert_eq!(images, [shown.as_str()], "{kind}");
    })
    .await;
}

#[tokio::test]
async fn what_is_written_after_a_recording_is_answered_after_it_also_over_a_crash() {
    let services = Services::start().await;
    let provider = Providers::start(VOICE).await;
    let mut server = started(&services).await;
    agent(&server.api, 100).await;
    let channel = provider.connect(&server.api, "whatsapp", "Ear").await;
    services.next("listen", Fault::Hang);
    provider.send(&server.api, ("whatsapp", &channel), "wamid.1").await;
    let text = meta::texts(&[Text::new("15550001", "wamid.2", "And on Sunday?")]);
    assert_eq!(meta::deliver(&server.api, &channel, &text).await.unwrap().status, 200);
    until("somebody listens", async || (services.recordings() == 1).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(provider.said().is_empty(), "the text waits for what was said before it: {:?}", provider.said());
    server.kill().await;
    server.restart().await;
    until("the answer", async || (!provider.said().is_empty()).then_some(())).await;
    server.idle(USUAL).await;
    assert_eq!((provider.said().len(), services.recordings()), (1, 2));
    let prompt = services.prompts().pop().unwrap()["messages"].to_string();
    let (first, second) = (prompt.find(WORDS).unwrap(), prompt.find("And on Sunday?").unwrap());
    assert!(first < second, "{prompt}");
    // What was heard is part of the history, and nobody listens again.
    server.kill().await;
    server.restart().await;
    let text = meta::texts(&[Text::new("15550001", "wamid.3", "Thank you")]);
    assert_eq!(meta::deliver(&server.api, &channel, &text).await.unwrap().status, 200);
    until("the other answer", async || (provider.said().len() == 2).then_some(())).await;
    assert_eq!(services.recordings(), 2);
    assert!(services.prompts().pop().unwrap()["messages"].to_string().contains(WORDS));
}

#[tokio::test]
async fn who_cannot_be_heard_is_told_in_their_language() {
    let provider = Providers::start(VOICE).await;
    // Nothing that listens is configured.
    let server = Server::start().await;
    let body = json!({ "name": "Ear", "model": { "provider": "scripted" }, "gather_quiet_ms": 0, "language": "fr" });
    server.api.post("/api/agents", &body).await.data();
    let channel = provider.connect(&server.api, "whatsapp", "Ear").await;
    provider.send(&server.api, ("whatsapp", &channel), "wamid.1").await;
    until("the answer", async || (!provider.said().is_empty()).then_some(())).await;
    assert!(provider.said()[0].contains("je n'ai pas pu écouter"), "{:?}", provider.said());
    assert_eq!(
        lines(&server.api, &channel).await[0]["heard"],
        json!({ "text": null, "cause": "model.not_configured" })
    );

    // Whoever listens fails for good; beside words it is a mark.
    let services = Services::start().await;
    let server = started(&services).await;
    agent(&server.api, 300).await;
    let channel = provider.connect(&server.api, "whatsapp", "Ear").await;
    services.deaf(true);
    provider.send(&server.api, ("whatsapp", &channel), "wamid.1").await;
    let text = meta::texts(&[Text::new("15550001", "wamid.2", "Did you get that?")]);
    assert_eq!(meta::deliver(&server.api, &channel, &text).await.unwrap().status, 200);
    until("the answer", async || (provider.said().len() == 2).then_some(())).await;
    let prompt = services.prompts().pop().unwrap()["messages"].to_string();
    assert!(prompt.contains("[voice message, not understood]") && prompt.contains("Did you get that?"), "{prompt}");
}

#[tokio::test]
async fn a_visitor_of_a_web_chat_and_a_person_of_the_team_are_served_too() {
    let services = Services::start().await;
    let server = started(&services).await;
    let api = &server.api;
    agent(api, 0).await;
    let settings = json!({ "public": "true", "files": "true" });
    let channel = json!({ "kind": "webchat", "name": "Site", "agent": "Ear", "settings": settings });
    let channel = api.post("/api/channels", &channel).await.data()["id"].as_str().unwrap().to_owned();
    let say = async |session: &str| {
        let file = Part::bytes(b"\x1aE\xdf\xa3 webm".to_vec()).file_name("said.webm");
        let form = Form::new().text("channel", channel.clone()).text("session", session.to_owned()).part("file", file);
        api.attempt(api.bare(Method::POST, "/api/chat/files").multipart(form)).await.unwrap().data()
    };
    let answered = say("s").await;
    assert_eq!(answered["outcome"], "answered", "{answered}");
    assert!(answered["reply"]["text"].as_str().unwrap().contains(WORDS), "{answered}");

    // The agent is silent; what was said is written down all the same.
    let conversation = answered["conversation"].as_str().unwrap();
    let path = format!("/api/conversations/{conversation}");
    assert_eq!(api.patch(&path, &json!({ "mode": "operator" })).await.status, 200);
    assert_eq!(say("s").await["outcome"], "handed_over");
    let heard = until("the words", async || {
        let lines = lines(api, &channel).await;
        lines.last().map(|l| l["heard"].clone()).filter(|h| !h.is_null())
    })
    .await;
    assert_eq!(heard["text"], WORDS);
}
