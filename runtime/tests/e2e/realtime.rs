//! What happens is told to those who are connected: at once, in order, once, and to nobody else.

use crate::support::{
    client::Client,
    graph::Graph,
    meta::{self, Text},
    server::{Place, Server},
    stream::{Stream, Told},
    wait::{until, within},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

async fn say(api: &Client, session: &str, text: &str) -> String {
    let body = json!({ "agent": "Echo", "session": session, "message": text });
    let answer = api.chat(&body).await.data();
    assert_eq!(answer["outcome"], "answered", "{answer}");
    answer["conversation"].as_str().unwrap_or_default().to_owned()
}

async fn register(api: &Client, team: &str, email: &str) -> Value {
    let body = json!({ "tenantName": team, "email": email, "password": "SecurePass123!", "name": "Ann" });
    let answer = api.attempt(api.bare(Method::POST, "/api/auth/register").json(&body)).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.data()
}

fn texts(told: &[Told]) -> Vec<(&str, &str)> {
    told.iter().map(|t| (t.data["message"]["speaker"].as_str().unwrap(), t.text())).collect()
}

// req: S1-RT-1
// req: S3-JOB-1
// req: S3-WS-1
#[tokio::test]
async fn who_comes_back_after_a_restart_gets_what_they_missed_once_and_in_order() {
    let mut server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    let mut stream = Stream::open(&server.api, "", None).await;
    say(&server.api, "s", "one").await;
    let begun = stream.until("conversation:updated").await;
    assert_eq!((&begun.data["reason"], &begun.data["conversation"]["mode"]), (&json!("started"), &json!("agent")));
    let one = stream.messages(2).await;
    assert_eq!(texts(&one)[0], ("person", "one"));
    assert_eq!(one[0].data["eventId"], json!(one[0].id));
    assert_eq!((&one[0].data["type"], &one[1].data["message"]["status"]), (&json!("message.received"), &json!("SENT")));
    let answer = one[1].text().to_owned();
    assert!(answer.contains("one"), "{answer}");

    let stopped = tokio::time::timeout(Duration::from_secs(10), server.stop()).await;
    assert!(stopped.expect("an open stream holds the server up").success());
    assert_eq!(stream.until("session:end").await.data["reason"], "SERVER_STOPPING");
    assert_eq!(stream.next().await, None);

    server.restart().await;
    say(&server.api, "s", "two").await;
    let mut stream = Stream::open(&server.api, "", one[0].id.as_deref()).await;
    let missed = stream.messages(3).await;
    assert_eq!(missed[0], one[1], "the same event, whenever it is told");
    assert_eq!(texts(&missed)[1], ("person", "two"));
    say(&server.api, "s", "three").await;
    let more = stream.messages(2).await;
    assert_eq!(texts(&more)[0], ("person", "three"));

    // All at once and one after the other, it is the same.
    let mut all = Stream::open(&server.api, "?names=snake_case", begun.id.as_deref()).await;
    for expected in one.iter().chain(&missed[1..]).chain(&more) {
        let told = all.until("new_message").await;
        assert_eq!((told.id, told.data), (expected.id.clone(), expected.data.clone()));
    }
    let unknown = "0190a0a0-0000-7000-8000-000000000000";
    let mut lost = Stream::open(&server.api, &format!("?lastEventId={unknown}"), None).await;
    assert_eq!(lost.next().await.map(|t| t.name).as_deref(), Some("resync"), "what is not kept is not passed over");
}

// req: S1-RT-1
// req: S2-SEC-1
#[tokio::test]
async fn others_are_refused_and_hear_nothing() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    say(api, "s", "ours").await;
    let ours = api.list("/api/conversations", "conversations").await[0]["id"].as_str().unwrap().to_owned();
    let stranger = api.attempt(api.bare(Method::GET, "/api/events")).await.unwrap();
    assert_eq!((stranger.status, &stranger.body["code"]), (StatusCode::UNAUTHORIZED, &json!("TOKEN_MISSING")));
    let limited = api.post("/api/api-keys", &json!({ "name": "agents", "scopes": ["agents:read"] })).await.data();
    let limited = api.with_key(limited["key"].as_str().unwrap());
    assert_eq!(limited.get("/api/events").await.status, StatusCode::FORBIDDEN);
    assert_eq!(api.get("/api/events?conversation=nothing").await.fields(), ["conversation"]);

    let owner = register(api, "Another", "ann@another.example").await;
    let another = api.with_key(owner["token"].as_str().unwrap());
    another.agent("Echo", "scripted", &[]).await;
    let refused = another.get(&format!("/api/events?conversation={ours}")).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "another tenant's conversation");
    let mut theirs = Stream::open(&another, "", None).await;
    let mut one = Stream::open(api, &format!("?conversation={ours}"), None).await;
    say(api, "s", "still ours").await;
    say(api, "t", "another conversation").await;
    say(&another, "s", "theirs").await;
    say(api, "s", "and again").await;
    assert_eq!(texts(&theirs.messages(1).await), [("person", "theirs")]);
    let heard = one.messages(3).await;
    assert_eq!(texts(&heard)[0], ("person", "still ours"));
    assert_eq!(texts(&heard)[2], ("person", "and again"), "only what was asked for");
    // An event of ours is nothing to them: it does not even say that it exists.
    let mut lost = Stream::open(&another, "", heard[0].id.as_deref()).await;
    assert_eq!(lost.next().await.map(|t| t.name).as_deref(), Some("resync"));
}

// req: S1-RT-1
// req: S1-AUTH-1
#[tokio::test]
async fn who_is_signed_out_hears_no_more() {
    let server = Server::start().await;
    let owner = register(&server.api, "Team", "ann@team.example").await;
    let ann = server.api.with_key(owner["token"].as_str().unwrap());
    let mut stream = Stream::open(&ann, "", None).await;
    let here = stream.until("presence:updated").await;
    assert_eq!(here.data["online"], json!([{ "userId": owner["user"]["id"], "name": "Ann", "conversations": [] }]));
    assert_eq!(here.id, None, "what is not kept cannot be asked for again");
    ann.post("/api/auth/logout", &json!({})).await.data();
    assert_eq!(stream.until("session:end").await.data["reason"], "TOKEN_INVALID");
    assert_eq!(stream.next().await, None);
}

// req: S1-WS-5
// req: S3-WS-1
// req: S3-JOB-1
#[tokio::test]
async fn a_reply_is_told_when_it_is_written_and_how_far_it_got() {
    let graph = Graph::start().await;
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = meta::connect_whatsapp(api, "Echo", &graph.url).await;
    let mut stream = Stream::open(api, "", None).await;
    let payload = meta::texts(&[Text::new("15550001", "wamid.1", "Hello")]);
    assert_eq!(meta::deliver(api, &channel, &payload).await.unwrap().status, StatusCode::OK);
    let told = stream.messages(2).await;
    assert_eq!((&told[0].data["channel"], &told[0].data["peer"]), (&json!("whatsapp"), &json!("15550001")));
    let message = &told[1].data["message"];
    assert_eq!((&message["direction"], &message["status"]), (&json!("OUTBOUND"), &json!("QUEUED")));
    let sent = stream.until("message:status").await;
    assert_eq!((&sent.data["messageId"], &sent.data["status"]), (&message["id"], &json!("SENT")));

    let path = format!("/api/conversations/{}", told[0].data["conversationId"].as_str().unwrap());
    api.patch(&path, &json!({ "tags": ["vip"], "status": "closed", "mode": "operator" })).await.data();
    let mut changes = Vec::new();
    for _ in 0..3 {
        changes.push(stream.until("conversation:updated").await.data["reason"].as_str().unwrap().to_owned());
    }
    assert_eq!(changes, ["tagged", "closed", "handed_over"], "in the order in which it was done");
}

// req: S1-RT-1
#[tokio::test]
async fn who_reads_too_slowly_is_cut_off_and_loses_nothing() {
    let server = Server::start_on(Place::default()).await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    say(api, "s", "first").await;
    let mut quick = Stream::open(api, "", None).await;
    let mut slow = slow_reader(api).await;
    let long = "long ".repeat(1_500);
    let mut said = 0;
    // Until what lies between the two is full, and for ten seconds nothing fits any more.
    within(Duration::from_secs(90), "the slow one is cut off", async || {
        say(api, "s", &long).await;
        said += 1;
        server.log().contains("realtime.cut=\"slow\"").then_some(())
    })
    .await;
    let heard = quick.messages(2 * said).await;
    let unique: std::collections::HashSet<_> = heard.iter().map(|t| t.id.clone()).collect();
    assert_eq!(unique.len(), 2 * said, "who reads misses nothing meanwhile");
    slow.shutdown().await.unwrap();
    until("a healthy server", async || api.is_up().await.then_some(())).await;
}

/// Asks for a stream and reads nothing of it.
async fn slow_reader(api: &Client) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address = api.url.strip_prefix("http://").unwrap();
    let mut slow = socket.connect(address.parse().unwrap()).await.unwrap();
    let request = format!("GET /api/events HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n", api.key);
    slow.write_all(request.as_bytes()).await.unwrap();
    slow.readable().await.unwrap();
    slow
}
