//! What the API answers, as far as commands use it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A document on its way into a knowledge base, or there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Document {
    pub id: String,
    pub name: String,
    /// `pending`, `extracting`, `indexing`, `ready` or `failed`.
    pub status: String,
    pub cause: Option<Cause>,
    /// How each page came out, once it is known.
    #[serde(default)]
    pub pages: Vec<Value>,
    #[serde(default)]
    pub page_count: u32,
    #[serde(default)]
    pub chunks: u32,
    /// Of the chunks, those that can be found.
    #[serde(default)]
    pub indexed: u32,
    pub seconds: Option<f64>,
}

impl Document {
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.status.as_str(), "ready" | "failed")
    }

    /// Pages seen so far.
    #[must_use]
    pub fn page_count(&self) -> usize {
        self.pages.len().max(self.page_count as usize)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cause {
    pub code: String,
    pub message: String,
}

#[derive(Debug, Deserialize)]
pub struct Documents {
    pub documents: Vec<Document>,
}

/// `POST /api/ask`; also what `ask --json` prints.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Answer {
    pub answer: String,
    pub abstained: bool,
    pub citations: Vec<Citation>,
    pub usage: Value,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Citation {
    pub document: String,
    pub page: Option<u32>,
    pub quote: String,
    pub score: f64,
}

/// `POST /api/chat`, and its `reply` event.
#[derive(Debug, Clone, Deserialize)]
pub struct ChatAnswer {
    pub session: String,
    pub outcome: String,
    pub reply: Option<Reply>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Reply {
    pub text: String,
    #[serde(default)]
    pub citations: Vec<Citation>,
    /// It says that nothing was found.
    #[serde(default)]
    pub abstained: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Agent {
    pub id: String,
    pub name: String,
    pub model: AgentModel,
    #[serde(default)]
    pub knowledge: Vec<String>,
    #[serde(default)]
    pub tools: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct AgentModel {
    pub provider: String,
    pub model: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Channel {
    pub id: String,
    pub kind: String,
    pub name: String,
    pub agent: String,
    pub enabled: bool,
    pub webhook_url: Option<String>,
}
