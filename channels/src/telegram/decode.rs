//! From an update to an event.

use super::content::{commanded, content, mention};
use crate::lenient::{id, items, text, time};
use colloquy_domain::{
    channel::ChannelEvent,
    message::{Content, Inbound, Peer},
    time::Timestamp,
};
use serde_json::Value;

/// Who we are, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bot<'a> {
    pub id: Option<&'a str>,
    /// Without the `@`. Unknown, mentions in groups cannot be seen.
    pub username: Option<&'a str>,
}

/// What is said in a group to others.
pub(super) const NOT_ADDRESSED: &str = "message.not_addressed";

fn ignored(kind: impl Into<String>) -> ChannelEvent {
    ChannelEvent::Ignored { kind: kind.into() }
}

/// Chat and album of a piece that came in a group.
pub(super) fn album(update: &Value) -> Option<String> {
    let message = update.get("message").filter(|message| is_group(message))?;
    Some(format!("{}/{}", id(message, "/chat/id")?, id(message, "/media_group_id")?))
}

/// As [`event`], of a message that is meant for the bot whatever it says.
pub(super) fn heard(update: &Value, bot: &Bot<'_>) -> ChannelEvent {
    match (id(update, "/update_id"), update.get("message")) {
        (Some(update_id), Some(message)) => of_message(update_id, message, bot, true),
        _ => event(update, bot),
    }
}

pub(super) fn event(update: &Value, bot: &Bot<'_>) -> ChannelEvent {
    let Some(update_id) = id(update, "/update_id") else { return ignored("no_update_id") };
    let Some((kind, value)) = update.as_object().and_then(|o| o.iter().find(|(k, _)| *k != "update_id")) else {
        return ignored("empty_update");
    };
    match kind.as_str() {
        "message" => of_message(update_id, value, bot, false),
        "edited_message" => of_edit(update_id, value, bot),
        "callback_query" => of_callback(&update_id, value),
        "my_chat_member" => of_membership(update_id, value),
        // A bot in a channel is there to post, not to answer the channel's own posts.
        "channel_post" | "edited_channel_post" => ignored(kind.as_str()),
        _ => of_unknown(update_id, kind, value),
    }
}

/// Chat id, and `/topic` for a message in a topic of a forum.
fn address(chat: &Value, message: &Value) -> Option<String> {
    let chat = id(chat, "/id")?;
    let topic = message.get("is_topic_message").and_then(Value::as_bool).unwrap_or(false);
    match id(message, "/message_thread_id").filter(|_| topic) {
        Some(thread) => Some(format!("{chat}/{thread}")),
        None => Some(chat),
    }
}

fn peer(message: &Value) -> Option<Peer> {
    let chat = message.get("chat")?;
    let name = text(chat, "/title").map(str::to_owned).or_else(|| {
        let parts: Vec<&str> = ["/first_name", "/last_name"].iter().filter_map(|p| text(chat, p)).collect();
        if parts.is_empty() { text(chat, "/username").map(str::to_owned) } else { Some(parts.join(" ")) }
    });
    Some(Peer { address: address(chat, message)?, name })
}

fn is_group(message: &Value) -> bool {
    matches!(text(message, "/chat/type"), Some("group" | "supergroup"))
}

/// Whether a message in a group is meant for the bot: a command, a mention, or an answer to what it said.
fn is_addressed(message: &Value, bot: &Bot<'_>) -> bool {
    let words = text(message, "/text").or_else(|| text(message, "/caption")).unwrap_or_default();
    if let Some(whose) = commanded(words) {
        return whose.is_none_or(|name| bot.username.is_none_or(|own| name.eq_ignore_ascii_case(own)));
    }
    let replied_to = id(message, "/reply_to_message/from/id");
    let by_reply = bot.id.is_some() && replied_to.as_deref() == bot.id;
    let entities = items(message, "/entities").iter().chain(items(message, "/caption_entities"));
    // People without a user name are mentioned by their id.
    let by_id = entities.filter_map(|e| id(e, "/user/id")).any(|user| Some(user.as_str()) == bot.id);
    by_reply || by_id || mention(words, bot).is_some()
}

fn of_message(update_id: String, message: &Value, bot: &Bot<'_>, heard: bool) -> ChannelEvent {
    let Some(peer) = peer(message) else { return ignored("message.no_chat") };
    // Two bots that answer each other never stop; an anonymous administrator is shown as a bot, but is none.
    let by_bot = message.pointer("/from/is_bot").and_then(Value::as_bool).unwrap_or(false);
    if by_bot && message.get("sender_chat").is_none() {
        return ignored("message.by_bot");
    }
    let content = content(message, bot);
    let is_signal = matches!(content, Content::Signal { .. });
    if is_group(message) && !is_signal && !heard && !is_addressed(message, bot) {
        return ignored(NOT_ADDRESSED);
    }
    let reply_to = id(message, "/reply_to_message/message_id").map(|m| sent_id(&peer.address, &m));
    inbound(update_id, peer, time(message, "/date"), content, reply_to, message)
}

fn of_edit(update_id: String, message: &Value, bot: &Bot<'_>) -> ChannelEvent {
    let Some(peer) = peer(message) else { return ignored("edited_message.no_chat") };
    if is_group(message) && !is_addressed(message, bot) {
        return ignored(NOT_ADDRESSED);
    }
    let about = id(message, "/message_id").map(|m| sent_id(&peer.address, &m));
    let content = Content::Signal { signal: "edit".to_owned() };
    inbound(update_id, peer, time(message, "/edit_date"), content, about, message)
}

fn inbound(
    id: String,
    peer: Peer,
    sent_at: Timestamp,
    content: Content,
    reply_to: Option<String>,
    fragment: &Value,
) -> ChannelEvent {
    let understood = !matches!(content, Content::Unsupported { .. } | Content::Signal { .. });
    let raw = (!understood).then(|| fragment.to_string());
    ChannelEvent::Message(Inbound { provider_message_id: id, peer, sent_at, content, reply_to, raw })
}

/// A pressed button. The id of the query is part of the message's id, so that the press can be answered later by
/// whoever knows only the message (see [`callback_of`]). Telegram gives a press no time.
fn of_callback(update_id: &str, query: &Value) -> ChannelEvent {
    let message = query.get("message").unwrap_or(&Value::Null);
    // Without a message (an inline one) the person's own chat is the only place to answer.
    let peer = peer(message).or_else(|| {
        let name = text(query, "/from/first_name").map(str::to_owned);
        Some(Peer { address: id(query, "/from/id")?, name })
    });
    let (Some(peer), Some(query_id)) = (peer, id(query, "/id")) else { return ignored("callback_query.no_chat") };
    let payload = text(query, "/data").or_else(|| text(query, "/game_short_name")).unwrap_or_default();
    let content = Content::Choice { title: pressed(message, payload).to_owned(), payload: payload.to_owned() };
    let reply_to = id(message, "/message_id").map(|m| sent_id(&peer.address, &m));
    inbound(format!("{update_id}:{query_id}"), peer, Timestamp::default(), content, reply_to, query)
}

/// The callback query that a message's id stands for, if it is a pressed button.
pub(super) fn callback_of(provider_message_id: &str) -> Option<&str> {
    provider_message_id.split_once(':').map(|(_, query)| query).filter(|q| !q.is_empty())
}

/// What stands on the button.
fn pressed<'a>(message: &'a Value, payload: &str) -> &'a str {
    let rows = items(message, "/reply_markup/inline_keyboard").iter().filter_map(Value::as_array);
    rows.flatten()
        .find(|button| text(button, "/callback_data") == Some(payload))
        .and_then(|button| text(button, "/text"))
        .unwrap_or_default()
}

fn of_membership(update_id: String, change: &Value) -> ChannelEvent {
    let Some(peer) = peer(change) else { return ignored("my_chat_member.no_chat") };
    let status = text(change, "/new_chat_member/status").unwrap_or("unknown");
    let signal = match (is_group(change), status) {
        (false, "kicked") => "blocked".to_owned(),
        (false, "member") => "unblocked".to_owned(),
        (_, status) => format!("membership.{status}"),
    };
    inbound(update_id, peer, time(change, "/date"), Content::Signal { signal }, None, change)
}

/// A kind that this version does not know is kept if there is a chat that it belongs to.
fn of_unknown(update_id: String, kind: &str, value: &Value) -> ChannelEvent {
    let place = peer(value).map(|p| (p, value)).or_else(|| {
        let message = value.get("message")?;
        Some((peer(message)?, message))
    });
    let Some((peer, message)) = place else { return ignored(kind) };
    let content = match kind {
        "message_reaction" => Content::Signal { signal: "reaction".to_owned() },
        other => Content::Unsupported { provider_kind: other.to_owned() },
    };
    inbound(update_id, peer, time(message, "/date"), content, None, value)
}

/// How sent messages are named: message ids are counted in each chat for itself.
pub(super) fn sent_id(address: &str, message_id: &str) -> String {
    let chat = address.split_once('/').map_or(address, |(chat, _)| chat);
    format!("{chat}:{message_id}")
}
