//! Messages that a provider approves beforehand: made, decided about, and sent when nothing else may be.

use crate::support::{
    client::Client,
    graph::Graph,
    meta::{self, Text},
    server::Server,
    twilio,
    wait::{USUAL, until},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const STRANGER: &str = "33612345678";

async fn connected() -> (Graph, Server, String) {
    let (graph, server) = (Graph::start().await, Server::start().await);
    server.api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(&server.api, "Echo", &graph.url).await;
    (graph, server, channel)
}

fn order_ready(channel: &str) -> Value {
    json!({
        "channelId": channel, "name": "order_ready", "category": "UTILITY", "language": "en",
        "components": [
            { "type": "HEADER", "format": "TEXT", "text": "Order {{1}}", "example": { "header_text": ["7"] } },
            { "type": "BODY", "text": "Hello {{1}}, your {{2}} is ready.", "example": { "body_text": [["Ada", "tea"]] } },
            { "type": "FOOTER", "text": "The tea house" },
            { "type": "BUTTONS", "buttons": [
                { "type": "URL", "text": "Track", "url": "https://x.example/{{1}}", "example": ["https://x.example/7"] },
            ] },
        ],
    })
}

async fn status(api: &Client, id: &str) -> Value {
    api.get(&format!("/api/templates/{id}")).await.data()["status"].clone()
}

// req: S3-TPL-1
#[tokio::test]
async fn the_provider_is_asked_and_its_decisions_move_a_template_on() {
    let (graph, server, channel) = connected().await;
    let api = &server.api;
    let made = api.post("/api/templates", &order_ready(&channel)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made = made.data();
    let (id, at_provider) = (made["id"].as_str().unwrap(), made["providerId"].as_str().unwrap());
    assert_eq!((&made["status"], &graph.templates()[0]["id"]), (&json!("PENDING"), &made["providerId"]));
    let twice = api.post("/api/templates", &order_ready(&channel)).await;
    assert_eq!((twice.status, twice.fields()), (StatusCode::CONFLICT, vec!["name".to_owned()]));
    graph.decide("theirs", "APPROVED");
    let mut theirs = order_ready(&channel);
    theirs["name"] = json!("theirs");
    let refused = api.post("/api/templates", &theirs).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("REJECTED")));
    graph.withdraw("theirs");
    let mut wrong = order_ready(&channel);
    wrong["name"] = json!("Order ready");
    wrong["components"][1]["text"] = json!("{{2}} is ready.");
    let fields = api.post("/api/templates", &wrong).await.fields();
    assert_eq!(fields[0], "name", "{fields:?}");
    assert!(fields.contains(&"components[1].text".to_owned()), "{fields:?}");
    assert_eq!(graph.templates().len(), 1, "what is wrong is not handed in");

    let told = |event, at| meta::template_status(at_provider, "order_ready", event, at);
    for (event, at, becomes) in
        [("REJECTED", 20, "REJECTED"), ("APPROVED", 10, "REJECTED"), ("APPROVED", 30, "APPROVED")]
    {
        assert_eq!(meta::deliver(api, &channel, &told(event, at)).await.unwrap().status, 200);
        assert_eq!(status(api, id).await, becomes, "{event} at {at}");
    }
    let path = format!("/api/templates/{id}");
    let with = json!({ "parameters": { "header": ["7"], "body": ["Ada", "tea"], "buttons": ["o/7"] } });
    let shown = api.post(&format!("{path}/preview"), &with).await.data();
    let words = "**Order 7**\n\nHello Ada, your tea is ready.\n\nThe tea house\n\n[Track](https://x.example/o/7)";
    assert_eq!(shown["text"], words);

    let body = json!({ "components": [{ "type": "BODY", "text": "It is ready." }] });
    assert_eq!(api.patch(&path, &body).await.data()["status"], "PENDING", "it is looked at again");
    assert_eq!(graph.templates()[0]["components"], body["components"]);
    api.delete(&path).await.data();
    assert!(graph.templates().is_empty());
    assert_eq!(api.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(graph.complaints(), Vec::<String>::new());
}

// req: S3-TPL-1
#[tokio::test]
async fn a_synchronisation_reads_every_page_and_marks_what_is_gone() {
    let (graph, server, channel) = connected().await;
    let api = &server.api;
    api.post("/api/templates", &order_ready(&channel)).await.data();
    for name in ["a", "b", "c", "d"] {
        graph.decide(name, "APPROVED");
    }
    graph.decide("order_ready", "APPROVED");
    let sync = json!({ "channelId": channel });
    let done = api.post("/api/templates/sync", &sync).await.data();
    assert_eq!(done, json!({ "seen": 5, "added": 4, "changed": 1, "missing": 0 }));
    let own = api.list("/api/templates", "templates").await;
    assert!(own.len() == 5 && own.iter().all(|t| t["status"] == "APPROVED"), "{own:?}");
    let ours = json!({
        "name": "greeting", "category": "UTILITY", "language": "en",
        "components": [{ "type": "BODY", "text": "Hello." }],
    });
    assert_eq!(api.post("/api/templates", &ours).await.data()["status"], "LOCAL");
    assert_eq!(api.post("/api/templates", &ours).await.status, StatusCode::CONFLICT);
    let id = graph.templates().iter().find(|t| t["name"] == "c").unwrap()["id"].clone();
    let gone = own.iter().find(|t| t["providerId"] == id).unwrap()["id"].as_str().unwrap().to_owned();
    graph.withdraw("c");
    assert_eq!(api.post("/api/templates/sync", &sync).await.data()["missing"], 1);
    assert_eq!(status(api, &gone).await, "DELETED");
}

// req: S3-TPL-1
// req: S3-MSG-2
#[tokio::test]
async fn an_approved_template_reaches_whom_free_text_may_not() {
    let (graph, server, channel) = connected().await;
    let api = &server.api;
    let made = api.post("/api/templates", &order_ready(&channel)).await.data();
    let parameters = json!({ "header": ["7"], "body": ["Ada", "tea"], "buttons": ["o/7"] });
    let content = json!({ "name": "order_ready", "parameters": parameters });
    let message = json!({ "to": "+33612345678", "type": "template", "content": content });
    let early = api.post("/api/messages", &message).await;
    assert_eq!((early.status, &early.body["code"]), (StatusCode::CONFLICT, &json!("TEMPLATE_NOT_APPROVED")));
    assert!(api.conversation(STRANGER).await.is_none(), "nothing was begun");
    let told = meta::template_status(made["providerId"].as_str().unwrap(), "order_ready", "APPROVED", 10);
    meta::deliver(api, &channel, &told).await.unwrap();
    let mut wrong = message.clone();
    wrong["content"]["parameters"] = json!(["Ada"]);
    let fields = ["content.parameters.header", "content.parameters.body", "content.parameters.buttons"];
    assert_eq!(api.post("/api/messages", &wrong).await.fields(), fields);

    let said = api.post("/api/messages", &message).await;
    assert_eq!(said.status, StatusCode::CREATED, "{said:?}");
    let said = said.data();
    assert_eq!(said["type"], "TEMPLATE");
    assert!(said["content"]["text"].as_str().unwrap().contains("Hello Ada, your tea is ready."));
    let sent = until("the template", async || graph.sent().into_iter().find(|s| s.to == STRANGER)).await;
    let expected = json!({
        "name": "order_ready", "language": { "code": "en" },
        "components": [
            { "type": "header", "parameters": [{ "type": "text", "text": "7" }] },
            { "type": "body", "parameters": [{ "type": "text", "text": "Ada" }, { "type": "text", "text": "tea" }] },
            { "type": "button", "sub_type": "url", "index": "0", "parameters": [{ "type": "text", "text": "o/7" }] },
        ],
    });
    assert_eq!(sent.body["template"], expected);
    // The window is still closed for words of one's own, and open for templates.
    let conversation = api.conversation(STRANGER).await.unwrap()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{conversation}/messages");
    assert_eq!(api.post(&path, &json!({ "text": "Hello?" })).await.body["code"], "WINDOW_CLOSED");
    let again = api.post(&path, &json!({ "type": "template", "content": content })).await;
    assert_eq!(again.status, StatusCode::CREATED, "{again:?}");
    until("the second", async || (graph.texts_to(STRANGER).len() == 2).then_some(())).await;
    // They tell their provider to stop it.
    assert_eq!(meta::deliver(api, &channel, &meta::preference(STRANGER, "stop")).await.unwrap().status, 200);
    let wish = async || Some(twilio::contact(api, STRANGER).await?["consent"].clone());
    until("the wish", async || wish().await.filter(|w| w == "withdrawn")).await;
    for (path, body) in [("/api/messages", message), (path.as_str(), json!({ "type": "template", "content": content }))]
    {
        assert_eq!(api.post(path, &body).await.body["code"], "OPTED_OUT", "{path}");
    }
    server.idle(USUAL).await;
    assert_eq!(graph.complaints(), Vec::<String>::new());
}

// req: S3-TPL-1
#[tokio::test]
async fn channels_that_know_no_templates_send_their_words() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_messenger(api, "Echo", &graph.url).await;
    let wrote = meta::page_text(&Text::new("psid-1", "mid.1", "Hello"));
    assert_eq!(meta::deliver(api, &channel, &wrote).await.unwrap().status, 200);
    server.idle(USUAL).await;
    let mut template = order_ready(&channel);
    assert_eq!(api.post("/api/templates", &template).await.fields(), ["channelId"]);
    template["channelId"] = Value::Null;
    api.post("/api/templates", &template).await.data();
    let conversation = api.conversation("psid-1").await.unwrap()["id"].as_str().unwrap().to_owned();
    let content = json!({
        "name": "order_ready", "language": "en",
        "parameters": { "header": ["7"], "body": ["Ada", "tea"], "buttons": ["o/7"] },
    });
    let body = json!({ "type": "template", "content": content });
    api.post(&format!("/api/conversations/{conversation}/messages"), &body).await.data();
    let texts = until("the words", async || Some(graph.texts_to("psid-1")).filter(|t| t.len() == 2)).await;
    assert!(texts[1].contains("Hello Ada, your tea is ready.") && texts[1].contains("The tea house"), "{texts:?}");
}

#[tokio::test]
async fn a_template_goes_out_in_the_language_of_the_conversation() {
    let (graph, server, channel) = connected().await;
    let api = &server.api;
    for (language, text) in [("en", "Your order is ready."), ("fr", "Votre commande est prête.")] {
        let body = json!({
            "channelId": channel, "name": "ready", "category": "UTILITY", "language": language,
            "components": [{ "type": "BODY", "text": text }],
        });
        let made = api.post("/api/templates", &body).await.data();
        let told = meta::template_status(made["providerId"].as_str().unwrap(), "ready", "APPROVED", 30);
        assert_eq!(meta::deliver(api, &channel, &told).await.unwrap().status, 200);
    }
    let send = json!({ "channelId": channel, "to": STRANGER, "type": "template", "content": { "name": "ready" } });
    assert_eq!(api.post("/api/messages", &send).await.fields(), ["content.language"], "nobody knows it yet");
    let payload = meta::texts(&[Text::new(STRANGER, "wamid.fr", "Quels sont vos horaires ?")]);
    meta::deliver(api, &channel, &payload).await.unwrap();
    until("the answer", async || (!graph.sent().is_empty()).then_some(())).await;
    let sent = api.post("/api/messages", &send).await.data();
    assert_eq!(sent["content"]["text"], "Votre commande est prête.", "{sent}");
}
