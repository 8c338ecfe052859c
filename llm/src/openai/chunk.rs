//! The answer's JSON, read as leniently as servers write it: every field may be missing or null.

use colloquy_domain::failure::Failure;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<TokenUsage>,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    /// In a stream.
    pub(super) delta: Option<Delta>,
    /// In a plain answer.
    pub(super) message: Option<Delta>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta {
    /// Text, or parts with text.
    pub(super) content: Option<Value>,
    pub(super) refusal: Option<String>,
    pub(super) tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallDelta {
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionDelta>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionDelta {
    pub(super) name: Option<String>,
    /// JSON text in fragments; some servers send the object itself.
    pub(super) arguments: Option<Value>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct TokenUsage {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
}

impl Delta {
    pub(super) fn text(&self) -> String {
        let mut text = match &self.content {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => parts.iter().filter_map(|p| p.get("text")?.as_str()).collect(),
            _ => String::new(),
        };
        text.push_str(self.refusal.as_deref().unwrap_or_default());
        text
    }
}

impl FunctionDelta {
    pub(super) fn arguments(&self) -> String {
        match &self.arguments {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(value) => value.to_string(),
        }
    }
}

/// Reads the data of one event; it can hold several documents, where a server forgets blank lines.
///
/// # Errors
/// `model.bad_response` for what is no JSON object.
pub(super) fn parse(data: &str) -> Result<Vec<Chunk>, Failure> {
    let documents = serde_json::Deserializer::from_str(data).into_iter::<Chunk>();
    documents.collect::<Result<_, _>>().map_err(|_| bad_response())
}

pub(super) fn bad_response() -> Failure {
    Failure::retry("model.bad_response", "the model server's answer cannot be read")
}

/// The failure that an error within an answer stands for.
pub(super) fn stream_error(error: &Value) -> Failure {
    let name = error_name(error);
    let status = error.get("code").and_then(Value::as_u64);
    let lower = name.to_lowercase();
    if status == Some(429) || lower.contains("rate_limit") || lower.contains("overloaded") {
        Failure::retry("model.rate_limited", format!("the model server broke off: {name}"))
    } else if lower.contains("context_length") || lower.contains("content_filter") {
        Failure::reject("model.refused", format!("the model server broke off: {name}"))
    } else {
        Failure::retry("model.stream_error", format!("the model server broke off: {name}"))
    }
}

/// The machine-readable names of an error. Its message is left out: it can quote the prompt or the key.
pub(super) fn error_name(error: &Value) -> String {
    let error = error.get("error").unwrap_or(error);
    let names: Vec<String> = ["type", "code", "param"]
        .iter()
        .filter_map(|field| match error.get(field)? {
            Value::String(name) if is_name(name) => Some(name.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect();
    if names.is_empty() { "no reason given".into() } else { names.join(" ") }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.[]".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_named_without_their_message() {
        let error = json!({"error": {"message": "Incorrect key sk-123", "type": "invalid_request_error", "code": "invalid_api_key", "param": null}});
        assert_eq!(error_name(&error), "invalid_request_error invalid_api_key");
        assert_eq!(error_name(&json!("boom sk-123")), "no reason given");
        assert_eq!(error_name(&json!({"code": 500})), "500");
    }

    #[test]
    fn documents_without_a_blank_line_between_them_are_all_read() {
        assert_eq!(parse("{\"usage\":null}\n{\"choices\":[]}").unwrap().len(), 2);
        assert_eq!(parse("{\"choices\":").unwrap_err().code, "model.bad_response");
    }
}
