//! A client of the HTTP API that hides nothing: status, headers and body as they came.

use super::wait::within;
use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::HeaderMap,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a document may take to be read and indexed.
const INGESTION: Duration = Duration::from_secs(90);

/// How long a machine may take to answer at all: it may have no cable.
const CONNECT: Duration = Duration::from_secs(5);

/// Of one server; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    pub url: String,
    pub key: String,
}

/// An answer, whatever it says.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Null if it was not JSON.
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub async fn of(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        Ok(Self { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text })
    }

    /// What a success carries.
    pub fn data(self) -> Value {
        assert!(self.status.is_success() && self.body["success"] == true, "no success: {self:?}");
        let mut body = self.body;
        body["data"].take()
    }

    /// The fields that a refusal names.
    pub fn fields(&self) -> Vec<String> {
        let details = self.body["details"].as_array().cloned().unwrap_or_default();
        details.iter().map(|d| d["field"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Client {
    pub fn new(url: String, key: String) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).connect_timeout(CONNECT);
        Self { http: http.build().unwrap(), url, key }
    }

    /// The same server, asked with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// Without any credential.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.key)
    }

    /// # Errors
    /// The connection's: the server may be gone.
    pub async fn attempt(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        Answer::of(request.send().await?).await
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        self.attempt(request).await.unwrap_or_else(|e| panic!("no answer: {e:?}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub async fn is_up(&self) -> bool {
        let answer = self.attempt(self.bare(Method::GET, "/health/ready")).await;
        answer.is_ok_and(|a| a.status == StatusCode::OK)
    }

    /// All rows of a list, from the first page to the last.
    pub async fn list(&self, path: &str, name: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        for page in 1.. {
            let and = if path.contains('?') { '&' } else { '?' };
            let mut data = self.get(&format!("{path}{and}limit=100&page={page}")).await.data();
            let Value::Array(found) = data[name].take() else { panic!("no list of {name}: {data}") };
            rows.extend(found);
            if data["pagination"]["totalPages"].as_u64().unwrap() <= page {
                return rows;
            }
        }
        unreachable!("the last page ends it")
    }

    /// The transcript, the oldest line first.
    pub async fn transcript(&self, conversation: &str) -> Vec<Value> {
        let mut lines = self.list(&format!("/api/conversations/{conversation}/messages"), "messages").await;
        lines.sort_by_key(|l| l["position"].as_u64().unwrap());
        lines
    }

    /// The conversation with this person, if there is one.
    pub async fn conversation(&self, peer: &str) -> Option<Value> {
        self.list("/api/conversations", "conversations").await.into_iter().find(|c| c["peer"] == peer)
    }

    /// Makes an agent that answers at once, with this model provider.
    pub async fn agent(&self, name: &str, provider: &str, knowledge: &[&str]) -> String {
        let body = json!({
            "name": name, "model": { "provider": provider }, "knowledge": knowledge, "gather_quiet_ms": 0,
        });
        self.post("/api/agents", &body).await.data()["id"].as_str().unwrap().to_owned()
    }

    pub async fn chat(&self, body: &Value) -> Answer {
        self.post("/api/chat", body).await
    }

    pub async fn ask(&self, kb: &str, question: &str) -> Value {
        self.post("/api/ask", &json!({ "kb": kb, "question": question })).await.data()
    }

    /// Uploads one document; it is on its way when this returns.
    pub async fn upload(&self, kb: &str, name: &str, content: impl Into<Vec<u8>>) -> Value {
        let part = Part::bytes(content.into()).file_name(name.to_owned());
        let form = Form::new().text("kb", kb.to_owned()).part("file", part);
        let answer = self.send(self.request(Method::POST, "/api/documents").multipart(form)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.data()["documents"][0].take()
    }

    /// Waits until the document is ready or failed.
    pub async fn finished(&self, document: &Value) -> Value {
        let id = document["id"].as_str().unwrap();
        within(INGESTION, "the end of an ingestion", async || {
            let now = self.get(&format!("/api/documents/{id}")).await.data();
            matches!(now["status"].as_str(), Some("ready" | "failed")).then_some(now)
        })
        .await
    }

    /// Uploads one document, which must become ready.
    pub async fn learn(&self, kb: &str, name: &str, content: impl Into<Vec<u8>>) -> Value {
        let document = self.upload(kb, name, content).await;
        let document = self.finished(&document).await;
        assert_eq!(document["status"], "ready", "{document}");
        document
    }
}
