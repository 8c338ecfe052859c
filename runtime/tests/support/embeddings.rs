//! A server of embeddings in OpenAI's dialect: a text's vector counts what its words mean, so that texts that say the same
//! lie near each other, in other words and in both languages, too.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use tokio::net::TcpListener;

/// Numbers of a vector: not as many as the models of a machine have.
const DIMENSION: usize = 768;
pub const MODEL: &str = "stand-in-embed";

/// Words that mean the same, as far as this server knows.
const SAME: &[&[&str]] = &[
    &["invoice", "bill", "charged", "facture", "prélevé"],
    &["broken", "drips", "leaks", "fuit", "panne"],
    &["dogs", "puppy", "chien"],
    &["tap", "robinet"],
];

pub struct EmbeddingServer {
    pub url: String,
    state: Arc<Served>,
}

#[derive(Default)]
struct Served {
    down: AtomicBool,
    /// Texts that were embedded.
    asked: Mutex<Vec<String>>,
}

impl EmbeddingServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let state = Arc::<Served>::default();
        let app = Router::new().route("/v1/embeddings", post(embed)).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, state }
    }

    /// Refuses everything, or not any more.
    pub fn down(&self, down: bool) {
        self.state.down.store(down, Ordering::Relaxed);
    }

    pub fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap().clone()
    }
}

async fn embed(State(state): State<Arc<Served>>, headers: HeaderMap, Json(request): Json<Value>) -> Response {
    if state.down.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "away").into_response();
    }
    assert_eq!(
        (request["model"].as_str(), headers["authorization"].to_str().ok()),
        (Some(MODEL), Some("Bearer sk-embed"))
    );
    let texts: Vec<&str> = request["input"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    state.asked.lock().unwrap().extend(texts.iter().map(|t| (*t).to_owned()));
    let one =
        |(index, text): (usize, &&str)| json!({ "object": "embedding", "index": index, "embedding": vector(text) });
    let data: Vec<Value> = texts.iter().enumerate().map(one).collect();
    let tokens = texts.iter().map(|t| t.split_whitespace().count()).sum::<usize>();
    Json(json!({ "object": "list", "model": MODEL, "data": data, "usage": { "prompt_tokens": tokens } }))
        .into_response()
}

fn vector(text: &str) -> Vec<f32> {
    // Never without length.
    let mut vector = vec![0.01; DIMENSION];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|w| w.chars().count() > 2) {
        let meant = SAME.iter().find(|same| same.contains(&word)).map_or(word, |same| same[0]);
        let place = meant.bytes().fold(7_usize, |sum, b| sum.wrapping_mul(31).wrapping_add(usize::from(b)));
        vector[place % DIMENSION] += 1.0;
    }
    vector
}
