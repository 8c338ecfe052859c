//! What is read of a request: the model, the last message and who says it. Everything else is the agent's.

use super::shape::Refused;
use crate::{exchange::Saying, state::Api};
use axum::http::HeaderMap;
use colloquy_domain::message::Content;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Characters that a message may have.
const LONGEST: usize = 8_000;

#[derive(Deserialize, JsonSchema)]
pub struct Body {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    user: Option<String>,
    /// A telephone provider's.
    #[serde(default)]
    call: Option<Call>,
    #[serde(default)]
    n: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

#[derive(Deserialize, JsonSchema)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
struct Call {
    id: String,
}

pub struct Request {
    pub model: String,
    pub stream: bool,
    pub include_usage: bool,
    /// The provider's id of a telephone call.
    pub call: Option<String>,
    text: String,
    session: Option<String>,
    message_id: Option<String>,
}

impl Request {
    pub fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, Refused> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let body: Body = serde_path_to_error::deserialize(&mut json)
            .map_err(|e| Refused::invalid("body", format!("{}: {}", e.path(), e.inner())))?;
        if body.n.is_some_and(|n| n != 1) {
            return Err(Refused::invalid("n", "an agent gives one answer"));
        }
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let call = body.call.map(|c| c.id).filter(|id| !id.is_empty());
        let user = header("x-conversation-id").or(body.user).filter(|u| !u.is_empty());
        let last = body.messages.last().filter(|m| m.role == "user");
        let last = last.ok_or_else(|| Refused::invalid("messages", "the last message must be of the role user"))?;
        let text = text(&last.content)?;
        if text.trim().is_empty() || text.chars().count() > LONGEST {
            return Err(Refused::invalid("messages", format!("a message must have 1 to {LONGEST} characters")));
        }
        let goes_on = body.messages.iter().any(|m| m.role == "assistant");
        if goes_on && call.is_none() && user.is_none() {
            // Answering as if nothing had been said before would be worse.
            let why = "earlier messages are remembered by the conversation: name it by `user`, or by the header \
                       x-conversation-id, in each request";
            return Err(Refused::invalid("user", why));
        }
        Ok(Self {
            model: body.model,
            stream: body.stream.unwrap_or_default(),
            include_usage: body.stream_options.and_then(|o| o.include_usage).unwrap_or_default(),
            session: call.clone().or(user).map(|name| fitting(&name)),
            // A repeated request of a call says the same at the same place.
            message_id: header("idempotency-key")
                .map(|key| fitting(&key))
                .or_else(|| call.as_ref().map(|_| digest(&format!("{}:{text}", body.messages.len())))),
            call,
            text,
        })
    }

    pub fn saying(&self, api: &Api) -> Saying {
        let fresh = || api.ids.uuid().to_string();
        Saying {
            session: self.session.clone().unwrap_or_else(fresh),
            message_id: self.message_id.clone().unwrap_or_else(fresh),
            name: None,
            content: Content::text(&self.text),
        }
    }
}

/// The words of a content: a text, or parts of which all are texts.
fn text(content: &Value) -> Result<String, Refused> {
    match content {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let part = |p: &Value| p.get("text").and_then(Value::as_str).map(str::to_owned);
            let parts: Option<Vec<String>> = parts.iter().map(part).collect();
            parts.map(|p| p.join("\n")).ok_or_else(|| Refused::invalid("messages", "an agent reads text only"))
        }
        _ => Err(Refused::invalid("messages", "the last message has no content")),
    }
}

/// The name, if it can stand in an id.
fn fitting(name: &str) -> String {
    let fits = (1..=100).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if fits { name.to_owned() } else { digest(name) }
}

fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &Value) -> Result<Request, String> {
        let read = Request::read(body.to_string().as_bytes(), &HeaderMap::new());
        read.map_err(|e| e.body()["error"]["param"].as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn the_last_message_is_what_is_said() {
        let parts = json!([{ "type": "text", "text": "Où" }, { "type": "text", "text": "êtes-vous ?" }]);
        let said = read(&json!({ "model": "m", "user": "zoé@example.com", "temperature": 1, "messages": [
            { "role": "system", "content": "x" }, { "role": "user", "content": "a" }, { "role": "assistant", "content": null },
            { "role": "user", "content": parts },
        ] }))
        .expect("fine");
        assert_eq!((said.text.as_str(), said.stream), ("Où\nêtes-vous ?", false));
        assert_eq!(said.session, Some(digest("zoé@example.com")));
        let user = |content: Value| json!([{ "role": "user", "content": content }]);
        let call = read(&json!({ "model": "m", "call": { "id": "c-1" }, "messages": user(json!("a")) })).expect("fine");
        let again =
            read(&json!({ "model": "m", "call": { "id": "c-1" }, "messages": user(json!("a")) })).expect("fine");
        assert_eq!((call.session.as_deref(), &call.message_id), (Some("c-1"), &again.message_id));
        for (body, param) in [
            (json!({ "model": "m", "messages": [] }), "messages"),
            (json!({ "model": "m", "messages": user(json!(" ")) }), "messages"),
            (json!({ "model": "m", "messages": user(json!([{ "type": "image_url" }])) }), "messages"),
            (json!({ "messages": user(json!("a")) }), "body"),
            (json!({ "model": "m", "n": 2, "messages": user(json!("a")) }), "n"),
            (
                json!({ "model": "m", "messages": [{ "role": "assistant", "content": "b" }, { "role": "user", "content": "a" }] }),
                "user",
            ),
        ] {
            assert_eq!(read(&body).err().as_deref(), Some(param), "{body}");
        }
    }
}
