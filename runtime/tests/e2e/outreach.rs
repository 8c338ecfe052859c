//! Messages that somebody planned: what would become of one, one at a time, and one to many people.

use crate::support::{
    client::Client,
    graph::Graph,
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

/// So many seconds from now, as somebody two hours east of Greenwich writes it.
fn in_seconds(seconds: i64) -> String {
    let there = jiff::tz::TimeZone::fixed(jiff::tz::offset(2));
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    at.to_zoned(there).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

async fn approved(api: &Client, channel: &str, name: &str, category: &str) {
    let body = json!({ "channelId": channel, "name": name, "category": category, "language": "en", "components": [
        { "type": "BODY", "text": "Hello {{1}}, welcome.", "example": { "body_text": [["Ada"]] } },
    ] });
    let made = api.post("/api/templates", &body).await.data();
    let told = meta::template_status(made["providerId"].as_str().unwrap(), name, "APPROVED", 10);
    meta::deliver(api, channel, &told).await.unwrap();
}

async fn contact(api: &Client, name: &str, phone: &str) -> String {
    let made = api.post("/api/contacts", &json!({ "name": name, "phoneNumber": phone })).await.data();
    made["id"].as_str().unwrap().to_owned()
}

/// They write, and are answered.
async fn writes(api: &Client, graph: &Graph, channel: &str, id: &str) -> String {
    let before = graph.texts_to(PERSON).len();
    let payload = meta::texts(&[Text::new(PERSON, id, "Hello")]);
    assert_eq!(meta::deliver(api, channel, &payload).await.unwrap().status, 200);
    until("the reply", async || (graph.texts_to(PERSON).len() > before).then_some(())).await;
    let contacts = api.list("/api/contacts", "contacts").await;
    let found = contacts.iter().find(|c| c["phoneNumber"] == format!("+{PERSON}"));
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn agrees(api: &Client, contact: &str) -> Value {
    let consent = json!({ "purpose": "marketing", "channel": "whatsapp", "source": "the form at the till" });
    api.post(&format!("/api/contacts/{contact}/consents"), &consent).await.data()
}

async fn planned(api: &Client, id: &Value) -> Value {
    api.get(&format!("/api/scheduled-messages/{}", id.as_str().unwrap())).await.data()
}

#[tokio::test]
async fn the_planner_says_which_ways_are_open_at_what_cost_and_why_others_are_not() {
    let (graph, server, channel) = connected().await;
    let api = &server.api;
    let known = writes(api, &graph, &channel, "wamid.1").await;
    let stranger = contact(api, "Zoé", "+33612345679").await;
    let plan = async |who: &str, body: Value| api.post(&format!("/api/contacts/{who}/plan"), &body).await.data();
    let words = json!({ "content": { "text": "Your table is ready." } });

    let told = plan(&known, words.clone()).await;
    let way = &told["channels"][0];
    assert_eq!((&told["order"], &way["reason"]), (&json!([channel]), &json!("WITHIN_WINDOW")), "{told}");
    assert_eq!((&way["cost"], &way["chargedAs"]), (&Value::Null, &json!("service")), "nobody said what it costs");
    assert!(way["until"].is_string(), "{told}");
    let told = plan(&stranger, words.clone()).await;
    assert_eq!((&told["order"], &told["reason"]), (&json!([]), &json!("NEVER_WROTE")), "{told}");
    assert_eq!(told["channels"][0]["state"], "closed", "there is no template either");

    approved(api, &channel, "news", "MARKETING").await;
    let path = format!("/api/channels/{channel}/prices");
    let wrong = api.put(&path, &json!({ "currency": "EUR", "micros": { "gold": 1 } })).await;
    assert_eq!((wrong.status, wrong.fields()), (StatusCode::BAD_REQUEST, vec!["micros.gold".to_owned()]));
    api.put(&path, &json!({ "currency": "eur", "micros": { "marketing": 71_700 } })).await.data();
    assert_eq!(plan(&stranger, words.clone()).await["channels"][0]["state"], "by_template");
    let template = json!({ "type": "template", "content": { "name": "news", "parameters": ["Zoé"] } });
    assert_eq!(plan(&stranger, template.clone()).await["reason"], "NO_CONSENT");
    let consent = agrees(api, &stranger).await;
    let told = plan(&stranger, template.clone()).await;
    let way = &told["channels"][0];
    assert_eq!((&way["state"], &way["reason"]), (&json!("open"), &json!("TEMPLATE_APPROVED")), "{told}");
    assert_eq!(way["cost"], json!({ "micros": 71_700, "currency": "EUR" }));
    let withdraw = format!("/api/contacts/{stranger}/consents/{}/withdraw", consent["id"].as_str().unwrap());
    let ended = api.post(&withdraw, &json!({ "source": "a call" })).await.data();
    assert_eq!(ended["withdrawnSource"], "a call");
    assert_eq!(plan(&stranger, template.clone()).await["reason"], "NO_CONSENT");
    meta::deliver(api, &channel, &meta::preference(PERSON, "stop")).await.unwrap();
    until("the wish", async || (plan(&known, words.clone()).await["reason"] == "OPTED_OUT").then_some(())).await;
    let kept = api.get(&format!("/api/contacts/{stranger}/export")).await.data();
    assert_eq!(kept["consents"][0]["source"], "the form at the till");
}

#[tokio::test]
async fn a_scheduled_message_goes_out_once_at_its_time_through_a_restart_in_between() {
    let (graph, mut server, channel) = connected().await;
    let known = writes(&server.api, &graph, &channel, "wamid.1").await;
    let api = &server.api;
    let at = |when: String, text: &str| json!({ "contactId": known, "sendAt": when, "content": { "text": text } });
    for (when, says) in [(in_seconds(-5), "future"), ("2099-01-01T00:00:00".to_owned(), "zone")] {
        let wrong = api.post("/api/scheduled-messages", &at(when, "late")).await;
        assert_eq!((wrong.status, wrong.fields()), (StatusCode::BAD_REQUEST, vec!["sendAt".to_owned()]));
        assert!(wrong.text.contains(says), "{}", wrong.text);
    }
    let nowhere = contact(api, "Nobody", "+15550001").await;
    let wrong =
        json!({ "contactId": nowhere, "sendAt": in_seconds(60), "type": "template", "content": { "name": "none" } });
    assert_eq!(api.post("/api/scheduled-messages", &wrong).await.fields(), ["content.name"]);

    let first = api.post("/api/scheduled-messages", &at(in_seconds(4), "See you at eight.")).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    let first = first.data()["id"].clone();
    let second = api.post("/api/scheduled-messages", &at(in_seconds(4), "Never mind.")).await.data()["id"].clone();
    let closed = json!({ "contactId": nowhere, "sendAt": in_seconds(3), "content": { "text": "Do you know us?" } });
    let closed = api.post("/api/scheduled-messages", &closed).await.data()["id"].clone();
    let cancel = format!("/api/scheduled-messages/{}/cancel", second.as_str().unwrap());
    assert_eq!(api.post(&cancel, &json!({})).await.data()["state"], "cancelled");
    assert_eq!(api.post(&cancel, &json!({})).await.status, StatusCode::CONFLICT);
    assert_eq!(planned(api, &first).await["state"], "waiting");
    server.kill().await;
    server.spawn();
    server.ready().await;

    let api = &server.api;
    let arrived = || graph.texts_to(PERSON).iter().filter(|t| t.contains("See you at eight.")).count();
    until("the message", async || (arrived() > 0).then_some(())).await;
    let failed =
        until("the failure", async || Some(planned(api, &closed).await).filter(|p| p["state"] == "failed")).await;
    assert_eq!(failed["reason"], "NEVER_WROTE", "{failed}");
    let sent = until("it is told", async || Some(planned(api, &first).await).filter(|p| p["delivery"] == "sent")).await;
    assert!(sent["state"] == "sent" && sent["messageId"].is_string(), "{sent}");
    server.idle(USUAL).await;
    assert_eq!((arrived(), graph.texts_to(PERSON).len()), (1, 2), "once, and nothing that was cancelled");
    let talk = api.conversation(PERSON).await.unwrap();
    assert_eq!(talk["mode"], "agent", "nobody took the conversation: {talk}");
    writes(api, &graph, &channel, "wamid.2").await;
}

#[tokio::test]
async fn a_broadcast_reaches_everybody_who_agreed_once_through_a_kill_and_replies_do_not_wait_for_it() {
    let (graph, mut server, channel) = connected().await;
    let api = &server.api;
    approved(api, &channel, "news", "MARKETING").await;
    let (mut people, mut ids) = (Vec::new(), Vec::new());
    for n in 0..30 {
        let number = format!("+336200000{n:02}");
        let id = contact(api, &format!("P{n}"), &number).await;
        agrees(api, &id).await;
        people.push(number.trim_start_matches('+').to_owned());
        ids.push(id);
    }
    let unasked = contact(api, "Unasked", "+33630000001").await;
    let left_alone = contact(api, "Alone", "+33630000002").await;
    agrees(api, &left_alone).await;
    let listed: Vec<Value> = ids.iter().chain([&unasked, &left_alone]).map(|id| json!({ "contactId": id })).collect();
    let draft = json!({
        "name": "Spring", "channelId": channel, "perMinute": 240, "audience": { "contacts": listed },
        "template": { "name": "news", "parameters": ["{{name|you}}"] },
    });
    let mut wrong = draft.clone();
    wrong["template"]["parameters"] = json!(["{{nmae}}"]);
    assert_eq!(api.post("/api/broadcasts", &wrong).await.fields(), ["template.parameters"]);
    wrong["template"]["parameters"] = json!([]);
    assert_eq!(api.post("/api/broadcasts", &wrong).await.fields(), ["template.parameters.body"]);
    let made = api.post("/api/broadcasts", &draft).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let path = format!("/api/broadcasts/{}", made.data()["id"].as_str().unwrap());
    let start = format!("{path}/start");
    assert_eq!(api.post(&start, &json!({})).await.data()["state"], "scheduled");
    let withdrawn = json!({ "consent": "withdrawn" });
    api.patch(&format!("/api/contacts/{left_alone}"), &withdrawn).await.data();
    let again = api.post(&start, &json!({})).await;
    assert_eq!(again.status, StatusCode::OK, "whoever starts it again changes nothing: {again:?}");

    let news = || graph.sent().into_iter().filter(|s| people.contains(&s.to)).map(|s| s.to).collect::<Vec<_>>();
    until("the first ones", async || (news().len() >= 5).then_some(())).await;
    // Somebody is answered while it runs.
    writes(api, &graph, &channel, "wamid.1").await;
    let shown = api.get(&path).await.data();
    assert!(shown["state"] == "running" && shown["counts"]["waiting"].as_u64() > Some(0), "{shown}");
    let paused = api.post(&format!("{path}/pause"), &json!({})).await.data();
    assert_eq!(paused["state"], "paused");
    server.kill().await;
    server.spawn();
    server.ready().await;
    let api = &server.api;
    assert_eq!(api.get(&path).await.data()["state"], "paused");
    api.post(&format!("{path}/resume"), &json!({})).await.data();
    let so_far = news().len();
    until("more", async || (news().len() >= so_far + 4).then_some(())).await;
    server.kill().await;
    server.spawn();
    server.ready().await;

    let api = &server.api;
    let done = until("the end", async || Some(api.get(&path).await.data()).filter(|b| b["state"] == "done")).await;
    server.idle(USUAL).await;
    let mut got = news();
    got.sort();
    let before = got.len();
    got.dedup();
    assert_eq!(got.len(), before, "nobody got it twice");
    let counts = until("no more queued", async || {
        Some(api.get(&path).await.data()["counts"].clone()).filter(|c| c["queued"] == 0)
    })
    .await;
    // Whose acknowledgement a kill lost is uncertain, and not written to again.
    let reached = counts["sent"].as_u64().unwrap() + counts["uncertain"].as_u64().unwrap();
    assert_eq!((reached, &counts["total"], &counts["waiting"]), (30, &json!(32), &json!(0)), "{counts}");
    assert!(30 - got.len() as u64 <= counts["uncertain"].as_u64().unwrap(), "{} of {counts}", got.len());
    assert_eq!(counts["skipped"], json!({ "NO_CONSENT": 1, "OPTED_OUT": 1 }), "{done}");
    let skipped = api.list(&format!("{path}/recipients?state=skipped"), "recipients").await;
    assert_eq!(skipped.len(), 2, "{skipped:?}");

    let told = graph.sent().into_iter().filter(|s| s.to == people[0]).collect::<Vec<_>>();
    if let [first] = told.as_slice() {
        let words = json!([{ "type": "body", "parameters": [{ "type": "text", "text": "P0" }] }]);
        assert_eq!(first.body["template"]["components"], words, "each in their own name");
        meta::deliver(api, &channel, &meta::statuses("read", &told)).await.unwrap();
        until("the status", async || (api.get(&path).await.data()["counts"]["read"] == 1).then_some(())).await;
    }
    assert_eq!(api.post(&format!("{path}/cancel"), &json!({})).await.status, StatusCode::CONFLICT, "it is over");
    assert_eq!(graph.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_broadcast_waits_while_its_channel_is_stopped_and_goes_to_whoever_has_the_tag_by_then() {
    let (graph, server, channel) = connected().await;
    let api = &server.api;
    approved(api, &channel, "ready", "UTILITY").await;
    let ada = contact(api, "Ada", "+33620000001").await;
    let tag = async |id: &str| api.patch(&format!("/api/contacts/{id}"), &json!({ "tags": ["vip"] })).await.data();
    tag(&ada).await;
    let draft = json!({
        "name": "Ready", "channelId": channel, "audience": { "tag": "VIP" },
        "template": { "name": "ready", "parameters": ["{{name}}"] },
    });
    let path = format!("/api/broadcasts/{}", api.post("/api/broadcasts", &draft).await.data()["id"].as_str().unwrap());
    let ban = |state, at| {
        meta::account_update(&json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": state } }), at)
    };
    meta::deliver(api, &channel, &ban("DISABLE", 1_790_000_100)).await.unwrap();
    let zoe = contact(api, "Zoé", "+33620000002").await;
    tag(&zoe).await;
    api.post(&format!("{path}/start"), &json!({ "startAt": in_seconds(1) })).await.data();
    let waits = async || Some(api.get(&path).await.data()).filter(|b| b["reason"] == "CHANNEL_STOPPED");
    let waiting = until("it waits", waits).await;
    assert_eq!((&waiting["counts"]["waiting"], graph.attempts()), (&json!(2), 0), "nobody is left out for it");
    meta::deliver(api, &channel, &ban("REINSTATE", 1_790_000_200)).await.unwrap();
    until("the end", async || (api.get(&path).await.data()["state"] == "done").then_some(())).await;
    until("both", async || (graph.sent().len() == 2).then_some(())).await;
    assert_eq!(api.delete(&path).await.status, StatusCode::OK);
    assert_eq!(api.get(&path).await.status, StatusCode::NOT_FOUND);
    let acts = api.list("/api/audit", "audit").await;
    for act in ["broadcast.created", "broadcast.scheduled", "broadcast.deleted"] {
        assert!(acts.iter().any(|a| a["action"] == act), "{act}: {acts:?}");
    }
}
