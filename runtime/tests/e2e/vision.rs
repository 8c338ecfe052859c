//! Images that people send, on their way to a model that sees.

use crate::support::{
    client::{Answer, Client},
    graph::{FILE, Graph},
    meta,
    server::{Place, Server},
    services::Services,
    wait::until,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";
const OTHER: &[u8] = b"\x89PNG\r\n\x1a\nwhat only the others sent";

async fn started(services: &Services) -> Server {
    let place = Place::default().with("OPENAI_BASE_URL", &format!("{}/v1", services.url));
    Server::start_on(place.with("OPENAI_MODEL", "stand-in")).await
}

async fn agent(api: &Client, name: &str, sees_images: bool) -> String {
    let model = json!({ "provider": "openai", "sees_images": sees_images });
    let body = json!({ "name": name, "model": model, "gather_quiet_ms": 0, "language": "en" });
    let made = api.post("/api/agents", &body).await.data();
    assert_eq!(made["model"]["sees_images"], sees_images);
    made["id"].as_str().unwrap().to_owned()
}

/// A web chat that takes files.
async fn chat(api: &Client, agent: &str) -> String {
    let settings = json!({ "public": "true", "files": "true" });
    let channel =
        json!({ "kind": "webchat", "name": format!("Site of {agent}"), "agent": agent, "settings": settings });
    api.post("/api/channels", &channel).await.data()["id"].as_str().unwrap().to_owned()
}

async fn sends(api: &Client, channel: &str, bytes: &[u8], words: &str) -> Answer {
    let file = Part::bytes(bytes.to_vec()).file_name("kettle.png");
    let form = Form::new().text("channel", channel.to_owned()).text("session", "s");
    let form = form.text("message", words.to_owned()).part("file", file);
    api.attempt(api.bare(Method::POST, "/api/chat/files").multipart(form)).await.unwrap()
}

/// The addresses of the images in a prompt.
fn images(prompt: &Value) -> Vec<String> {
    let parts = prompt["messages"].as_array().unwrap().iter().filter_map(|m| m["content"].as_array()).flatten();
    parts.filter_map(|p| p["image_url"]["url"].as_str()).map(str::to_owned).collect()
}

fn png(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

#[tokio::test]
async fn a_model_that_sees_is_shown_what_was_sent_and_nobody_elses() {
    let services = Services::start().await;
    let server = started(&services).await;
    let api = &server.api;
    let own = chat(api, &agent(api, "Own", true).await).await;
    let body =
        json!({ "tenantName": "Others", "email": "o@others.example", "password": "SecurePass123!", "name": "O" });
    let others = api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap().data();
    let others = &api.with_key(others["token"].as_str().unwrap());
    let theirs = chat(others, &agent(others, "Theirs", true).await).await;

    // The same session and the same place in the conversation, of two tenants.
    let first = sends(api, &own, PNG, "").await.data();
    assert_eq!(first["outcome"], "answered", "{first}");
    assert_eq!(images(services.prompts().last().unwrap()), [png(PNG)]);
    let second = sends(others, &theirs, OTHER, "What is this?").await.data();
    assert_eq!(second["outcome"], "answered", "{second}");
    let prompt = services.prompts().pop().unwrap();
    assert_eq!(images(&prompt), [png(OTHER)]);
    assert!(prompt.to_string().contains("[image: kettle.png] What is this?"), "{prompt}");

    // A question about it later: it stands where it was sent.
    let again = json!({ "channel": own, "session": "s", "message": "And what does it cost?" });
    let again = api.attempt(api.bare(Method::POST, "/api/chat").json(&again)).await.unwrap().data();
    assert_eq!(again["outcome"], "answered", "{again}");
    let prompt = services.prompts().pop().unwrap();
    assert_eq!(images(&prompt), [png(PNG)]);
    assert_eq!(prompt["messages"][1]["content"][0], json!({ "type": "text", "text": "[image]" }));
    assert_eq!(prompt["messages"].as_array().unwrap().last().unwrap()["content"], "And what does it cost?");
}

#[tokio::test]
async fn a_picture_from_whatsapp_is_waited_for() {
    let (graph, services) = (Graph::start().await, Services::start().await);
    let server = started(&services).await;
    let api = &server.api;
    agent(api, "Seer", true).await;
    let channel = meta::connect_whatsapp(api, "Seer", &graph.url).await;
    assert_eq!(
        meta::deliver(api, &channel, &meta::picture("15550001", "wamid.1", "media-1")).await.unwrap().status,
        200
    );
    until("the answer", async || (!graph.sent().is_empty()).then_some(())).await;
    let jpeg = format!("data:image/jpeg;base64,{}", STANDARD.encode(FILE));
    assert_eq!(images(services.prompts().last().unwrap()), [jpeg]);
}

#[tokio::test]
async fn a_model_that_does_not_see_is_told_in_words() {
    let services = Services::start().await;
    let server = started(&services).await;
    let api = &server.api;
    let channel = chat(api, &agent(api, "Blind", false).await).await;
    let mute = sends(api, &channel, PNG, "").await.data();
    assert!(mute["reply"]["text"].as_str().unwrap().starts_with("I can only read text for now"), "{mute}");
    sends(api, &channel, PNG, "What is this?").await.data();
    let prompt = services.prompts().pop().unwrap();
    assert_eq!(images(&prompt), Vec::<String>::new());
    assert!(prompt.to_string().contains("[image: kettle.png, not visible] What is this?"), "{prompt}");
    let wrong = json!({ "name": "No", "model": { "provider": "extractive", "sees_images": true } });
    let wrong = api.post("/api/agents", &wrong).await;
    assert_eq!(wrong.fields(), ["model"]);
    assert!(wrong.text.contains("sees_images: nothing of the provider"), "{}", wrong.text);
}
