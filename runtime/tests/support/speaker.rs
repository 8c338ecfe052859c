//! A model of OpenAI's dialect that says what a test has it say, word by word, when the test wants.

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_tungstenite::tungstenite::Bytes;

pub struct Speaker {
    pub url: String,
    asked: mpsc::UnboundedReceiver<Completion>,
}

/// A completion in the making; dropping it ends it.
pub struct Completion {
    /// What the model was asked.
    pub request: Value,
    words: mpsc::UnboundedSender<String>,
}

impl Speaker {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let (ask, asked) = mpsc::unbounded_channel();
        let app = Router::new().route("/v1/chat/completions", post(complete)).with_state(ask);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    pub async fn asked(&mut self) -> Completion {
        self.asked.recv().await.unwrap()
    }
}

impl Completion {
    pub fn say(&self, words: &str) {
        self.words.send(words.to_owned()).unwrap();
    }

    /// Until whoever asked does not listen any more.
    pub async fn hung_up(&self) {
        self.words.closed().await;
    }

    /// What was said before, as the model reads it: (role, text).
    pub fn history(&self) -> Vec<(String, String)> {
        let messages = self.request["messages"].as_array().unwrap().iter();
        let text = |m: &Value, field: &str| m[field].as_str().unwrap_or_default().to_owned();
        messages.map(|m| (text(m, "role"), text(m, "content"))).filter(|(role, _)| role != "system").collect()
    }
}

async fn complete(State(ask): State<mpsc::UnboundedSender<Completion>>, Json(request): Json<Value>) -> Response {
    let (words, said) = mpsc::unbounded_channel();
    let _ = ask.send(Completion { request, words });
    let event = |data: &str| Ok::<_, std::io::Error>(Bytes::from(format!("data: {data}\n\n")));
    let pieces = stream::unfold(said, |mut said| async move { Some((said.recv().await?, said)) });
    let pieces = pieces
        .map(move |words| event(&json!({ "choices": [{ "index": 0, "delta": { "content": words } }] }).to_string()));
    let end = stream::once(async move {
        let stop = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
        Ok(Bytes::from(format!("data: {stop}\n\ndata: [DONE]\n\n")))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(pieces.chain(end))).into_response()
}
