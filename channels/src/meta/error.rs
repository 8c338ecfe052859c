use crate::{http::Answer, lenient::shorten};
use colloquy_domain::failure::Failure;
use serde_json::Value;
use std::time::Duration;

/// What the Graph API says is wrong, in an answer or in a failed status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GraphError {
    /// HTTP status; 0 when it came in a webhook.
    pub status: u16,
    /// 0 is a code of Meta's own ("cannot authenticate"), so none is `None`.
    pub code: Option<i64>,
    pub subcode: Option<i64>,
    pub detail: String,
    pub is_transient: bool,
    pub retry_after: Option<Duration>,
}

impl GraphError {
    pub(crate) fn of_answer(answer: &Answer) -> Self {
        let error = answer.body.as_ref().and_then(|b| b.get("error")).map(Self::of_value).unwrap_or_default();
        Self { status: answer.status, retry_after: answer.retry_after, ..error }
    }

    /// Reads an error object; `error_data` is an object or a string, and any field may be missing.
    pub(crate) fn of_value(error: &Value) -> Self {
        let number = |name: &str| error.get(name).and_then(number);
        let words =
            [error.pointer("/error_data/details"), error.get("error_data"), error.get("message"), error.get("title")];
        let detail = words.into_iter().flatten().find_map(Value::as_str).unwrap_or("no explanation");
        Self {
            status: 0,
            code: number("code"),
            subcode: number("error_subcode"),
            detail: shorten(detail, 300),
            is_transient: error.get("is_transient").and_then(Value::as_bool).unwrap_or(false),
            retry_after: None,
        }
    }

    /// What every channel does with an error that its own table does not know.
    pub(crate) const fn class_by_status(&self) -> Class {
        match self.status {
            429 => Class::Retry("rate_limited"),
            401 => Class::AccountDown("unauthorized"),
            500.. => Class::Retry("server_error"),
            _ if self.is_transient => Class::Retry("transient"),
            _ => Class::Reject("refused"),
        }
    }
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// What is to be done about an error, with the second half of its stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Retry(&'static str),
    /// As `Retry`, but not sooner than this.
    RetryAfter(Duration, &'static str),
    /// This message to this person will not go.
    Reject(&'static str),
    /// Nothing will go until somebody changes something.
    AccountDown(&'static str),
}

impl Class {
    pub(crate) fn failure(self, channel: &str, error: &GraphError) -> Failure {
        let detail = match error.code {
            Some(code) => format!("{code}: {}", error.detail),
            None => format!("HTTP {}: {}", error.status, error.detail),
        };
        let code = |cause: &str| format!("{channel}.{cause}");
        match (self, error.retry_after) {
            (Self::Retry(cause) | Self::RetryAfter(_, cause), Some(after)) => {
                Failure::retry_after(after, code(cause), detail)
            }
            (Self::RetryAfter(after, cause), None) => Failure::retry_after(after, code(cause), detail),
            (Self::Retry(cause), None) => Failure::retry(code(cause), detail),
            (Self::Reject(cause), _) => Failure::reject(code(cause), detail),
            (Self::AccountDown(cause), _) => Failure::fatal(code(cause), detail),
        }
    }
}
