//! From a webhook's envelope to events.

use super::content;
use crate::lenient::{id, items, made_id, text, time};
use colloquy_domain::{
    channel::{ChannelEvent, DeliveryStatus, StatusUpdate},
    ids::OutboxId,
    message::{Content, Inbound, Peer},
    time::Timestamp,
};
use serde_json::Value;

/// Which face of the platform speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    Page,
    Instagram,
}

impl Platform {
    /// What its payloads call themselves.
    const fn object(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Instagram => "instagram",
        }
    }
}

/// Who we are, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    pub platform: Platform,
    /// The page, or the professional account.
    pub account: Option<&'a str>,
    pub app: Option<&'a str>,
    /// The program that conversations are handed to, if the account names one.
    pub hands_to: Option<&'a str>,
}

/// Where an event came from: on standby another app holds the conversation, and the agent only listens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Main,
    Standby,
}

/// All events of a verified payload that belong to our account (to any, if it is not known).
pub(crate) fn events(payload: &Value, own: Own<'_>) -> Vec<ChannelEvent> {
    if let Some(object) = text(payload, "/object").filter(|o| *o != own.platform.object()) {
        return vec![ignored(format!("object.{object}"))];
    }
    // The dashboard's test button sends one bare change.
    if payload.get("entry").is_none() && payload.get("field").is_some() {
        return of_change(payload, own);
    }
    items(payload, "/entry").iter().flat_map(|entry| of_entry(entry, own)).collect()
}

fn ignored(kind: impl Into<String>) -> ChannelEvent {
    ChannelEvent::Ignored { kind: kind.into() }
}

fn of_entry(entry: &Value, own: Own<'_>) -> Vec<ChannelEvent> {
    if let (Some(account), Some(own)) = (id(entry, "/id"), own.account)
        && account != own
    {
        return vec![ignored("other_account")];
    }
    let main = items(entry, "/messaging").iter().flat_map(|e| of_event(e, own, Line::Main));
    let standby = items(entry, "/standby").iter().flat_map(|e| of_event(e, own, Line::Standby));
    let changes = items(entry, "/changes").iter().flat_map(|c| of_change(c, own));
    main.chain(standby).chain(changes).collect()
}

/// `{field, value}`, whose value is an event as in `messaging` when it has a sender.
fn of_change(change: &Value, own: Own<'_>) -> Vec<ChannelEvent> {
    let field = text(change, "/field").unwrap_or("no_field");
    match change.get("value").filter(|v| v.pointer("/sender/id").is_some()) {
        Some(event) => of_event(event, own, if field == "standby" { Line::Standby } else { Line::Main }),
        None => vec![ignored(field)],
    }
}

/// The keys of an event that name its kind, with the signal that stands for those that say nothing to the agent.
const SIGNALS: &[&str] = &["message_edit", "referral", "optin"];
/// The same for those that say who holds the conversation.
const CONTROL: &[&str] = &["pass_thread_control", "take_thread_control", "request_thread_control"];

fn of_event(event: &Value, own: Own<'_>, line: Line) -> Vec<ChannelEvent> {
    let Some(sender) = id(event, "/sender/id").or_else(|| id(event, "/optin/user_ref")) else {
        return vec![ignored("no_sender")];
    };
    if let Some(message) = event.get("message") {
        return if message.get("is_echo").and_then(Value::as_bool) == Some(true) {
            vec![of_echo(event, message, own)]
        } else {
            of_message(event, message, &sender, line)
        };
    }
    if let Some(delivery) = event.get("delivery") {
        return of_delivery(delivery, &sender);
    }
    if let Some(read) = event.get("read") {
        return vec![of_read(event, read, &sender)];
    }
    if let Some(reaction) = event.get("reaction") {
        let removed = text(reaction, "/action") == Some("unreact");
        let signal = if removed { "reaction_removed" } else { "reaction" };
        return vec![signal_of(event, &sender, signal, id(reaction, "/mid"))];
    }
    if let Some(postback) = event.get("postback") {
        return vec![of_postback(event, postback, &sender, line)];
    }
    if let Some((kind, change)) = CONTROL.iter().find_map(|kind| Some((*kind, event.get(*kind)?))) {
        return vec![signal_of(event, &sender, control(kind, change, own), None)];
    }
    if let Some(signal) = SIGNALS.iter().find(|k| event.get(**k).is_some()) {
        return vec![signal_of(event, &sender, signal, id(event, "/message_edit/mid"))];
    }
    let known = ["sender", "recipient", "timestamp"];
    let kind = event.as_object().and_then(|o| o.keys().find(|k| !known.contains(&k.as_str())));
    let content = Content::Unsupported { provider_kind: kind.map_or("none", String::as_str).to_owned() };
    vec![inbound(event, &sender, made_id("event", event), content, None)]
}

/// What a change of control means to us. Most are told only to the program that they concern, so what names nobody concerns us.
fn control(kind: &'static str, change: &Value, own: Own<'_>) -> &'static str {
    let own_app = own.app.filter(|app| !app.is_empty());
    let is = |pointer: &str, app: Option<&str>| app.is_some() && id(change, pointer).as_deref() == app;
    let nobody = id(change, "/new_owner_app_id").is_none() || own_app.is_none();
    match kind {
        "pass_thread_control" if nobody || is("/new_owner_app_id", own_app) => Content::CONTROL_GAINED,
        // Our own doing: whoever took it says what follows.
        "take_thread_control" if is("/new_owner_app_id", own_app) => kind,
        "request_thread_control" if is("/requested_owner_app_id", own.hands_to) => Content::CONTROL_WANTED,
        "request_thread_control" => kind,
        _ => Content::CONTROL_LOST,
    }
}

fn inbound(event: &Value, peer: &str, id: String, content: Content, reply_to: Option<String>) -> ChannelEvent {
    let understood = !matches!(content, Content::Unsupported { .. } | Content::Signal { .. });
    ChannelEvent::Message(Inbound {
        provider_message_id: id,
        peer: Peer { address: peer.to_owned(), name: None },
        sent_at: time(event, "/timestamp"),
        content,
        reply_to,
        raw: (!understood).then(|| event.to_string()),
    })
}

/// A signal's own id is made from all of it: it names the message that it is about, which has been seen before.
fn signal_of(event: &Value, sender: &str, signal: &str, about: Option<String>) -> ChannelEvent {
    let content = Content::Signal { signal: signal.to_owned() };
    inbound(event, sender, made_id(signal, event), content, about)
}

fn of_message(event: &Value, message: &Value, sender: &str, line: Line) -> Vec<ChannelEvent> {
    if line == Line::Standby {
        return vec![signal_of(event, sender, "standby.message", None)];
    }
    if message.get("is_deleted").and_then(Value::as_bool) == Some(true) {
        return vec![signal_of(event, sender, "deleted", id(message, "/mid"))];
    }
    let mid = id(message, "/mid").unwrap_or_else(|| made_id("message", event));
    let story = || id(message, "/reply_to/story/id").map(|story| format!("story:{story}"));
    let reply_to = id(message, "/reply_to/mid").or_else(story);
    content::of_message(message)
        .into_iter()
        .enumerate()
        // Each further file is a message of its own, recognisable by its place.
        .map(|(i, content)| {
            let id = if i == 0 { mid.clone() } else { format!("{mid}#{i}") };
            inbound(event, sender, id, content, reply_to.clone())
        })
        .collect()
}

/// What the page itself sent. Ours comes back with our delivery's id, and proves that it arrived; another app's is a
/// person's, and silences the agent. Without our app's id nothing can be told apart, and nobody is silenced.
fn of_echo(event: &Value, message: &Value, own: Own<'_>) -> ChannelEvent {
    let Some(peer) = id(event, "/recipient/id") else { return ignored("echo.no_recipient") };
    let mid = id(message, "/mid");
    if let Some(outbox) = text(message, "/metadata").and_then(|m| m.parse::<OutboxId>().ok()) {
        return ChannelEvent::Status(StatusUpdate {
            provider_message_id: mid,
            outbox: Some(outbox),
            peer: Some(peer),
            status: DeliveryStatus::Sent,
            at: time(event, "/timestamp"),
            failure: None,
        });
    }
    let Some(own_app) = own.app.filter(|a| !a.is_empty()) else { return ignored("echo.no_app_id_set") };
    match id(message, "/app_id") {
        Some(app) if app == own_app => return ignored("echo.own"),
        // Instagram names no app in most echoes, ours among them.
        None if own.platform == Platform::Instagram => return ignored("echo.no_app_id"),
        Some(_) | None => {}
    }
    let content = Content::Echo { text: text(message, "/text").map(str::to_owned) };
    inbound(event, &peer, mid.unwrap_or_else(|| made_id("echo", event)), content, None)
}

fn of_postback(event: &Value, postback: &Value, sender: &str, line: Line) -> ChannelEvent {
    if line == Line::Standby {
        return signal_of(event, sender, "standby.postback", None);
    }
    let content = Content::Choice {
        title: text(postback, "/title").unwrap_or_default().to_owned(),
        payload: text(postback, "/payload").unwrap_or_default().to_owned(),
    };
    let id = id(postback, "/mid").unwrap_or_else(|| made_id("postback", event));
    inbound(event, sender, id, content, None)
}

/// Messenger tells up to when everything was read, Instagram which message was seen.
fn of_read(event: &Value, read: &Value, sender: &str) -> ChannelEvent {
    match id(read, "/mid") {
        Some(mid) => status(Some(mid), sender, DeliveryStatus::Read, time(event, "/timestamp")),
        None => status(None, sender, DeliveryStatus::Read, time(read, "/watermark")),
    }
}

/// The messages that are named, and, by the watermark, all that were sent before it.
fn of_delivery(delivery: &Value, sender: &str) -> Vec<ChannelEvent> {
    let at = time(delivery, "/watermark");
    let named = items(delivery, "/mids").iter().filter_map(Value::as_str);
    let mut events: Vec<_> =
        named.map(|mid| status(Some(mid.to_owned()), sender, DeliveryStatus::Delivered, at)).collect();
    if at > Timestamp(0) || events.is_empty() {
        events.push(status(None, sender, DeliveryStatus::Delivered, at));
    }
    events
}

fn status(id: Option<String>, peer: &str, status: DeliveryStatus, at: Timestamp) -> ChannelEvent {
    ChannelEvent::Status(StatusUpdate {
        provider_message_id: id,
        outbox: None,
        peer: Some(peer.to_owned()),
        status,
        at,
        failure: None,
    })
}
