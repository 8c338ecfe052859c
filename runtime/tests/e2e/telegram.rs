//! Telegram: answers that are seen while they are written.

use crate::support::{
    server::{Place, Server},
    telegram::{self, Telegram},
    wait::{USUAL, until},
};
use axum::{Router, body::Body, http::header, response::IntoResponse, routing::post};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::{convert::Infallible, net::Ipv4Addr, time::Duration};
use tokio::net::TcpListener;

const WORDS: [&str; 6] = ["We ", "are ", "**open** ", "from ", "nine ", "on."];
const ANSWER: &str = "We are <b>open</b> from nine on.";

/// A model that takes its time between words; gives back where it is.
async fn slow_model() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let answer = || async {
        let chunk = |delta: Value, end: Value| {
            let chunk = json!({
                "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{ "index": 0, "delta": delta, "finish_reason": end }],
            });
            format!("data: {chunk}\n\n")
        };
        let words = WORDS.iter().map(|word| chunk(json!({ "role": "assistant", "content": word }), Value::Null));
        let end = [chunk(json!({}), json!("stop")), "data: [DONE]\n\n".to_owned()];
        let parts: Vec<String> = words.chain(end).collect();
        let body = stream::iter(parts).then(|part| async {
            tokio::time::sleep(Duration::from_millis(450)).await;
            Ok::<_, Infallible>(part)
        });
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
    };
    let router = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn started() -> Server {
    let url = slow_model().await;
    let place = Place::default().with("OPENAI_BASE_URL", &url).with("OPENAI_API_KEY", "sk-model");
    let server = Server::start_on(place.with("OPENAI_MODEL", "slow")).await;
    server.api.agent("Desk", "openai", &[]).await;
    server
}

// req: C-CHN-1
#[tokio::test]
async fn an_answer_is_seen_while_it_is_written_and_comes_once() {
    let (telegram, server) = (Telegram::start().await, started().await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram::deliver(&server.api, &channel, &telegram::message(1, 77, &json!({ "text": "When are you open?" }))).await;
    until("the answer", async || (telegram.taken("sendMessage").len() == 1).then_some(())).await;
    server.idle(USUAL).await;
    let drafts = telegram.taken("sendMessageDraft");
    assert!(drafts.len() >= 2, "{drafts:?}");
    let shown: Vec<&str> = drafts.iter().map(|d| d["text"].as_str().unwrap()).collect();
    let mut longer = shown.clone();
    longer.sort_by_key(|text| text.len());
    longer.dedup();
    assert_eq!(shown, longer, "each shows more than the one before");
    assert!(shown.iter().all(|text| ANSWER.starts_with(text)), "{shown:?}");
    assert!(drafts.iter().all(|d| d["draft_id"] == drafts[0]["draft_id"] && d["draft_id"] != 0), "{drafts:?}");
    let sent = telegram.taken("sendMessage");
    assert_eq!((sent.len(), &sent[0]["text"]), (1, &json!(ANSWER)));
    let order = telegram.order(&["sendMessage", "sendMessageDraft"]);
    assert_eq!(order.last().map(String::as_str), Some("sendMessage"), "no draft behind the answer: {order:?}");
}

// req: C-CHN-1
#[tokio::test]
async fn where_drafts_are_refused_and_in_groups_the_answer_comes_all_the_same() {
    let (telegram, server) = (Telegram::start().await, started().await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram.refuse("sendMessageDraft", 400, "Bad Request: TEXTDRAFT_PEER_INVALID");
    let group = json!({
        "chat": { "id": -100_200, "type": "supergroup", "title": "Team" }, "text": "/open when are you open?",
    });
    telegram::deliver(&server.api, &channel, &telegram::message(1, 77, &json!({ "text": "When are you open?" }))).await;
    telegram::deliver(&server.api, &channel, &telegram::message(2, 77, &group)).await;
    until("both answers", async || (telegram.taken("sendMessage").len() == 2).then_some(())).await;
    server.idle(USUAL).await;
    let sent = telegram.taken("sendMessage");
    assert!(sent.len() == 2 && sent.iter().all(|s| s["text"] == ANSWER), "{sent:?}");
}

/// A crash while an answer is written: the draft was nothing, and the answer comes once.
// req: C-CHN-1
#[tokio::test]
async fn a_crash_while_an_answer_is_shown_loses_and_doubles_nothing() {
    let (telegram, mut server) = (Telegram::start().await, started().await);
    let channel = telegram::connect(&server.api, "Desk", &telegram).await;
    telegram::deliver(&server.api, &channel, &telegram::message(1, 77, &json!({ "text": "When are you open?" }))).await;
    until("a draft", async || (!telegram.taken("sendMessageDraft").is_empty()).then_some(())).await;
    server.kill().await;
    assert!(telegram.taken("sendMessage").is_empty());
    server.restart().await;
    until("the answer", async || (telegram.taken("sendMessage").len() == 1).then_some(())).await;
    server.idle(USUAL).await;
    let sent = telegram.taken("sendMessage");
    assert_eq!((sent.len(), &sent[0]["text"]), (1, &json!(ANSWER)));
}
