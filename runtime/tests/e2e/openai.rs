//! What clients of OpenAI find: agents as models, and speech that is written down.

use crate::support::server::{Place, Server};
use axum::{Router, body::Bytes, extract::State, routing::post};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::net::TcpListener;

async fn echo() -> Server {
    let server = Server::start().await;
    server.api.agent("Echo", "scripted", &[]).await;
    server
}

fn asking(text: &str) -> Value {
    json!({ "model": "Echo", "user": "zoé", "messages": [{ "role": "user", "content": text }] })
}

// req: S0-LLM-1
// req: S1-AI-1
#[tokio::test]
async fn an_agent_is_a_model_that_remembers() {
    let server = echo().await;
    let api = &server.api;
    let models = api.get("/v1/models").await.body;
    assert_eq!(models["object"], "list");
    assert!(models["data"].as_array().unwrap().iter().any(|m| m["id"] == "Echo"), "{models}");
    assert_eq!(api.get("/v1/models/Echo").await.body["object"], "model");
    let whole = api.post("/v1/chat/completions", &asking("Bonjour, c’est Zoé")).await.body;
    assert_eq!(
        whole["choices"][0]["message"],
        json!({ "role": "assistant", "content": "Bonjour, c’est Zoé", "refusal": null, "annotations": [] })
    );
    assert_eq!((&whole["object"], &whole["choices"][0]["finish_reason"]), (&json!("chat.completion"), &json!("stop")));
    assert!(whole["usage"]["total_tokens"].is_u64(), "{whole}");

    let mut streamed = asking("one two three");
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({ "include_usage": true });
    let answer = api.post("/v1/chat/completions", &streamed).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let data: Vec<&str> = answer.text.lines().filter_map(|l| l.strip_prefix("data:").map(str::trim)).collect();
    assert_eq!(data.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = data[..data.len() - 1].iter().map(|d| serde_json::from_str(d).unwrap()).collect();
    let text: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "one two three");
    assert!(chunks.len() > 4, "in pieces: {chunks:?}");
    let ends: Vec<_> = chunks.iter().filter(|c| c["choices"][0]["finish_reason"] == "stop").collect();
    assert_eq!(ends.len(), 1);
    assert!(chunks.last().unwrap()["usage"]["total_tokens"].is_u64());
    let conversations = api.list("/api/conversations", "conversations").await;
    assert_eq!(conversations.len(), 1, "one user, one conversation");
    assert_eq!(api.transcript(conversations[0]["id"].as_str().unwrap()).await.len(), 4);

    let request =
        || api.request(Method::POST, "/v1/chat/completions").header("idempotency-key", "k1").json(&asking("once"));
    for _ in 0..2 {
        let answer = api.attempt(request()).await.unwrap();
        assert_eq!(answer.body["choices"][0]["message"]["content"], "once");
    }
    assert_eq!(api.transcript(conversations[0]["id"].as_str().unwrap()).await.len(), 6);
}

#[tokio::test]
async fn who_is_with_a_person_is_told_so_in_the_language_of_the_conversation() {
    let server = echo().await;
    let api = &server.api;
    let asked = async |text: &str| api.post("/v1/chat/completions", &asking(text)).await.body;
    assert_eq!(
        asked("Quels sont vos horaires ?").await["choices"][0]["message"]["content"],
        "Quels sont vos horaires ?"
    );
    let conversation = api.list("/api/conversations", "conversations").await.remove(0);
    let path = format!("/api/conversations/{}", conversation["id"].as_str().unwrap());
    api.patch(&path, &json!({ "mode": "operator" })).await.data();
    // Nothing in it says which language it is.
    let told = asked("12").await["choices"][0]["message"]["content"].take();
    assert_eq!(told, "Je transmets votre demande à une personne de notre équipe, qui vous répondra ici.");
}

// req: S0-ERR-1
#[tokio::test]
async fn what_is_wrong_is_said_in_openais_shape() {
    let server = echo().await;
    let api = &server.api;
    let mut unknown = asking("hello");
    unknown["model"] = json!("gpt-9");
    let unknown = api.post("/v1/chat/completions", &unknown).await;
    assert_eq!((unknown.status, &unknown.body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("model_not_found")));
    let empty = api.post("/v1/chat/completions", &json!({ "model": "Echo", "messages": [] })).await;
    assert_eq!((empty.status, &empty.body["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("messages")));
    let stranger = api.with_key("clq_0000000000000000000000000000").post("/v1/chat/completions", &asking("x")).await;
    assert_eq!(
        (stranger.status, &stranger.body["error"]["type"]),
        (StatusCode::UNAUTHORIZED, &json!("authentication_error"))
    );
    let bare = api.attempt(api.bare(Method::GET, "/v1/models")).await.unwrap();
    assert_eq!(bare.status, StatusCode::UNAUTHORIZED);
}

fn recording(name: &str) -> Form {
    let part = Part::bytes(b"RIFF....WAVE".to_vec()).file_name(name.to_owned());
    Form::new().text("agent", "Echo").text("session", "s-1").text("language", "fr").part("audio", part)
}

/// An endpoint that writes down what it is sent, and counts.
async fn listen(State(heard): State<Arc<AtomicUsize>>, body: Bytes) -> axum::Json<Value> {
    heard.fetch_add(1, Ordering::Relaxed);
    let body = String::from_utf8_lossy(&body);
    assert!(
        body.contains("WAVE") && body.contains("listener-1") && body.contains("filename=\"recording.wav\""),
        "{body}"
    );
    axum::Json(json!({ "text": "Où êtes-vous ?" }))
}

// req: S0-CHAT-2
#[tokio::test]
async fn what_was_said_is_written_down_and_answered() {
    let server = echo().await;
    let api = &server.api;
    let send = |api: &crate::support::client::Client, name| {
        api.request(Method::POST, "/api/chat/audio").multipart(recording(name))
    };
    let deaf = api.attempt(send(api, "q.wav")).await.unwrap();
    assert_eq!((deaf.status.as_u16(), &deaf.body["code"]), (503, &json!("TRANSCRIPTION_NOT_CONFIGURED")), "{deaf:?}");
    let strange = api.attempt(send(api, "q.txt")).await.unwrap();
    assert_eq!(strange.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let none = api.request(Method::POST, "/api/chat/audio").multipart(Form::new().text("agent", "Echo"));
    assert_eq!(api.attempt(none).await.unwrap().fields(), ["audio"]);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let heard = Arc::<AtomicUsize>::default();
    let site = Router::new().route("/v1/audio/transcriptions", post(listen)).with_state(Arc::clone(&heard));
    tokio::spawn(async move { axum::serve(listener, site).await });
    let place = Place::default().with("OPENAI_BASE_URL", &url).with("OPENAI_TRANSCRIPTION_MODEL", "listener-1");
    let server = Server::start_on(place).await;
    server.api.agent("Echo", "scripted", &[]).await;
    let answer = server.api.attempt(send(&server.api, "q.wav")).await.unwrap().data();
    assert_eq!(
        (&answer["outcome"], &answer["reply"]["text"]),
        (&json!("answered"), &json!("Où êtes-vous ?")),
        "{answer}"
    );
    assert_eq!(answer["session"], "s-1");

    // Nobody pays for listening to strangers, nor where nobody may answer.
    let api = &server.api;
    let stranger = api.bare(Method::POST, "/api/chat/audio").multipart(recording("q.wav"));
    assert_eq!(api.attempt(stranger).await.unwrap().status, StatusCode::UNAUTHORIZED);
    api.put("/api/budget", &json!({ "monthlyUsd": 0 })).await.data();
    let spent = api.attempt(send(api, "q.wav")).await.unwrap();
    assert_eq!((spent.status.as_u16(), &spent.body["code"]), (402, &json!("BUDGET_SPENT")), "{spent:?}");
    assert_eq!(heard.load(Ordering::Relaxed), 1);
}
