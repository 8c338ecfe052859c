//! Vapi: messages about calls that its own assistant, or our agent over the OpenAI-compatible endpoint, leads.

use super::{question, rounded};
use crate::lenient::{id, items, made_id, text};
use colloquy_domain::{
    call::{
        CallAnswer, CallDocument, CallEvent, CallNews, CallOutcome, CallReport, CallRequest, CallStanding, CallStatus,
        CallTool, CallToolAnswer, Direction,
    },
    channel::{ChannelAccount, WebhookRejection},
    ports::{CallDriver, WebCall},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;
use subtle::ConstantTimeEq;

const BASE: &str = "https://api.vapi.ai";
/// How old a signature may be.
const TOLERANCE: Duration = Duration::from_secs(300);

pub(super) struct Vapi;

impl CallDriver for Vapi {
    fn provider(&self) -> &'static str {
        "vapi"
    }

    fn receive(&self, account: &ChannelAccount, request: &CallRequest<'_>) -> Result<CallNews, WebhookRejection> {
        if !is_theirs(account.secret("webhook_secret").unwrap_or_default(), request) {
            return Err(WebhookRejection::Unauthenticated);
        }
        let body: Value =
            serde_json::from_slice(request.body).map_err(|e| WebhookRejection::Malformed(format!("not JSON: {e}")))?;
        let message = body.get("message").filter(|m| m.is_object());
        Ok(news(message.ok_or_else(|| WebhookRejection::Malformed("no message".to_owned()))?))
    }

    fn question(&self, account: &ChannelAccount, call: &str) -> Option<WebCall> {
        let key = account.secret("api_key").filter(|s| !s.is_empty())?;
        question(account, BASE, &["call", call], format!("Bearer {key}"))
    }

    fn standing(&self, body: &[u8]) -> Option<CallStanding> {
        let call: Value = serde_json::from_slice(body).ok()?;
        Some(CallStanding { status: CallStatus::named(text(&call, "/status")?)?, report: report(&call) })
    }

    fn answer(&self, account: &ChannelAccount, answer: &CallAnswer) -> CallDocument {
        let body = match answer {
            CallAnswer::Assistant { first, agent, address } => match account.setting("assistant_id") {
                Some(assistant) => json!({ "assistantId": assistant }),
                None => json!({ "assistant": {
                    "firstMessage": first,
                    "model": { "provider": "custom-llm", "url": address, "model": agent },
                } }),
            },
            CallAnswer::Tools(results) => json!({ "results": results.iter().map(tool_result).collect::<Vec<_>>() }),
            _ => json!({}),
        };
        CallDocument { content_type: "application/json", body: body.to_string() }
    }
}

/// One line each, as Vapi reads results.
fn tool_result(answer: &CallToolAnswer) -> Value {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match &answer.result {
        Ok(result) => json!({ "toolCallId": answer.id, "name": answer.name, "result": line(result) }),
        Err(error) => json!({ "toolCallId": answer.id, "name": answer.name, "error": line(error) }),
    }
}

/// The shared secret in a header, or a signature of the time and the body.
fn is_theirs(secret: &str, request: &CallRequest<'_>) -> bool {
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
    let bearer = header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    let shown = [header("x-vapi-secret"), bearer].iter().any(|s| bool::from(s.as_bytes().ct_eq(secret.as_bytes())));
    !secret.is_empty() && (shown || is_signed(secret, header("x-signature"), header("x-timestamp"), request))
}

fn is_signed(secret: &str, signature: &str, timestamp: &str, request: &CallRequest<'_>) -> bool {
    let Ok(signature) = hex::decode(signature.strip_prefix("sha256=").unwrap_or(signature)) else { return false };
    let Some(at) = timestamp.parse::<i64>().ok() else { return false };
    let at = if at < 100_000_000_000 { at.saturating_mul(1_000) } else { at };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(request.body);
    let age = request.now.millis().abs_diff(at);
    mac.verify_slice(&signature).is_ok() && u128::from(age) <= TOLERANCE.as_millis()
}

/// The first of these that is there.
fn first<'a>(message: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    pointers.iter().find_map(|p| text(message, p))
}

fn news(message: &Value) -> CallNews {
    let outbound = text(message, "/call/type").is_some_and(|t| t.starts_with("outbound"));
    let customer = first(message, &["/call/customer/number", "/customer/number"]).map(str::to_owned);
    let ours = first(message, &["/call/phoneNumber/number", "/phoneNumber/number"]).map(str::to_owned);
    let (direction, from, to) =
        if outbound { (Direction::Outbound, ours, customer) } else { (Direction::Inbound, customer, ours) };
    let external_id = id(message, "/call/id").unwrap_or_default();
    CallNews { external_id, direction, from, to, event: event(message) }
}

fn event(message: &Value) -> CallEvent {
    let kind = text(message, "/type").unwrap_or_default();
    match kind {
        "assistant-request" => CallEvent::AssistantWanted,
        "status-update" => match text(message, "/status").and_then(CallStatus::named) {
            Some(status) => CallEvent::Moved { status, seconds: None, ends: false },
            None => CallEvent::Ignored { kind: kind.to_owned() },
        },
        "tool-calls" | "function-call" => CallEvent::Tools(tools(message)),
        "end-of-call-report" => CallEvent::Report(Box::new(report(message))),
        "transcript" => overheard(message).unwrap_or_else(|| CallEvent::Ignored { kind: kind.to_owned() }),
        kind => CallEvent::Ignored { kind: kind.to_owned() },
    }
}

/// A finished piece of what was said.
fn overheard(message: &Value) -> Option<CallEvent> {
    let words = text(message, "/transcript").filter(|_| text(message, "/transcriptType") == Some("final"))?;
    let speaker = if text(message, "/role") == Some("user") { "Caller" } else { "Agent" };
    let said = json!({ "role": message.get("role"), "at": message.get("timestamp"), "words": words });
    Some(CallEvent::Overheard { key: made_id("transcript", &said), line: format!("{speaker}: {words}") })
}

/// Tool calls in every shape that was seen.
fn tools(message: &Value) -> Vec<CallTool> {
    let wrapped = items(message, "/toolWithToolCallList").iter().map(|w| w.get("toolCall").unwrap_or(w));
    let lists = ["/toolCallList", "/toolCalls"].into_iter().flat_map(|l| items(message, l));
    let legacy = message.get("functionCall").filter(|f| f.is_object());
    let mut found: Vec<CallTool> = Vec::new();
    for call in lists.chain(wrapped).chain(legacy) {
        let tool = tool(call);
        // The same calls come in several lists.
        if !found.iter().any(|f| f.id == tool.id) {
            found.push(tool);
        }
    }
    found
}

fn tool(call: &Value) -> CallTool {
    let function = call.get("function").filter(|f| f.is_object()).unwrap_or(call);
    let arguments =
        ["arguments", "parameters"].into_iter().find_map(|name| function.get(name).or_else(|| call.get(name)));
    let arguments = match arguments {
        Some(Value::String(s)) => serde_json::from_str(s).unwrap_or_else(|_| json!({ "question": s })),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let name = text(function, "/name").unwrap_or_default().to_owned();
    let id = id(call, "/id").unwrap_or_else(|| made_id("tool", call));
    let question = first(&arguments, &["/question", "/query", "/message", "/text", "/input"]).map(str::to_owned);
    CallTool { id, name, question }
}

fn report(message: &Value) -> CallReport {
    let number = |pointers: &[&str]| pointers.iter().find_map(|p| message.pointer(p)?.as_f64()).filter(|n| *n >= 0.0);
    let minutes = number(&["/durationMinutes"]).map(|m| m * 60.0);
    let seconds = number(&["/durationSeconds", "/call/durationSeconds"])
        .or_else(|| number(&["/durationMs"]).map(|ms| ms / 1_000.0))
        .or(minutes)
        .or_else(|| between(message));
    let structured = message.pointer("/analysis/structuredData").filter(|d| !d.is_null());
    let reason = first(message, &["/endedReason", "/call/endedReason"]).map(str::to_owned);
    CallReport {
        outcome: structured.and_then(booked).or_else(|| reason.as_deref().and_then(outcome)),
        transcript: first(message, &["/artifact/transcript", "/transcript"]).map(str::to_owned),
        summary: first(message, &["/analysis/summary", "/summary"]).map(str::to_owned),
        structured: structured.map(Value::to_string),
        seconds: seconds.map(rounded),
        cost_cents: number(&["/cost", "/call/cost", "/costBreakdown/total"]).map(|usd| rounded(usd * 100.0)),
        reason,
    }
}

/// From the beginning to the end, if both are told.
fn between(message: &Value) -> Option<f64> {
    let at = |names: [&str; 2]| names.iter().map(|n| crate::lenient::time(message, n).millis()).find(|t| *t > 0);
    let (begun, ended) = (at(["/startedAt", "/call/startedAt"])?, at(["/endedAt", "/call/endedAt"])?);
    u32::try_from(ended - begun).ok().map(|ms| f64::from(ms) / 1_000.0)
}

/// What the analysis says itself, if it says anything of it.
fn booked(structured: &Value) -> Option<CallOutcome> {
    let said = first(structured, &["/outcome", "/outcome_type", "/outcomeType", "/callOutcome"]);
    let is = |name: &str| structured.get(name).and_then(Value::as_bool) == Some(true);
    let booked = ["booked", "appointmentBooked", "appointment_booked"].into_iter().any(is);
    said.and_then(CallOutcome::named).or_else(|| booked.then_some(CallOutcome::Booked))
}

/// What the reason of the end says.
fn outcome(reason: &str) -> Option<CallOutcome> {
    let has = |words: &[&str]| words.iter().any(|w| reason.contains(w));
    if has(&["forwarded", "transfer"]) {
        Some(CallOutcome::Transferred)
    } else if has(&["did-not-answer", "voicemail", "busy", "did-not-give", "no-answer"]) {
        Some(CallOutcome::Missed)
    } else if has(&["error", "failed", "fault"]) {
        Some(CallOutcome::Failed)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
