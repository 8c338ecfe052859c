//! The team's side of conversations: people answer, take over, close, tag, and know who it is that writes.

use crate::support::{
    client::Client,
    graph::Graph,
    meta::{self, Text},
    server::Server,
    wait::{USUAL, until},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PERSON: &str = "15550001";

async fn wrote(api: &Client, channel: &str, id: &str, text: &str) {
    let payload = meta::texts(&[Text::new(PERSON, id, text)]);
    assert_eq!(meta::deliver(api, channel, &payload).await.unwrap().status, 200);
}

async fn known(api: &Client) -> Value {
    until("the conversation", async || api.conversation(PERSON).await).await
}

// req: S1-CNV-1
// req: S3-MSG-1
// req: S3-MSG-4
// req: S3-TBL-1
#[tokio::test]
async fn a_person_of_the_team_answers_and_the_agent_that_was_about_to_speak_does_not() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    // It waits long for the end of a burst: whoever is quick is faster.
    let agent = json!({ "name": "Slow", "model": { "provider": "scripted" }, "gather_quiet_ms": 2000 });
    api.post("/api/agents", &agent).await.data();
    let channel = meta::connect_whatsapp(api, "Slow", &graph.url).await;
    wrote(api, &channel, "wamid.1", "Hello?").await;
    let conversation = known(api).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{conversation}");

    let said = api.post(&format!("{path}/messages"), &json!({ "text": "Ada here." })).await;
    assert_eq!(said.status, StatusCode::CREATED, "{said:?}");
    let said = said.data();
    assert_eq!((&said["direction"], &said["type"], &said["to"]), (&json!("OUTBOUND"), &json!("TEXT"), &json!(PERSON)));
    api.post(&format!("{path}/messages"), &json!({ "type": "text", "content": { "text": "One moment." } }))
        .await
        .data();
    server.idle(USUAL).await;
    assert_eq!(graph.texts_to(PERSON), ["Ada here.", "One moment."], "in order, and nothing of the agent's");
    let lines = api.transcript(&conversation).await;
    assert_eq!(lines[0]["outcome"]["outcome"], "handed_over", "{lines:?}");
    assert_eq!(api.get(&path).await.data()["mode"], "operator");

    let sent = until("the status", async || {
        let one = api.get(&format!("/api/messages/{}", said["id"].as_str().unwrap())).await.data();
        (one["status"] == "SENT").then_some(one)
    });
    assert_eq!(sent.await["conversationId"], json!(conversation));
    let listed = api.get(&format!("/api/messages?conversationId={conversation}&direction=INBOUND")).await.data();
    assert_eq!((listed["messages"].as_array().unwrap().len(), &listed["pagination"]["limit"]), (1, &json!(50)));
    assert_eq!(
        (&listed["messages"][0]["status"], &listed["messages"][0]["from"]),
        (&json!("DELIVERED"), &json!(PERSON))
    );
    assert_eq!(api.get("/api/messages?status=LOST").await.fields(), ["status"]);

    api.patch(&path, &json!({ "mode": "agent", "summary": "wants a table" })).await.data();
    let notes = api.list(&format!("{path}/notes"), "notes").await;
    assert_eq!(notes[0]["text"], "wants a table");
    wrote(api, &channel, "wamid.2", "And now?").await;
    until("the agent's answer", async || (graph.texts_to(PERSON).len() == 3).then_some(())).await;
}

// req: S3-MSG-2
#[tokio::test]
async fn messages_are_sent_to_whom_may_be_written_to_and_what_cannot_be_sent_is_named() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let text = |to: &str| json!({ "to": to, "type": "text", "content": { "text": "Your table is ready." } });
    assert_eq!(api.post("/api/messages", &text("+1 555 0001")).await.fields(), ["channelId"]);
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    wrote(api, &channel, "wamid.1", "Hello").await;
    server.idle(USUAL).await;
    let said = api.post("/api/messages", &text("+1 555-0001")).await;
    assert_eq!(said.status, StatusCode::CREATED, "{said:?}");
    until("the message", async || (graph.texts_to(PERSON).len() == 2).then_some(())).await;

    let stranger = api.post("/api/messages", &text("+33612345678")).await;
    assert_eq!((stranger.status, &stranger.body["code"]), (StatusCode::CONFLICT, &json!("WINDOW_CLOSED")));
    assert!(api.conversation("33612345678").await.is_none(), "nothing was begun");
    let media = |url: &str| json!({ "to": "+15550001", "type": "image", "content": { "mediaUrl": url } });
    assert_eq!(api.post("/api/messages", &media("ftp://x.example/a.png")).await.fields(), ["content.mediaUrl"]);
    assert_eq!(api.post("/api/messages", &text("call me")).await.fields(), ["to"]);
    let contact = &api.list("/api/contacts", "contacts").await[0];
    let path = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    api.patch(&path, &json!({ "consent": "withdrawn" })).await.data();
    assert_eq!(api.post("/api/messages", &text("+15550001")).await.body["code"], "OPTED_OUT");
}

// req: S3-CNV-1
#[tokio::test]
async fn conversations_are_closed_tagged_assigned_and_found() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    wrote(api, &channel, "wamid.1", "Hello").await;
    server.idle(USUAL).await;
    let before = known(api).await;
    assert_eq!((&before["status"], &before["unread"]), (&json!("OPEN"), &json!(1)));
    let path = format!("/api/conversations/{}", before["id"].as_str().unwrap());
    let body = json!({ "email": "ada@x.example", "name": "Ada", "password": "SecurePass123!" });
    let ada = api.post("/api/users", &body).await.data()["user"]["id"].as_str().unwrap().to_owned();

    let change = json!({ "status": "CLOSED", "assignedTo": ada, "tags": ["Support", "urgent", "support"] });
    let after = api.patch(&path, &change).await.data();
    assert_eq!((&after["status"], &after["assigned_to"]), (&json!("CLOSED"), &json!(ada)));
    assert_eq!(after["tags"], json!(["support", "urgent"]));
    assert_eq!(api.put(&format!("{path}/read"), &json!({})).await.data()["unread"], 0);
    let count = async |query: &str| api.list(&format!("/api/conversations?{query}"), "conversations").await.len();
    for (query, found) in [
        ("status=CLOSED", 1),
        ("status=OPEN", 0),
        ("search=person%2015", 1),
        ("search=nobody", 0),
        ("search=%2B15550001", 1),
        ("tag=urgent", 1),
        ("tag=urg", 0),
    ] {
        assert_eq!(count(query).await, found, "{query}");
    }
    assert_eq!(count(&format!("assignedTo={ada}")).await, 1);
    assert_eq!(api.get(&path).await.data()["messages"].as_array().unwrap().len(), 2, "with recent messages");
    assert_eq!(api.patch(&path, &json!({ "status": "ajar" })).await.fields(), ["status"]);
    let nobody = json!({ "assignedTo": "0190a0a0-0000-7000-8000-000000000000" });
    assert_eq!(api.patch(&path, &nobody).await.fields(), ["assignedTo"]);
    assert_eq!(
        api.put(&format!("{path}/assign"), &json!({ "assignedTo": null })).await.data()["assigned_to"],
        Value::Null
    );
    wrote(api, &channel, "wamid.2", "One more thing").await;
    server.idle(USUAL).await;
    assert_eq!((count("status=OPEN").await, &known(api).await["unread"]), (1, &json!(1)), "what comes opens it again");
    assert_eq!(api.put(&format!("{path}/close"), &json!({})).await.data()["status"], "CLOSED");
    assert_eq!(api.put(&format!("{path}/reopen"), &json!({})).await.data()["status"], "OPEN");
}

// req: S3-CON-1
#[tokio::test]
async fn contacts_come_and_go_in_files_and_a_person_can_be_erased() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    wrote(api, &channel, "wamid.1", "my secret word").await;
    server.idle(USUAL).await;
    let contact = api.list("/api/contacts?search=5550001", "contacts").await.remove(0);
    assert_eq!((&contact["phoneNumber"], &contact["name"]), (&json!("+15550001"), &json!("Person 15550001")));

    let made = json!({ "phoneNumber": "+33 6 12 34 56 78", "name": "=Léa", "email": "Lea@x.example", "tags": ["VIP"] });
    let made = api.post("/api/contacts", &made).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(api.post("/api/contacts", &json!({ "phoneNumber": "+15550001" })).await.status, StatusCode::CONFLICT);
    let file = "phoneNumber,name,email,tags\n+33612345678,,,friend\n+491701234567,Max,,\nnonsense,X,,\n";
    let request = api.request(Method::POST, "/api/contacts/import/csv").header("content-type", "text/csv").body(file);
    let report = api.attempt(request).await.unwrap().data();
    assert_eq!(
        (&report["created"], &report["updated"], &report["refused"]),
        (&json!(1), &json!(1), &json!(1)),
        "{report}"
    );
    assert_eq!((&report["errors"][0]["line"], &report["errors"][0]["field"]), (&json!(4), &json!("phoneNumber")));
    let csv = api.get("/api/contacts/export").await.text;
    assert!(
        csv.starts_with("phoneNumber,name,email,tags,consent") && csv.contains("'+33612345678,'=Léa,lea@x.example"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 4, "{csv}");
    let lea = api.list("/api/contacts?tag=friend", "contacts").await;
    assert_eq!(lea[0]["tags"], json!(["friend", "vip"]));

    let path = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    let all = api.get(&format!("{path}/export")).await.data();
    assert_eq!(all["conversations"][0]["messages"].as_array().unwrap().len(), 2);
    assert_eq!(api.delete(&path).await.status, StatusCode::CONFLICT);
    assert_eq!(api.post(&format!("{path}/erase"), &json!({})).await.data()["conversations"], 1);
    assert_eq!((api.get(&path).await.status, api.conversation(PERSON).await), (StatusCode::NOT_FOUND, None));
    wrote(api, &channel, "wamid.2", "me again").await;
    server.idle(USUAL).await;
    assert_eq!(api.transcript(known(api).await["id"].as_str().unwrap()).await.len(), 2, "they are new to us");
}
