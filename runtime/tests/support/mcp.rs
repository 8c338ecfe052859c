//! Stands for a server of tools that a tenant connects: a bank that counts what was really paid.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

type Paid = Arc<Mutex<Vec<Value>>>;

pub struct Bank {
    pub url: String,
    paid: Paid,
}

impl Bank {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/mcp", listener.local_addr().unwrap().port());
        let paid = Paid::default();
        let app = Router::new().route("/mcp", post(asked)).with_state(Arc::clone(&paid));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, paid }
    }

    /// The arguments of each payment.
    pub fn paid(&self) -> Vec<Value> {
        self.paid.lock().unwrap().clone()
    }
}

async fn asked(State(paid): State<Paid>, Json(asked): Json<Value>) -> Response {
    let result = match asked["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": asked["params"]["protocolVersion"], "capabilities": { "tools": {} },
            "serverInfo": { "name": "bank", "version": "1" },
        }),
        "tools/list" => json!({ "tools": [{
            "name": "pay", "description": "Pays money to an account.",
            "inputSchema": { "type": "object", "properties": { "to": { "type": "string" } }, "required": ["to"] },
        }] }),
        "tools/call" => {
            let arguments = asked["params"]["arguments"].clone();
            let text = format!("paid to {}", arguments["to"].as_str().unwrap_or_default());
            paid.lock().unwrap().push(arguments);
            json!({ "content": [{ "type": "text", "text": text }] })
        }
        "ping" => json!({}),
        _ => return StatusCode::ACCEPTED.into_response(),
    };
    Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result })).into_response()
}
