//! Channels from both of their ends: what comes in is signed as its provider signs it, what goes out arrives at a stand-in.

use crate::support::{
    client::Client,
    graph::{FILE, Graph, TOKEN},
    meta::{self, Text, VERIFY_TOKEN},
    server::{Place, Server},
    twilio::{self, Twilio, sms},
    wait::{USUAL, until},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};

/// What stands before the server calls itself so.
const PUBLIC: &str = "https://colloquy.example";

async fn started() -> Server {
    Server::start_on(Place::default().with("COLLOQUY_PUBLIC_URL", PUBLIC)).await
}

// req: S1-CHN-1
#[tokio::test]
async fn a_channel_is_connected_tried_changed_and_ended() {
    let (graph, server) = (Graph::start().await, Server::start().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let nothing = json!({ "kind": "whatsapp", "name": "Shop", "agent": "Echo", "settings": {} });
    let fields = api.post("/api/channels", &nothing).await.fields();
    assert!(fields.contains(&"settings.access_token".to_owned()), "{fields:?}");
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let path = format!("/api/channels/{channel}");
    let tried = async || api.post(&format!("{path}/test"), &json!({})).await.data();
    assert_eq!(tried().await["connected"], true);
    let listed = api.list("/api/channels", "channels").await;
    assert!(listed.iter().any(|c| c["id"] == channel.as_str()), "{listed:?}");
    let shown = api.get(&path).await;
    assert!(!shown.text.contains(TOKEN), "{shown:?}");

    let revoked = json!({ "name": "Old shop", "settings": { "access_token": "EAAG-somebody-elses" } });
    assert_eq!(api.patch(&path, &revoked).await.data()["name"], "Old shop");
    let refused = tried().await;
    assert_eq!(refused["connected"], false);
    assert!(refused["message"].as_str().is_some_and(|m| m.contains("Invalid OAuth access token")), "{refused}");
    // What is shown for the secrets, sent back, leaves them alone.
    let mended = json!({ "settings": { "access_token": TOKEN, "app_secret": "***" } });
    api.put(&path, &mended).await.data();
    assert_eq!(tried().await["connected"], true);
    let payload = meta::texts(&[Text::new("15550001", "wamid.1", "Hello")]);
    assert_eq!(meta::deliver(api, &channel, &payload).await.unwrap().status, 200);

    api.delete(&path).await.data();
    assert_eq!(api.get(&path).await.status, 404);
    assert_eq!(api.post(&format!("{path}/test"), &json!({})).await.status, 404);
    assert_eq!(meta::deliver(api, &channel, &payload).await.unwrap().status, 404);
}

// req: S2-WHK-1
// req: S2-WHK-4
// req: S2-WHK-5
#[tokio::test]
async fn an_sms_is_answered_and_its_status_follows() {
    let (twilio, server) = (Twilio::start().await, started().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = twilio::connect(api, "twilio_sms", "Echo", &twilio.url).await;
    let (person, path) = ("+33611111111", "/webhooks/twilio/default");
    let first = sms("SM-in-1", person, "Bonjour");
    for _ in 0..3 {
        let taken = twilio::deliver(api, path, PUBLIC, &first).await;
        assert_eq!(
            (taken.status, taken.text.as_str()),
            (StatusCode::OK, "<Response/>"),
            "said to the person otherwise"
        );
        assert_eq!(taken.headers["content-type"], "text/xml");
    }
    until("the answer", async || (twilio.sent().len() == 1).then_some(())).await;
    server.idle(USUAL).await;
    let sent = twilio.sent();
    assert_eq!(sent.len(), 1, "a repeated delivery changes nothing: {sent:?}");
    assert_eq!((sent[0]["To"].as_str(), sent[0]["From"].as_str()), (person, twilio::NUMBER));
    let callback = sent[0]["StatusCallback"].strip_prefix(PUBLIC).expect("at the public address").to_owned();
    assert!(callback.starts_with(&format!("/webhooks/{channel}?outbox=")), "{callback}");

    let status = async |word: &str| {
        let form = [("MessageSid", "SM000001"), ("MessageStatus", word), ("To", person), ("From", twilio::NUMBER)];
        let form = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(twilio::deliver(api, &callback, PUBLIC, &form).await.status, 200);
    };
    let outbound = async || api.list("/api/messages?direction=OUTBOUND", "messages").await.remove(0);
    status("delivered").await;
    assert_eq!(outbound().await["status"], "DELIVERED");
    status("sent").await;
    assert_eq!(outbound().await["status"], "DELIVERED", "statuses move forward only");
    status("read").await;
    assert_eq!(outbound().await["status"], "READ");

    let forged = twilio::deliver_raw(api, path, "MessageSid=SM9&Body=x".to_owned(), "AAAA").await;
    assert_eq!((forged.status.as_u16(), &forged.body["code"]), (401, &json!("UNAUTHORIZED")));
    let elsewhere = twilio::deliver(api, path, "https://other.example", &sms("SM-in-2", person, "Hi")).await;
    assert_eq!(elsewhere.status, 401, "signed for another address");
    assert_eq!(twilio::deliver(api, "/webhooks/twilio/nobody", PUBLIC, &first).await.status, 404);
}

// req: S2-WHK-1
#[tokio::test]
async fn who_says_stop_is_not_written_to_and_is_again_when_they_say_so() {
    let (twilio, server) = (Twilio::start().await, started().await);
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = twilio::connect(api, "twilio_sms", "Echo", &twilio.url).await;
    let (person, path) = ("+33611111111", "/webhooks/twilio/default");
    let consent = async |of: &str| twilio::contact(api, of).await.map(|c| c["consent"].clone());
    assert_eq!(twilio::deliver(api, path, PUBLIC, &sms("SM1", person, "Arrêt")).await.status, 200);
    until("the word", async || (consent(person).await? == "withdrawn").then_some(())).await;
    server.idle(USUAL).await;
    assert!(twilio.sent().is_empty(), "the word is not answered");
    let text = json!({ "channelId": channel, "to": person, "content": { "text": "A new offer" } });
    assert_eq!(api.post("/api/messages", &text).await.body["code"], "OPTED_OUT");
    twilio::deliver(api, path, PUBLIC, &sms("SM2", person, "START")).await;
    until("the other word", async || (consent(person).await? == "granted").then_some(())).await;
    assert_eq!(api.post("/api/messages", &text).await.status, StatusCode::CREATED);
    until("the offer", async || (twilio.sent().len() == 1).then_some(())).await;

    // Told to Twilio instead of us: its refusal tells us.
    let other = "+33622222222";
    twilio.opt_out(other);
    let text = json!({ "channelId": channel, "to": other, "content": { "text": "A new offer" } });
    let said = api.post("/api/messages", &text).await.data();
    until("the refusal", async || (consent(other).await? == "withdrawn").then_some(())).await;
    let said = api.get(&format!("/api/messages/{}", said["id"].as_str().unwrap())).await.data();
    assert_eq!(said["status"], "FAILED");
    assert!(said["error"].as_str().unwrap().starts_with("twilio_sms.opted_out"), "{said}");
}

// req: S3-WHK-1
#[tokio::test]
async fn one_address_serves_all_accounts_of_metas_apps() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let shake = async |token: &str| {
        let query = [("hub.mode", "subscribe"), ("hub.verify_token", token), ("hub.challenge", "77")];
        api.attempt(api.bare(Method::GET, "/api/webhook").query(&query)).await.unwrap()
    };
    assert_eq!(shake(VERIFY_TOKEN).await.status, 403, "nothing is connected");
    let whatsapp = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let page = meta::connect_messenger(api, "Echo", &graph.url).await;
    let right = shake(VERIFY_TOKEN).await;
    assert_eq!((right.status.as_u16(), right.text.as_str()), (200, "77"));
    assert_eq!(shake("guessed").await.status, 403);

    let post = async |payload: &Value, signature: Option<&str>| {
        let body = payload.to_string().into_bytes();
        let signature = signature.map_or_else(|| meta::signature(&body), str::to_owned);
        let request = api.bare(Method::POST, "/api/webhook").header("x-hub-signature-256", signature);
        api.attempt(request.body(body)).await.unwrap().status.as_u16()
    };
    let text = meta::texts(&[Text::new("15550001", "wamid.1", "Hello")]);
    assert_eq!(post(&text, Some("sha256=00")).await, 401);
    assert_eq!(post(&text, None).await, 200);
    assert_eq!(post(&meta::page_text(&Text::new("200", "m_1", "Hello")), None).await, 200);
    // The dashboard's test is about an account of nobody.
    let test = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "0", "changes": [{ "field": "messages",
        "value": { "metadata": { "phone_number_id": "123456123" }, "messages": [{ "from": "1", "id": "x", "type": "text",
        "text": { "body": "this is a text message" } }] } }] }] });
    assert_eq!(post(&test, None).await, 200);
    assert_eq!(post(&test, Some("sha256=00")).await, 401);
    server.idle(USUAL).await;
    let conversations = api.list("/api/conversations", "conversations").await;
    let mut channels: Vec<&str> = conversations.iter().map(|c| c["channel"].as_str().unwrap()).collect();
    channels.sort_unstable();
    let mut expected = [whatsapp.as_str(), page.as_str()];
    expected.sort_unstable();
    assert_eq!(channels, expected, "each where it belongs, and the test nowhere");
}

async fn inbound(api: &Client) -> Value {
    until("the message", async || api.list("/api/messages?direction=INBOUND", "messages").await.into_iter().next())
        .await
}

// req: S3-TBL-1
// req: C-CHN-1
#[tokio::test]
async fn a_picture_is_brought_kept_and_forgotten_with_whom_it_is_from() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let payload = meta::picture("15550001", "wamid.pic", "media-1");
    for _ in 0..2 {
        assert_eq!(meta::deliver(api, &channel, &payload).await.unwrap().status, 200);
    }
    let kept =
        until("the file", async || Some(inbound(api).await).filter(|m| m["content"]["attachment"]["state"] == "kept"))
            .await;
    assert_eq!((&kept["type"], &kept["content"]["caption"]), (&json!("IMAGE"), &json!("What is this?")));
    let (id, url) = (kept["content"]["attachment"]["id"].clone(), kept["content"]["mediaUrl"].as_str().unwrap());
    let file = api.request(Method::GET, url).send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "image/jpeg");
    assert_eq!(file.headers()["content-disposition"], "attachment");
    assert_eq!(file.bytes().await.unwrap(), FILE);
    let stranger = api.attempt(api.bare(Method::GET, url)).await.unwrap();
    assert_eq!(stranger.status, 401);
    let conversation = kept["conversationId"].as_str().unwrap();
    assert_eq!(api.transcript(conversation).await[0]["attachment"], id, "in the transcript");
    server.idle(USUAL).await;
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());

    let contact = api.list("/api/contacts", "contacts").await[0]["id"].as_str().unwrap().to_owned();
    api.post(&format!("/api/contacts/{contact}/erase"), &json!({})).await.data();
    assert_eq!(api.get(&format!("/api/attachments/{}", id.as_str().unwrap())).await.status, 404);
    let named = |dir: &Path| {
        let files = fs::read_dir(dir).into_iter().flatten().flatten().map(|f| f.path());
        files.filter(|p| p.to_string_lossy().contains("attachment-")).count()
    };
    let folders = fs::read_dir(server.place.data_dir().join("files")).unwrap().flatten();
    assert_eq!(folders.map(|f| named(&f.path())).sum::<usize>(), 0, "the bytes are gone");
}

/// A payload must not make the server call what only the server can reach.
// req: S0-SEC-1
#[tokio::test]
async fn an_address_inside_is_not_read_for_a_message_that_names_it() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_messenger(api, "Echo", &graph.url).await;
    let mut payload = meta::page_text(&Text::new("200", "m_1", "look"));
    let url = format!("{}/v26.0/secret", graph.url);
    payload["entry"][0]["messaging"][0]["message"]["attachments"] =
        json!([{ "type": "image", "payload": { "url": url } }]);
    assert_eq!(meta::deliver(api, &channel, &payload).await.unwrap().status, 200);
    let refused = until("the refusal", async || {
        let id = inbound(api).await["content"]["attachment"]["id"].as_str()?.to_owned();
        Some(api.get(&format!("/api/attachments/{id}")).await.data()).filter(|a| a["state"] == "refused")
    })
    .await;
    assert_eq!(refused["cause"], "egress.private");
    assert!(graph.complaints().is_empty(), "nobody called: {:?}", graph.complaints());
}

// req: S3-MSG-2
// req: S3-TBL-1
#[tokio::test]
async fn files_and_choices_go_out_as_the_channel_shows_them() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    meta::deliver(api, &channel, &meta::texts(&[Text::new("15550001", "wamid.1", "Hello")])).await.unwrap();
    server.idle(USUAL).await;
    let url = "https://files.example/bike.png";
    let image = json!({ "to": "+15550001", "type": "image", "content": { "mediaUrl": url, "caption": "Our *bike*" } });
    let said = api.post("/api/messages", &image).await;
    assert_eq!(said.status, StatusCode::CREATED, "{said:?}");
    let said = said.data();
    assert_eq!((&said["type"], &said["content"]["mediaUrl"]), (&json!("IMAGE"), &json!(url)));
    let buttons = json!([{ "id": "red", "title": "Red" }, { "title": "Blue" }]);
    let choice = json!({ "to": "+15550001", "content": { "text": "Which?", "buttons": buttons } });
    assert_eq!(api.post("/api/messages", &choice).await.data()["type"], "BUTTONS");
    let sent = until("both", async || Some(graph.sent()).filter(|s| s.len() == 3)).await;
    assert_eq!(sent[1].body["image"], json!({ "link": url, "caption": "Our _bike_" }));
    assert_eq!(sent[2].body["interactive"]["action"]["buttons"][1]["reply"], json!({ "id": "Blue", "title": "Blue" }));
    assert!(graph.complaints().is_empty(), "{:?}", graph.complaints());
    // What was chosen comes back.
    let mut payload = meta::texts(&[Text::new("15550001", "wamid.2", "")]);
    let message = payload.pointer_mut("/entry/0/changes/0/value/messages/0").unwrap();
    message["type"] = json!("interactive");
    message["interactive"] = json!({ "type": "button_reply", "button_reply": { "id": "red", "title": "Red" } });
    meta::deliver(api, &channel, &payload).await.unwrap();
    server.idle(USUAL).await;
    let id = said["conversationId"].as_str().unwrap();
    let lines = api.transcript(id).await;
    assert!(lines.iter().any(|l| l["kind"] == "choice" && l["text"] == "Red"), "{lines:?}");
    for (wrong, field) in [
        (json!({ "type": "image", "content": { "caption": "nothing" } }), "content.mediaUrl"),
        (json!({ "type": "image", "content": { "mediaUrl": "https://u:p@a.example/x" } }), "content.mediaUrl"),
        (json!({ "type": "list", "content": { "text": "x", "list": { "rows": [] } } }), "content.list.rows"),
        (json!({ "type": "card", "content": { "card": { "title": "" } } }), "content.card.title"),
        (json!({ "type": "song", "content": { "text": "la" } }), "type"),
    ] {
        let mut body = wrong.clone();
        body["to"] = json!("+15550001");
        assert_eq!(api.post("/api/messages", &body).await.fields(), [field], "{wrong}");
    }
}

// req: S1-WHK-1
#[tokio::test]
async fn every_recorded_update_of_telegram_is_accepted() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    // Nobody listens there: what is asked of Telegram fails, and what comes in is taken all the same.
    let settings = json!({
        "bot_token": "7:AA-token", "mode": "webhook", "webhook_secret": "word", "api_base": "http://127.0.0.1:9",
    });
    let channel = meta::connect(api, "telegram", "Echo", settings).await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../channels/tests/payloads/telegram/vercel-chat.json");
    let bodies: BTreeMap<String, Value> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let updates: Vec<(String, Value)> = bodies.into_iter().filter(|(_, b)| b.get("update_id").is_some()).collect();
    assert!(!updates.is_empty());
    for (name, update) in &updates {
        let deliver = async |secret: &str| {
            let request = api.bare(Method::POST, &format!("/webhooks/{channel}"));
            let request = request.header("x-telegram-bot-api-secret-token", secret).body(update.to_string());
            api.attempt(request).await.unwrap().status.as_u16()
        };
        assert_eq!(deliver("guessed").await, 401, "{name}");
        assert_eq!((deliver("word").await, deliver("word").await), (200, 200), "{name}");
    }
    let conversations = api.list("/api/conversations", "conversations").await;
    assert!(!conversations.is_empty());
}
