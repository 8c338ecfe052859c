//! Calls whose answers are JSON, sorted by what is known after them.

use colloquy_domain::{
    commerce::flow::Answer,
    failure::Verdict,
    ports::{Outside, Unanswered, WebAnswer, WebCall},
};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// For one call; a step has a few of them.
const CALL: Duration = Duration::from_secs(10);

/// The longest answer that is read: a column of a long sheet.
const MOST: usize = 16 << 20;

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Spoken {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// Null if it was not JSON.
    pub body: Value,
}

impl Spoken {
    pub const fn is_good(&self) -> bool {
        self.status / 100 == 2
    }

    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }

    /// What a status that is no success says of what was asked for.
    pub fn trouble(&self, service: &str) -> Answer {
        let code = |what: &str| format!("{service}.{what}");
        match self.status {
            429 => Answer::Later { code: code("rate_limited"), after: self.retry_after },
            401 => Answer::Refused { code: code("unauthorized") },
            403 => Answer::Refused { code: code("forbidden") },
            404 | 410 => Answer::Refused { code: code("not_found") },
            400..=499 => Answer::Refused { code: code("rejected") },
            // It may have been done before something broke.
            _ => Answer::Unknown { code: code("unavailable") },
        }
    }
}

/// # Errors
/// The call had no answer.
pub async fn call(outside: &dyn Outside, service: &str, call: WebCall) -> Result<Spoken, Answer> {
    match outside.call(call).await {
        Ok(WebAnswer { status, retry_after, body }) => {
            Ok(Spoken { status, retry_after, body: serde_json::from_slice(&body).unwrap_or_default() })
        }
        Err(Unanswered::NotSent(f)) if f.verdict == Verdict::Reject => Err(Answer::Refused { code: f.code }),
        Err(Unanswered::NotSent(_)) => Err(Answer::Later { code: format!("{service}.unreachable"), after: None }),
        Err(Unanswered::Lost(_)) => Err(Answer::Unknown { code: format!("{service}.no_answer") }),
    }
}

/// `{base}/{segments…}`; each segment is escaped, so that no setting can leave its place in the path.
///
/// # Errors
/// The base is no address.
pub fn address(service: &str, base: &str, segments: &[&str]) -> Result<Url, Answer> {
    let wrong = || Answer::Refused { code: format!("{service}.bad_settings") };
    let mut url = Url::parse(base).map_err(|_| wrong())?;
    url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend(segments);
    Ok(url)
}

pub fn request(method: &'static str, url: &Url, token: &str, body: Option<String>, form: bool) -> WebCall {
    let kind = if form { "application/x-www-form-urlencoded" } else { "application/json" };
    let mut headers = vec![("authorization".into(), format!("Bearer {token}"))];
    headers.extend(body.as_ref().map(|_| ("content-type".into(), kind.to_owned())));
    WebCall { method, url: url.as_str().to_owned(), headers, body, most: MOST, timeout: CALL }
}

/// JSON under a key of its own header.
pub fn keyed(method: &'static str, url: &Url, key: &str, body: Option<Value>) -> WebCall {
    let mut headers = vec![("x-api-key".into(), key.to_owned()), ("accept".into(), "application/json".to_owned())];
    headers.extend(body.as_ref().map(|_| ("content-type".into(), "application/json".to_owned())));
    let body = body.map(|b| b.to_string());
    WebCall { method, url: url.as_str().to_owned(), headers, body, most: MOST, timeout: CALL }
}

/// A form that needs no credential.
pub fn form(url: &Url, fields: &[(&str, &str)]) -> WebCall {
    let body = encode(fields);
    let headers = vec![("content-type".into(), "application/x-www-form-urlencoded".to_owned())];
    WebCall { method: "POST", url: url.as_str().to_owned(), headers, body: Some(body), most: MOST, timeout: CALL }
}

pub fn encode(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
