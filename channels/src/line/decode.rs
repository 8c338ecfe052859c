//! From a webhook's events to ours.

use crate::lenient::{id, items, made_id, text, time};
use colloquy_domain::{
    channel::ChannelEvent,
    message::{Content, Inbound, MediaKind, Peer},
};
use serde_json::Value;

pub(super) fn events(payload: &Value) -> Vec<ChannelEvent> {
    // The console's button "Verify" sends none.
    items(payload, "/events").iter().map(of_event).collect()
}

fn ignored(kind: impl Into<String>) -> ChannelEvent {
    ChannelEvent::Ignored { kind: kind.into() }
}

fn of_event(event: &Value) -> ChannelEvent {
    let kind = text(event, "/type").unwrap_or("none");
    // On standby another module answers.
    if text(event, "/mode") == Some("standby") {
        return ignored(format!("standby.{kind}"));
    }
    let Some(address) = id(event, "/source/userId") else { return ignored("no_sender") };
    if text(event, "/source/type") != Some("user") {
        return ignored("group_message");
    }
    let signal = |signal: &str| Content::Signal { signal: signal.to_owned() };
    let content = match kind {
        "message" => of_message(event),
        "postback" => Content::Choice {
            title: String::new(),
            payload: text(event, "/postback/data").unwrap_or_default().to_owned(),
        },
        "unfollow" => signal(Content::OPT_OUT),
        "follow" => signal(Content::OPT_IN),
        "unsend" => signal("revoke"),
        other => Content::Unsupported { provider_kind: other.to_owned() },
    };
    let understood = !matches!(content, Content::Unsupported { .. } | Content::Signal { .. });
    ChannelEvent::Message(Inbound {
        provider_message_id: id(event, "/webhookEventId").unwrap_or_else(|| made_id("line", event)),
        peer: Peer { address, name: None },
        sent_at: time(event, "/timestamp"),
        reply_to: id(event, "/message/quotedMessageId").or_else(|| id(event, "/unsend/messageId")),
        raw: (!understood).then(|| event.to_string()),
        content,
    })
}

fn of_message(event: &Value) -> Content {
    let kind = text(event, "/message/type").unwrap_or("none");
    let unsupported = || Content::Unsupported { provider_kind: kind.to_owned() };
    let media = match kind {
        "text" => return text(event, "/message/text").map_or_else(unsupported, Content::text),
        "location" => return location(event).unwrap_or_else(unsupported),
        "image" => MediaKind::Image,
        "video" => MediaKind::Video,
        "audio" => MediaKind::Voice,
        "file" => MediaKind::Document,
        "sticker" => MediaKind::Sticker,
        _ => return unsupported(),
    };
    // A sticker is a picture of LINE's own: there is no file to bring.
    let reference = id(event, "/message/id").filter(|_| media != MediaKind::Sticker);
    let name = text(event, "/message/fileName").map(str::to_owned);
    Content::Media { media, caption: None, reference, mime: None, name }
}

fn location(event: &Value) -> Option<Content> {
    let number = |pointer: &str| event.pointer(pointer).and_then(Value::as_f64);
    Some(Content::Location {
        latitude: number("/message/latitude")?,
        longitude: number("/message/longitude")?,
        name: text(event, "/message/title").or_else(|| text(event, "/message/address")).map(str::to_owned),
    })
}
