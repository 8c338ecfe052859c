//! Answers and errors in OpenAI's shape.

use crate::{endpoints::ask::CitationOut, error::ApiError, state::Api};
use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use colloquy_domain::{failure::Failure, model::Usage, outbound::Reply};
use colloquy_store::Agent;
use serde_json::{Value, json};

/// Clients of OpenAI repeat what failed, unless they are told not to: a message that arrived must not be said again.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// An error in OpenAI's shape.
pub struct Refused {
    status: StatusCode,
    kind: &'static str,
    code: String,
    param: Option<&'static str>,
    message: String,
    retry_after: Option<u64>,
    /// The message arrived.
    taken: bool,
}

impl Refused {
    fn new(status: StatusCode, kind: &'static str, code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Self { status, kind, code, param: None, message, retry_after: None, taken: false }
    }

    pub fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        let invalid = Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_value", message);
        Self { param: Some(param), ..invalid }
    }

    pub fn no_model(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist: models are agents, by their names or ids");
        let none = Self::new(StatusCode::NOT_FOUND, "invalid_request_error", "model_not_found", message);
        Self { param: Some("model"), ..none }
    }

    pub fn no_embedder(named: &str, present: Option<&str>) -> Self {
        let instead = present.map_or_else(|| "no embedding model is in use".to_owned(), |m| format!("there is `{m}`"));
        let message = format!("The model `{named}` does not exist: {instead}");
        let none = Self::new(StatusCode::NOT_FOUND, "invalid_request_error", "model_not_found", message);
        Self { param: Some("model"), ..none }
    }

    pub fn unavailable(failure: &Failure) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", &failure.code, failure.detail.clone())
    }

    pub fn failed() -> Self {
        let message = "the agent could not answer; the message is kept, with what went wrong";
        let failed = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "agent_failed", message);
        Self { taken: true, ..failed }
    }

    pub fn late() -> Self {
        let message = "the agent has not answered yet; its answer will be in the conversation";
        let late = Self::new(StatusCode::GATEWAY_TIMEOUT, "server_error", "timeout", message);
        Self { taken: true, ..late }
    }

    pub fn busy() -> Self {
        let message = "the agent was busy with an earlier message and takes none meanwhile";
        Self::new(StatusCode::CONFLICT, "invalid_request_error", "agent_busy", message)
    }

    pub fn body(&self) -> Value {
        json!({ "error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        } })
    }
}

impl From<ApiError> for Refused {
    fn from(e: ApiError) -> Self {
        let kind = match e.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        };
        let retry_after = e.retry_after.map(|d| d.as_secs().max(1));
        Self { retry_after, ..Self::new(e.status, kind, &e.code.to_ascii_lowercase(), e.message) }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.taken {
            response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        response
    }
}

/// What the agent said.
pub struct Said {
    pub text: String,
    pub usage: Usage,
    citations: Value,
}

impl Said {
    pub fn of(reply: &Reply) -> Self {
        let citations: Vec<_> = reply.citations.iter().map(CitationOut::from).collect();
        Self { text: reply.text.clone(), usage: reply.usage, citations: json!(citations) }
    }

    pub fn sentence(text: &str) -> Self {
        Self { text: text.to_owned(), usage: Usage::default(), citations: json!([]) }
    }
}

/// What all pieces of an answer share.
pub struct Answer {
    id: String,
    created: i64,
    model: String,
}

impl Answer {
    pub fn new(api: &Api, model: String) -> Self {
        Self { id: format!("chatcmpl-{}", api.ids.uuid().simple()), created: api.clock.now().millis() / 1_000, model }
    }

    pub fn whole(&self, said: &Said) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": said.text, "refusal": null, "annotations": [] },
                "logprobs": null,
                "finish_reason": "stop",
            }],
            "usage": usage(said.usage),
            "citations": said.citations,
        })
    }

    pub fn piece(&self, delta: &Value, finish: Option<&str>) -> Value {
        self.chunk(&json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]), &Value::Null)
    }

    pub fn count(&self, of: Usage) -> Value {
        self.chunk(&json!([]), &usage(of))
    }

    fn chunk(&self, choices: &Value, usage: &Value) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices, "usage": usage,
        })
    }
}

fn usage(of: Usage) -> Value {
    json!({
        "prompt_tokens": of.prompt_tokens,
        "completion_tokens": of.completion_tokens,
        "total_tokens": of.prompt_tokens + of.completion_tokens,
    })
}

pub fn model(agent: &Agent) -> Value {
    let created = agent.created_at.millis() / 1_000;
    json!({ "id": agent.profile.name, "object": "model", "created": created, "owned_by": "colloquy" })
}
