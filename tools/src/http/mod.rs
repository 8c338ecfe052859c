//! Requests to somebody's HTTP interface, as tools (`domain/src/http_tool.rs`).
//!
//! What is known after a call is never more than the other side said: what was refused did not happen, what got no answer
//! may have. A server's secrets go into headers and the query of requests to its own address, and nowhere else: redirects
//! are not followed.

mod check;
mod openapi;
mod template;
#[cfg(test)]
mod tests;

pub use check::{Wrong, check};
pub use openapi::read as read_openapi;

use colloquy_domain::{
    failure::{Failure, Verdict},
    http_tool::{BodyTemplate, Lookup, Operation},
    ports::{Outside, Unanswered, WebAnswer, WebCall},
    tool::{EffectClass, ToolResult},
    tool_server::ToolServer,
};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, time::Duration};
use template::{Filling, fields};
use url::Url;

/// For one request; a call has a few of them.
const REQUEST: Duration = Duration::from_secs(20);
/// The longest wait before a request is repeated. What asks for more is told to the model.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const WAIT: Duration = Duration::from_millis(500);
/// Before each look whether a call was carried out that had no answer: it may still be at work.
const LOOKS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// The longest answer that is read, in bytes.
const LONGEST: usize = 4 << 20;
/// What a model is given of an answer, in bytes: more would push out what was said.
const MOST: usize = 32 * 1024;
/// …and of a refusal.
const MOST_OF_REFUSAL: usize = 2_000;

/// A call of a declared request.
pub struct Asked<'a> {
    pub server: &'a ToolServer,
    pub operation: &'a Operation,
    /// What it does, as the tenant decided.
    pub effect: EffectClass,
    pub arguments: &'a Value,
    /// The same for every run of the same call.
    pub key: &'a str,
}

/// What one request told.
enum Heard {
    Done(ToolResult),
    Refused(ToolResult),
    /// It was not carried out; it may be later.
    NotNow(Failure),
    /// Nobody knows.
    Unknown(Failure),
}

impl Asked<'_> {
    /// Makes the request; once more where that can do no harm.
    pub async fn call(&self, outside: &dyn Outside) -> ToolResult {
        let first = self.once(outside).await;
        let last = match self.wait(&first) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                self.once(outside).await
            }
            None => first,
        };
        match last {
            Heard::Done(result) | Heard::Refused(result) => result,
            Heard::NotNow(failure) => ToolResult::failed(failure),
            Heard::Unknown(failure) if self.effect == EffectClass::Read => ToolResult::failed(failure),
            Heard::Unknown(failure) => match self.look_up(outside).await {
                Some(found) => found,
                None => ToolResult::uncertain(failure),
            },
        }
    }

    /// Asks whether it was carried out, where the operation says how; `None` where it does not.
    pub async fn look_up(&self, outside: &dyn Outside) -> Option<ToolResult> {
        let lookup = self.operation.lookup.as_ref()?;
        let mut absent = false;
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            let call = match self.looking(lookup) {
                Ok(call) => call,
                Err(failure) => return Some(ToolResult::uncertain(failure)),
            };
            let Ok(answer) = outside.call(call).await else { continue };
            if (200..300).contains(&answer.status) {
                return Some(ToolResult::done(read(&answer, self.operation.pick.as_deref())));
            }
            absent = lookup.absent.contains(&answer.status);
        }
        // Only the last look counts: before it, the call may still have been at work.
        Some(if absent {
            ToolResult::failed(Failure::reject("http.not_done", "its answer was lost, and it was not carried out"))
        } else {
            let detail = "its answer was lost, and whether it was carried out could not be found out";
            ToolResult::uncertain(Failure::reject("http.no_answer", detail))
        })
    }

    async fn once(&self, outside: &dyn Outside) -> Heard {
        let call = match self.request() {
            Ok(call) => call,
            Err(failure) => return Heard::Refused(ToolResult::failed(failure)),
        };
        match outside.call(call).await {
            Ok(answer) => self.heard(&answer),
            Err(Unanswered::NotSent(f)) if f.verdict == Verdict::Reject => Heard::Refused(ToolResult::failed(f)),
            Err(Unanswered::NotSent(failure)) => Heard::NotNow(failure),
            Err(Unanswered::Lost(failure)) => Heard::Unknown(failure),
        }
    }

    fn heard(&self, answer: &WebAnswer) -> Heard {
        let status = answer.status;
        let refused = |code: &str| {
            let failure = Failure::reject(code, format!("the service answers {status}"));
            let words = String::from_utf8_lossy(&answer.body);
            let content = format!("error: the service answers {status}: {}", cut(&words, MOST_OF_REFUSAL));
            Heard::Refused(ToolResult { content, ..ToolResult::failed(failure) })
        };
        match status {
            s if self.operation.is_success(s) => {
                Heard::Done(ToolResult::done(read(answer, self.operation.pick.as_deref())))
            }
            429 => Heard::NotNow(later(answer, "http.rate_limited", "the service asks to come back later")),
            401 | 403 => refused("http.unauthorized"),
            400..=499 => refused("http.refused"),
            // What it leads to was not asked: it could be somebody else's, and would hear our secrets.
            300..=399 => Heard::Unknown(Failure::reject(
                "http.redirected",
                format!("the service answers {status} and leads elsewhere, which is not followed"),
            )),
            // It may have been done before something broke.
            _ => Heard::Unknown(later(answer, "http.unavailable", &format!("the service answers {status}"))),
        }
    }

    /// How long until it is tried again; `None` if it is not.
    fn wait(&self, heard: &Heard) -> Option<Duration> {
        let failure = match heard {
            Heard::Done(_) | Heard::Refused(_) => return None,
            Heard::NotNow(failure) => failure,
            // It may have been done.
            Heard::Unknown(_) if self.effect == EffectClass::Unsafe => return None,
            Heard::Unknown(failure) => failure,
        };
        match failure.verdict {
            Verdict::Retry { after } => Some(after.unwrap_or(WAIT)).filter(|wait| *wait <= LONGEST_WAIT),
            Verdict::Reject | Verdict::Fatal => None,
        }
    }

    fn request(&self) -> Result<WebCall, Failure> {
        let filling = self.filling();
        let operation = self.operation;
        let url = self.address(&filling, &operation.path, &operation.query)?;
        let mut headers: Vec<(Cow<'static, str>, String)> = Vec::new();
        for (name, template) in &operation.headers {
            headers.extend(filling.header(name, template)?.map(|value| (Cow::Owned(name.clone()), value)));
        }
        headers.extend(operation.key_header.iter().map(|name| (Cow::Owned(name.clone()), self.key.to_owned())));
        let body = operation.body.as_ref().map(|body| filled(&filling, body)).transpose()?.flatten();
        headers.extend(body.as_ref().map(|(kind, _)| (Cow::Borrowed("content-type"), (*kind).to_owned())));
        self.credentials(&mut headers);
        let (method, body) = (operation.method.name(), body.map(|(_, body)| body));
        Ok(WebCall { method, url, headers, body, most: LONGEST, timeout: REQUEST })
    }

    fn looking(&self, lookup: &Lookup) -> Result<WebCall, Failure> {
        let url = self.address(&self.filling(), &lookup.path, &lookup.query)?;
        let mut headers = Vec::new();
        self.credentials(&mut headers);
        Ok(WebCall { method: "GET", url, headers, body: None, most: LONGEST, timeout: LOOKS[2] })
    }

    fn filling(&self) -> Filling<'_> {
        Filling { arguments: self.arguments, key: self.key }
    }

    /// Always the server's own host, whatever the arguments are.
    fn address(&self, filling: &Filling<'_>, path: &str, query: &BTreeMap<String, String>) -> Result<String, Failure> {
        let settings = &self.server.settings;
        let mut url = Url::parse(&settings.url).map_err(|_| Failure::reject("web.url", "is not an address"))?;
        let path = format!("{}{}", url.path().trim_end_matches('/'), filling.path(path)?);
        url.set_path(&path);
        let given = query.iter().flat_map(|(name, template)| filling.pairs(name, template));
        let given: Vec<(String, String)> = given.filter(|(name, _)| !settings.query.contains_key(name)).collect();
        let secret = settings.query.iter().map(|(name, value)| (name.as_str(), value.expose()));
        if !given.is_empty() || !settings.query.is_empty() {
            url.query_pairs_mut().extend_pairs(given).extend_pairs(secret);
        }
        Ok(url.into())
    }

    /// The server's own headers, before those of a template.
    fn credentials(&self, headers: &mut Vec<(Cow<'static, str>, String)>) {
        let own = &self.server.settings.headers;
        headers.retain(|(name, _)| !own.contains_key(name.as_ref()));
        headers.extend(own.iter().map(|(name, value)| (Cow::Owned(name.clone()), value.expose().to_owned())));
        if !headers.iter().any(|(name, _)| name == "accept") {
            headers.push((Cow::Borrowed("accept"), "application/json, text/plain;q=0.5, */*;q=0.1".to_owned()));
        }
    }
}

/// What is sent, and its type.
fn filled(filling: &Filling<'_>, body: &BodyTemplate) -> Result<Option<(&'static str, String)>, Failure> {
    let template: Value = serde_json::from_str(&body.json)
        .map_err(|_| Failure::reject("tool.schema", "the body's template is no JSON"))?;
    let Some(json) = filling.json(&template) else { return Ok(None) };
    Ok(Some(if body.form {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields(&json)).finish();
        ("application/x-www-form-urlencoded", form)
    } else {
        ("application/json", json.to_string())
    }))
}

fn later(answer: &WebAnswer, code: &str, detail: &str) -> Failure {
    match answer.retry_after {
        Some(after) => Failure::retry_after(after, code, detail),
        None => Failure::retry(code, detail),
    }
}

/// What a model reads of a good answer.
fn read(answer: &WebAnswer, pick: Option<&str>) -> String {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let words = match (json, pick) {
        (Some(json), Some(pick)) => match json.pointer(pick) {
            Some(Value::String(text)) => text.clone(),
            Some(picked) => picked.to_string(),
            None => return format!("done; the answer has nothing at {pick}"),
        },
        (Some(json), None) => json.to_string(),
        (None, _) => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    if words.trim().is_empty() {
        return format!("done ({})", answer.status);
    }
    let shown = cut(&words, MOST);
    if shown.len() < words.len() { format!("{shown}\n[cut: it was longer]") } else { words }
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
