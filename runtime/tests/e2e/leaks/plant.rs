//! Rows of every kind for the neighbour.

use super::tenants::{MARKS, PASSWORD};
use crate::support::{
    avatars::Avatars,
    client::Client,
    graph::{Fault, Graph},
    mcp::Bank,
    meta::{self, Text},
    services::Services,
    wait::until,
};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

async fn make(api: &Client, path: &str, body: Value) -> (String, Value) {
    let made = api.post(path, &body).await;
    assert!(made.status.is_success(), "{path}: {made:?}");
    (made.text.clone(), made.data())
}

/// What the neighbour has; the text of all answers.
pub async fn every_row(api: &Client, graph: &Graph, services: &Services) -> String {
    let [_, _, agent, instructions, base, document, contact, note, words, tag, key, hook, question, phone, ..] = MARKS
    else {
        panic!("a mark without its row")
    };
    let mut told = Vec::new();
    let mut make = async |path: &str, body: Value| {
        let made = api.post(path, &body).await;
        assert!(made.status.is_success(), "{path}: {made:?}");
        told.push(made.text.clone());
        made.data()
    };
    make("/api/knowledge-bases", json!({ "name": base })).await;
    let content = format!("The word of the house is {document}. Breakfast is served from seven to ten.");
    api.learn(base, &format!("{document}.txt"), content.clone()).await;
    let hook = format!("https://{hook}.invalid/");
    make("/api/webhook-endpoints", json!({ "url": hook, "events": ["*"] })).await;
    make("/api/tool-servers", json!({ "name": "shop", "url": hook, "headers": { "x-key": "hush" } })).await;
    let model = json!({ "provider": "extractive" });
    let request = json!({ "name": "find", "description": instructions, "method": "GET", "path": "/find" });
    let requests = json!({ "name": "till", "url": hook, "query": { "key": "hush" }, "operations": [request] });
    make("/api/tool-servers", requests).await;
    let fields = json!({ "name": agent, "instructions": instructions, "model": model, "knowledge": [base], "gather_quiet_ms": 0 });
    let made = make("/api/agents", fields).await;
    make(&format!("/api/agents/{}/train", made["id"].as_str().unwrap()), json!({})).await;
    for (session, message) in
        [("1", format!("{words}: when is breakfast served?")), ("2", format!("Who won the {question} of 1998?"))]
    {
        make("/api/chat", json!({ "agent": agent, "session": session, "message": message })).await;
    }
    make("/api/contacts", json!({ "name": contact, "phoneNumber": "+15550002", "tags": [tag] })).await;
    make("/api/api-keys", json!({ "name": key, "scopes": ["agents:read"] })).await;
    make("/api/users", json!({ "email": "op@zq.example", "name": "Op", "password": PASSWORD })).await;

    graph.always(Fault::Error { status: 400, code: 131_026, message: "Message undeliverable" });
    let channel = meta::connect_whatsapp(api, agent, &graph.url).await;
    let payload = meta::texts(&[Text::new(phone, "wamid.1", "When is breakfast served?")]);
    assert_eq!(meta::deliver(api, &channel, &payload).await.unwrap().status, 200);
    let conversation = until("the conversation", async || api.conversation(phone).await).await;
    let notes = format!("/api/conversations/{}/notes", conversation["id"].as_str().unwrap());
    make(&notes, json!({ "text": note })).await;
    until("a dead letter", async || api.list("/api/dead-letters", "dead_letters").await.pop()).await;

    let bases = api.list("/api/knowledge-bases", "knowledge_bases").await;
    let id = bases[0]["id"].as_str().unwrap();
    let part = Part::text(content.replace("ten", "eleven")).file_name("house.txt");
    let form = Form::new().text("questions", "5").part("file", part);
    let request = api.request(Method::POST, &format!("/api/knowledge-bases/{id}/proposals"));
    let proposed = api.attempt(request.multipart(form)).await.unwrap();
    told.push(proposed.text.clone());
    let path = format!("/api/proposals/{}", proposed.data()["proposal"]["id"].as_str().unwrap());
    until("the review", async || (api.get(&path).await.data()["proposal"]["state"] == "ready").then_some(())).await;
    told.push(a_draft(api).await);
    told.push(a_simulation(api).await);
    told.extend(a_picture(api, &channel, phone).await);
    told.push(a_held_call(api).await);
    told.extend(a_call(api).await);
    told.extend(a_trade(api, services).await);
    told.push(a_video_session(api).await);
    told.extend(a_template(api, &channel).await);
    told.extend(what_is_planned(api).await);
    told.concat()
}

/// Another version of the first agent, which is being tried.
async fn a_draft(api: &Client) -> String {
    let agents = api.list("/api/agents", "agents").await;
    let path = format!("/api/agents/{}/drafts", agents[0]["id"].as_str().unwrap());
    let (told, made) = make(api, &path, json!({ "changes": { "passages": 2 } })).await;
    let path = format!("{path}/{}", made["draft"]["id"].as_str().unwrap());
    until("the review", async || (api.get(&path).await.data()["draft"]["state"] == "ready").then_some(())).await;
    told
}

/// A scenario that was run.
async fn a_simulation(api: &Client) -> String {
    let scenario = "format: convsim/1\nname: quiet\nconversations:\n  - {channel: wa, peer: '33600000001', \
                    user: {kind: script, messages: [{at: 1s, text: Hello}]}}\n";
    let (told, made) = make(api, "/api/simulations", json!({ "scenario": scenario })).await;
    let path = format!("/api/simulations/{}", made["id"].as_str().unwrap());
    until("the run", async || (api.get(&path).await.data()["state"] == "done").then_some(())).await;
    told
}

/// A file that somebody sent.
async fn a_picture(api: &Client, channel: &str, from: &str) -> Option<String> {
    let payload = meta::picture(from, "wamid.pic", "media-1");
    assert_eq!(meta::deliver(api, channel, &payload).await.unwrap().status, 200);
    let sent = async || {
        let messages = api.list("/api/messages?direction=INBOUND", "messages").await;
        messages.into_iter().find(|m| m["content"]["attachment"]["state"] == "kept")
    };
    Some(until("the file", sent).await.to_string())
}

/// A call of a tool that waits for somebody's word.
async fn a_held_call(api: &Client) -> String {
    let bank = Bank::start().await;
    let (_, server) = make(api, "/api/tool-servers", json!({ "name": "bank", "url": bank.url })).await;
    make(api, &format!("/api/tool-servers/{}/refresh", server["id"].as_str().unwrap()), json!({})).await;
    let fields = json!({ "name": "Teller", "model": { "provider": "openai" }, "tools": ["bank__pay"], "gather_quiet_ms": 0,
        "approvals": "unsafe" });
    make(api, "/api/agents", fields).await;
    let call = json!({ "name": "bank__pay", "arguments": { "to": MARKS[15] } });
    make(api, "/api/chat", json!({ "agent": "Teller", "session": "held", "message": format!("<<{call}>>") })).await;
    until("the held call", async || api.list("/api/approvals", "approvals").await.pop()).await.to_string()
}

/// A telephone call that a provider led and reported.
async fn a_call(api: &Client) -> Option<String> {
    let (agent, caller) = (MARKS[2], MARKS[17]);
    let settings = json!({ "provider": "vapi", "webhook_secret": "hush", "company": MARKS[0] });
    let body =
        json!({ "kind": "voice", "name": "Vapi", "agent": agent, "external_id": "+15557317318", "settings": settings });
    make(api, "/api/channels", body).await;
    let call = json!({ "id": caller, "type": "inboundPhoneCall", "customer": { "number": "+15557317319" },
        "phoneNumber": { "number": "+15557317318" } });
    let report = json!({ "type": "end-of-call-report", "call": call, "endedReason": "customer-ended-call", "cost": 0.25,
        "durationSeconds": 8.5, "artifact": { "transcript": format!("AI: Hello\nUser: {caller}") },
        "analysis": { "summary": caller } });
    for message in [json!({ "type": "assistant-request", "call": call }), report] {
        let path = format!("/webhooks/vapi/{}", MARKS[0]);
        let request = api.bare(Method::POST, &path).header("x-vapi-secret", "hush");
        let told = api.attempt(request.json(&json!({ "message": message }))).await.unwrap();
        assert!(told.status.is_success(), "{told:?}");
    }
    until("the call", async || api.list("/api/calls", "calls").await.pop()).await.to_string().into()
}

/// Something to sell, bought and booked, with the services that carry it out.
async fn a_trade(api: &Client, services: &Services) -> [String; 3] {
    let (dish, guest, site) = (MARKS[14], MARKS[15], MARKS[18]);
    for (provider, mut settings) in [("google", services.google()), ("stripe", services.stripe())] {
        if provider == "stripe" {
            settings["publishableKey"] = json!(format!("pk_{site}"));
        }
        api.put(&format!("/api/integrations/{provider}"), &settings).await.data();
    }
    let (item, _) = make(api, "/api/menu", json!({ "name": dish, "priceCents": 650 })).await;
    let order = json!({ "items": [{ "item": dish, "quantity": 2 }], "name": guest, "phone": "+15557317320" });
    let (order, _) = make(api, "/api/orders/create", order).await;
    let table =
        json!({ "name": guest, "phone": "+15557317320", "partySize": 4, "date": "2099-05-01", "time": "19:30" });
    let (table, _) = make(api, "/api/reservations", table).await;
    [item, order, table]
}

/// An avatar in a web chat.
async fn a_video_session(api: &Client) -> String {
    let avatars = Avatars::start().await;
    api.put("/api/integrations/avatar", &avatars.settings("heygen")).await.data();
    let body = json!({ "agent": MARKS[2], "session": MARKS[15] });
    let (told, session) = make(api, "/api/video/session", body).await;
    let path = format!("/api/video/session/{}/messages", session["sessionId"].as_str().unwrap());
    make(api, &path, json!({ "message": "When is breakfast served?" })).await;
    told
}

/// A text that the provider approves.
async fn a_template(api: &Client, channel: &str) -> Option<String> {
    let components = json!([{ "type": "BODY", "text": "Hello." }]);
    let body = json!({ "channelId": channel, "name": MARKS[16], "category": "UTILITY", "language": "en", "components": components });
    Some(make(api, "/api/templates", body).await.0)
}

/// What somebody agreed to, and a message and a broadcast that are planned for them.
async fn what_is_planned(api: &Client) -> [String; 3] {
    let (name, words) = (MARKS[6], MARKS[8]);
    let body = json!({ "kind": "telegram", "name": "Bot", "agent": MARKS[2], "settings": {
        "bot_token": "7:AA-token", "mode": "webhook", "webhook_secret": "word", "api_base": "http://127.0.0.1:9" } });
    let (_, channel) = make(api, "/api/channels", body).await;
    let contacts = api.list("/api/contacts", "contacts").await;
    let contact = contacts.iter().find(|c| c["name"] == name).unwrap()["id"].as_str().unwrap();
    let consent = json!({ "purpose": "marketing", "source": words });
    let (consent, _) = make(api, &format!("/api/contacts/{contact}/consents"), consent).await;
    let in_a_month = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(720)).to_string();
    let later = json!({ "contactId": contact, "sendAt": in_a_month, "content": { "text": words } });
    let (later, _) = make(api, "/api/scheduled-messages", later).await;
    let components = json!([{ "type": "BODY", "text": "Hello." }]);
    let ours = json!({ "name": "greeting", "category": "UTILITY", "language": "en", "components": components });
    make(api, "/api/templates", ours).await;
    let broadcast = json!({ "name": words, "channelId": channel["id"], "template": { "name": "greeting" },
        "audience": { "contacts": [{ "contactId": contact }] } });
    let (broadcast, _) = make(api, "/api/broadcasts", broadcast).await;
    [consent, later, broadcast]
}
