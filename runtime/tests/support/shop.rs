//! Stands for somebody's HTTP interface, with the document that describes it: it counts what was really ordered, and loses
//! answers on demand.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use futures::stream;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

#[derive(Default)]
struct Inner {
    /// The query and the key of each request for an item.
    seen: Vec<(String, String)>,
    /// By the key that each came with.
    orders: BTreeMap<String, Value>,
    /// What the next order's answer is lost of.
    cut: bool,
    elsewhere: usize,
    /// The key of each cancellation, and what was cancelled.
    cancelled: Vec<(String, String)>,
    forgotten: BTreeMap<String, Value>,
}

type Shared = Arc<Mutex<Inner>>;

pub struct Shop {
    pub url: String,
    inner: Shared,
}

impl Shop {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Shared::default();
        let app = Router::new()
            .route("/openapi.json", get(async move || Json(document(port))))
            .route("/openapi.yaml", get(async move || yaml(port)))
            .route("/v1/items/{id}", get(item))
            .route("/v1/orders", post(order))
            .route("/v1/orders/{key}", get(ordered).delete(cancelled))
            .route("/v1/away", get(async move || Redirect::temporary(&format!("http://127.0.0.1:{port}/elsewhere"))))
            .route("/elsewhere", get(elsewhere))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url: format!("http://localhost:{port}"), inner }
    }

    pub fn seen(&self) -> Vec<(String, String)> {
        self.inner.lock().unwrap().seen.clone()
    }

    pub fn orders(&self) -> Vec<Value> {
        self.inner.lock().unwrap().orders.values().cloned().collect()
    }

    /// The key of each cancellation, and what was cancelled.
    pub fn cancelled(&self) -> Vec<(String, String)> {
        self.inner.lock().unwrap().cancelled.clone()
    }

    /// The shop does not know an order any more…
    pub fn forgets(&self, id: &str) {
        let mut inner = self.inner.lock().unwrap();
        let order = inner.orders.remove(id).unwrap();
        inner.forgotten.insert(id.to_owned(), order);
    }

    /// …and knows it again.
    pub fn remembers(&self, id: &str) {
        let mut inner = self.inner.lock().unwrap();
        let order = inner.forgotten.remove(id).unwrap();
        inner.orders.insert(id.to_owned(), order);
    }

    pub fn lose_the_next_answer(&self) {
        self.inner.lock().unwrap().cut = true;
    }

    /// How often somebody followed to another host.
    pub fn elsewhere(&self) -> usize {
        self.inner.lock().unwrap().elsewhere
    }
}

fn document(port: u16) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Shop", "version": "1" },
        "servers": [{ "url": format!("http://localhost:{port}/v1") }],
        "paths": {
            "/items/{id}": { "get": { "operationId": "getItem", "summary": "One item",
                "parameters": [{ "$ref": "#/components/parameters/Id" }, { "name": "lang", "in": "query", "schema": { "type": "string" } }] } },
            "/orders": { "post": { "operationId": "order", "summary": "Orders an item",
                "parameters": [{ "name": "Idempotency-Key", "in": "header", "schema": { "type": "string" } }],
                "requestBody": { "required": true, "content": { "application/json": { "schema": { "type": "object",
                    "properties": { "item": { "type": "string" } }, "required": ["item"] } } } } } },
            "/away": { "get": { "operationId": "away", "summary": "Leads elsewhere" } },
        },
        "components": { "parameters": { "Id": { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } } } },
    })
}

/// The same document, as people write it.
fn yaml(port: u16) -> String {
    format!(
        "openapi: 3.0.3
info: {{title: Shop, version: '1'}}
servers: [{{url: 'http://localhost:{port}/v1'}}]
paths:
  /items/{{id}}:
    get:
      operationId: getItem
      summary: One item
      parameters:
        - $ref: '#/components/parameters/Id'
        - {{name: lang, in: query, schema: &text {{type: string}}}}
  /orders:
    post:
      operationId: order
      summary: Orders an item
      parameters: [{{name: Idempotency-Key, in: header, schema: *text}}]
      requestBody:
        required: true
        content:
          application/json:
            schema: {{type: object, properties: {{item: *text}}, required: [item]}}
  /away:
    get: {{operationId: away, summary: Leads elsewhere}}
components:
  parameters:
    Id: {{name: id, in: path, required: true, schema: *text}}
"
    )
}

async fn item(State(state): State<Shared>, Path(id): Path<String>, query: RawQuery, headers: HeaderMap) -> Response {
    let key = headers.get("x-key").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    state.lock().unwrap().seen.push((query.0.unwrap_or_default(), key.clone()));
    if key != "hush" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if id == "none" {
        return (StatusCode::UNPROCESSABLE_ENTITY, "there is no such item").into_response();
    }
    Json(json!({ "item": { "id": id, "stock": 3 } })).into_response()
}

async fn order(State(state): State<Shared>, headers: HeaderMap, Json(order): Json<Value>) -> Response {
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut inner = state.lock().unwrap();
    inner.orders.insert(key.clone(), order.clone());
    if std::mem::take(&mut inner.cut) {
        let cut: [Result<Bytes, std::io::Error>; 2] =
            [Ok(Bytes::from_static(b"{\"id\":")), Err(std::io::Error::other("the line is cut"))];
        return Body::from_stream(stream::iter(cut)).into_response();
    }
    (StatusCode::CREATED, Json(json!({ "ordered": order["item"], "id": key }))).into_response()
}

async fn ordered(State(state): State<Shared>, Path(key): Path<String>) -> Response {
    match state.lock().unwrap().orders.get(&key) {
        Some(order) => Json(json!({ "found": order["item"] })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn cancelled(State(state): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut inner = state.lock().unwrap();
    if inner.orders.remove(&id).is_none() {
        return (StatusCode::NOT_FOUND, "there is no such order").into_response();
    }
    inner.cancelled.push((key, id));
    Json(json!({ "cancelled": true })).into_response()
}

async fn elsewhere(State(state): State<Shared>) -> &'static str {
    state.lock().unwrap().elsewhere += 1;
    "secrets, please"
}
