//! Calls of the Bot API, and what their refusals mean.

use crate::{
    http::{Answer, Download, Downloaded, Http, NoAnswer, bounded_wait, endpoint, redact},
    lenient::{shorten, text},
};
use colloquy_domain::{
    channel::{ChannelAccount, SendError},
    failure::Failure,
};
use reqwest::Url;
use serde_json::Value;
use std::time::Duration;

const DEFAULT_BASE: &str = "https://api.telegram.org";

#[derive(Debug, Clone)]
pub(super) struct Api {
    http: Http,
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(super) enum ApiError {
    Settings(Failure),
    NoAnswer(NoAnswer),
    /// Accepted, it seems, but what came back is not the Bot API's.
    Unreadable,
    Refused(Refusal),
}

#[derive(Debug)]
pub(super) struct Refusal {
    /// As HTTP status codes.
    pub code: u64,
    pub description: String,
    pub retry_after: Option<Duration>,
    pub migrate_to: Option<i64>,
}

impl Refusal {
    pub(super) fn says(&self, words: &str) -> bool {
        self.code == 400 && self.description.to_ascii_lowercase().contains(words)
    }

    fn failure(self) -> Failure {
        let Self { code, description, retry_after, .. } = self;
        let detail = format!("{code}: {description}");
        match code {
            429 => Failure::retry_after(retry_after.unwrap_or(Duration::from_secs(1)), "telegram.rate_limited", detail),
            401 | 404 => Failure::fatal("telegram.unauthorized", detail),
            403 => Failure::reject("telegram.blocked", detail),
            409 => Failure::retry("telegram.conflict", detail),
            500.. => Failure::retry("telegram.server_error", detail),
            _ => Failure::reject("telegram.bad_request", detail),
        }
    }
}

impl ApiError {
    /// What it means for a message that was to be sent. There is no key by which a repetition would be recognised, so only what
    /// proves that nothing went out is tried again. A 503 does: the Bot API itself never says it, only the gateway before it
    /// that passes nothing on. A 500 ("restart") is also given to messages that were being sent, a 502 and a 504 when the answer
    /// did not come back: these leave it open.
    pub(super) fn send_error(self) -> SendError {
        match self {
            Self::Settings(f) => SendError::AccountDown(f),
            Self::NoAnswer(n) => n.send_error("telegram"),
            Self::Unreadable => SendError::Uncertain(unreadable()),
            Self::Refused(r) => match r.code {
                401 | 404 => SendError::AccountDown(r.failure()),
                503 => SendError::Refused(r.failure()),
                500.. => SendError::Uncertain(r.failure()),
                _ => SendError::Refused(r.failure()),
            },
        }
    }

    /// What it means for a message whose words were to be changed: that may be repeated.
    pub(super) fn edit_error(self) -> SendError {
        match &self {
            Self::Refused(r) if matches!(r.code, 401 | 404) => SendError::AccountDown(self.failure()),
            Self::Settings(_) => SendError::AccountDown(self.failure()),
            _ => SendError::Refused(self.failure()),
        }
    }

    /// What it means for a call that may be repeated.
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Settings(f) => f,
            Self::NoAnswer(n) => n.failure("telegram"),
            Self::Unreadable => unreadable(),
            Self::Refused(r) => r.failure(),
        }
    }
}

fn unreadable() -> Failure {
    Failure::retry("telegram.no_answer", "success without an answer of the Bot API")
}

impl Api {
    pub(super) const fn new(http: Http) -> Self {
        Self { http }
    }

    /// Calls a method and returns its `result`.
    pub(super) async fn call(&self, account: &ChannelAccount, method: &str, body: &Value) -> Result<Value, ApiError> {
        self.call_waiting(account, method, body, Duration::ZERO).await
    }

    /// As [`Api::call`], for a call that the server holds open for up to `wait`.
    pub(super) async fn call_waiting(
        &self,
        account: &ChannelAccount,
        method: &str,
        body: &Value,
        wait: Duration,
    ) -> Result<Value, ApiError> {
        let url = address(account, method).map_err(ApiError::Settings)?;
        let answer = self.http.post_waiting(url, None, body, wait).await.map_err(ApiError::NoAnswer)?;
        read(account, answer)
    }

    pub(super) async fn file(&self, download: Download) -> Result<Downloaded, Failure> {
        self.http.download(download).await.map_err(|e| e.failure("telegram"))
    }

    /// As [`Api::call`], for what a person is to get.
    pub(super) async fn send(
        &self,
        account: &ChannelAccount,
        method: &str,
        body: &Value,
        leaves_within: Duration,
    ) -> Result<Value, ApiError> {
        let url = address(account, method).map_err(ApiError::Settings)?;
        let answer = self.http.send(url, None, body, leaves_within).await.map_err(ApiError::NoAnswer)?;
        read(account, answer)
    }
}

fn address(account: &ChannelAccount, method: &str) -> Result<Url, Failure> {
    endpoint("telegram", base(account), &[&format!("bot{}", token(account)?), method])
}

/// Where a file lies.
pub(super) fn file_address(account: &ChannelAccount, path: &str) -> Result<Url, Failure> {
    let bot = format!("bot{}", token(account)?);
    let segments: Vec<&str> = ["file", &bot].into_iter().chain(path.split('/')).collect();
    endpoint("telegram", base(account), &segments)
}

fn base(account: &ChannelAccount) -> &str {
    account.setting("api_base").filter(|b| !b.is_empty()).unwrap_or(DEFAULT_BASE)
}

fn token(account: &ChannelAccount) -> Result<&str, Failure> {
    let token = account.secret("bot_token").filter(|t| !t.is_empty());
    token.ok_or_else(|| Failure::fatal("telegram.bad_settings", "bot_token is not set"))
}

fn read(account: &ChannelAccount, answer: Answer) -> Result<Value, ApiError> {
    let (success, status) = (answer.is_success(), u64::from(answer.status));
    let Some(mut body) = answer.body else {
        return Err(if success {
            ApiError::Unreadable
        } else {
            ApiError::Refused(Refusal {
                code: status,
                description: "no explanation".to_owned(),
                retry_after: answer.retry_after,
                migrate_to: None,
            })
        });
    };
    match body.get("ok").and_then(Value::as_bool) {
        Some(true) if success => Ok(body.get_mut("result").map(Value::take).unwrap_or_default()),
        None if success => Err(ApiError::Unreadable),
        _ => {
            let wait = body.pointer("/parameters/retry_after").and_then(Value::as_u64).map(bounded_wait);
            Err(ApiError::Refused(Refusal {
                code: body.get("error_code").and_then(Value::as_u64).unwrap_or(status),
                description: shorten(&redact(text(&body, "/description").unwrap_or("no explanation"), account), 200),
                retry_after: wait.or(answer.retry_after),
                migrate_to: body.pointer("/parameters/migrate_to_chat_id").and_then(Value::as_i64),
            }))
        }
    }
}
