//! `POST /api/chat`: the web chat.

use crate::support::{client::Client, server::Server};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A server whose agent "Echo" says at once what it was told.
async fn echo() -> Server {
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    server
}

async fn say(api: &Client, session: Option<&str>, message: &str) -> Value {
    api.chat(&json!({ "agent": "Echo", "session": session, "message": message })).await.data()
}

// req: S0-CHAT-1
// req: S0-SES-1
#[tokio::test]
async fn a_visitor_is_answered_and_the_session_goes_on_after_a_restart() {
    let mut server = echo().await;
    let first = say(&server.api, None, "Bonjour, c’est Zoé 🙂").await;
    assert_eq!(first["outcome"], "answered", "{first}");
    assert_eq!(first["reply"]["text"], "Bonjour, c’est Zoé 🙂");
    let session = first["session"].as_str().unwrap();
    let second = say(&server.api, Some(session), "again").await;
    assert_eq!(second["conversation"], first["conversation"]);
    assert!(server.stop().await.success(), "an orderly stop is a success");
    server.restart().await;
    let third = say(&server.api, Some(session), "and again").await;
    assert_eq!(third["conversation"], first["conversation"]);

    let lines = server.api.transcript(first["conversation"].as_str().unwrap()).await;
    let said: Vec<_> = lines.iter().map(|l| (l["speaker"].as_str().unwrap(), l["text"].as_str().unwrap())).collect();
    let expected = ["Bonjour, c’est Zoé 🙂", "again", "and again"];
    let expected: Vec<_> = expected.iter().flat_map(|t| [("person", *t), ("agent", *t)]).collect();
    assert_eq!(said, expected);
    let other = say(&server.api, None, "somebody else").await;
    assert_ne!(other["conversation"], first["conversation"], "a new session is a new conversation");
}

/// Name and data of each event.
fn events(stream: &str) -> Vec<(String, Value)> {
    let field = |block: &str, name: &str| {
        block.lines().find_map(|l| l.strip_prefix(name).map(|v| v.trim_start_matches([':', ' ']).to_owned()))
    };
    let blocks = stream.split("\n\n").filter(|b| b.contains("data:"));
    blocks.map(|b| (field(b, "event").unwrap(), serde_json::from_str(&field(b, "data").unwrap()).unwrap())).collect()
}

// req: S0-CHAT-1
// req: S1-AI-1
#[tokio::test]
async fn an_answer_is_streamed_word_by_word_on_request() {
    let server = echo().await;
    let body = json!({ "agent": "Echo", "message": "one two three", "stream": true });
    let answer = server.api.chat(&body).await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].to_str().unwrap()),
        (StatusCode::OK, "text/event-stream")
    );
    let events = events(&answer.text);
    assert_eq!(events.first().map(|(name, _)| name.as_str()), Some("session"));
    let (name, reply) = events.last().unwrap();
    assert_eq!(
        (name.as_str(), &reply["outcome"], &reply["reply"]["text"]),
        ("reply", &json!("answered"), &json!("one two three"))
    );
    assert_eq!(events[0].1["session"], reply["session"]);
    let deltas: String =
        events.iter().filter(|(n, _)| n == "delta").map(|(_, d)| d["text"].as_str().unwrap()).collect();
    assert_eq!(deltas, "one two three");
    let accepting = server.api.request(Method::POST, "/api/chat").header("accept", "text/event-stream");
    let accepting = accepting.json(&json!({ "agent": "Echo", "message": "hello" }));
    let answer = server.api.attempt(accepting).await.unwrap();
    assert_eq!(answer.headers["content-type"], "text/event-stream", "the header asks for the same");
}

// req: S2-WHK-4
#[tokio::test]
async fn a_repeated_message_is_answered_once_with_the_same_reply() {
    let server = echo().await;
    let body = |n: usize| json!({ "agent": "Echo", "session": "s-1", "message_id": format!("m-{n}"), "message": format!("text {n}") });
    let first = server.api.chat(&body(0)).await.data();
    let again = server.api.chat(&body(0)).await.data();
    assert_eq!(first["reply"]["text"], "text 0");
    assert_eq!((&again["outcome"], &again["reply"]["text"]), (&first["outcome"], &first["reply"]["text"]));
    let twice = body(1);
    for answer in futures::future::join_all([server.api.chat(&twice), server.api.chat(&twice)]).await {
        assert_eq!(answer.data()["reply"]["text"], "text 1", "two at the same time are one, too");
    }
    for n in 2..60 {
        server.api.chat(&body(n)).await.data();
    }
    let late = server.api.chat(&body(0)).await.data();
    assert_eq!(late["reply"]["text"], "text 0", "the reply is found however long ago it was given");
    let lines = server.api.transcript(first["conversation"].as_str().unwrap()).await;
    assert_eq!(lines.len(), 2 * 60, "nothing was said twice");
}

// req: S0-VAL-1
// req: S0-ERR-1
// req: S4-VAL-1
#[tokio::test]
async fn what_is_wrong_is_named_and_strangers_are_refused() {
    let server = echo().await;
    let api = &server.api;
    for (body, field) in [
        (json!({ "message": " " }), "message"),
        (json!({ "message": "x".repeat(8001) }), "message"),
        (json!({ "message": 5 }), "message"),
        (json!({}), "body"),
        (json!({ "message": "hello", "session": "a b" }), "session"),
        (json!({ "message": "hello", "message_id": "" }), "message_id"),
        (json!({ "message": "hello", "colour": "red" }), "colour"),
    ] {
        let refused = api.chat(&body).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::BAD_REQUEST, &json!("VALIDATION_FAILED")),
            "{body}"
        );
        assert_eq!((&refused.body["success"], refused.fields()), (&json!(false), vec![field.to_owned()]), "{body}");
        assert_eq!(refused.body["requestId"], refused.headers["x-request-id"].to_str().unwrap());
    }
    let broken =
        api.request(Method::POST, "/api/chat").header("content-type", "application/json").body("{\"message\":");
    assert_eq!(api.attempt(broken).await.unwrap().status, StatusCode::BAD_REQUEST);

    let hello = json!({ "message": "hello" });
    let nameless = api.attempt(api.bare(Method::POST, "/api/chat").json(&hello)).await.unwrap();
    assert_eq!((nameless.status, &nameless.body["code"]), (StatusCode::UNAUTHORIZED, &json!("UNAUTHORIZED")));
    let stranger = api.with_key("clq_0000000000000000000000000000");
    assert_eq!(stranger.chat(&hello).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stranger.get("/api/conversations").await.status, StatusCode::UNAUTHORIZED);
    for agent in ["Nobody", "0190a0a0-0000-7000-8000-000000000000"] {
        let unknown = api.chat(&json!({ "agent": agent, "message": "hello" })).await;
        assert_eq!((unknown.status, &unknown.body["code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")), "{agent}");
    }
    let conversations = api.list("/api/conversations", "conversations").await;
    assert!(conversations.is_empty(), "none of these was taken in: {conversations:?}");
}

#[tokio::test]
async fn many_sessions_are_answered_side_by_side_and_not_mixed_up() {
    let server = echo().await;
    let sessions = (0..24).map(|s| {
        let api = server.api.clone();
        async move {
            let session = format!("visitor-{s}");
            for n in 0..4 {
                let text = format!("{session} says {n}");
                let answer = say(&api, Some(&session), &text).await;
                assert_eq!((&answer["reply"]["text"], &answer["session"]), (&json!(text), &json!(session)));
            }
        }
    });
    futures::future::join_all(sessions).await;
    assert_eq!(server.api.list("/api/conversations", "conversations").await.len(), 24);
}
