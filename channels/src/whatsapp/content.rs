//! What a message of the Cloud API holds.

use crate::lenient::{id, text};
use colloquy_domain::message::{Content, MediaKind};
use serde_json::Value;

pub(super) fn content(message: &Value) -> Content {
    let kind = text(message, "/type").unwrap_or("none");
    let unsupported = || Content::Unsupported { provider_kind: kind.to_owned() };
    match kind {
        "text" => text(message, "/text/body").map_or_else(unsupported, Content::text),
        "image" => media(message, kind, MediaKind::Image),
        "video" => media(message, kind, MediaKind::Video),
        "audio" if message.pointer("/audio/voice").and_then(Value::as_bool) == Some(true) => {
            media(message, kind, MediaKind::Voice)
        }
        "audio" => media(message, kind, MediaKind::Audio),
        "voice" => media(message, kind, MediaKind::Voice),
        "document" => media(message, kind, MediaKind::Document),
        "sticker" => media(message, kind, MediaKind::Sticker),
        "location" => location(message).unwrap_or_else(unsupported),
        "interactive" => interactive(message),
        "button" => choice(text(message, "/button/text"), text(message, "/button/payload")),
        "reaction" => signal(if text(message, "/reaction/emoji").is_some() { "reaction" } else { "reaction_removed" }),
        "edit" | "revoke" => signal(kind),
        "system" => signal(text(message, "/system/type").unwrap_or("system")),
        _ => unsupported(),
    }
}

fn signal(signal: &str) -> Content {
    Content::Signal { signal: signal.to_owned() }
}

fn choice(title: Option<&str>, payload: Option<&str>) -> Content {
    match (title, payload) {
        (None, None) => Content::Unsupported { provider_kind: "choice.empty".to_owned() },
        (title, payload) => Content::Choice {
            title: title.unwrap_or_default().to_owned(),
            payload: payload.unwrap_or_default().to_owned(),
        },
    }
}

fn media(message: &Value, kind: &str, media: MediaKind) -> Content {
    let part = message.get(kind).unwrap_or(&Value::Null);
    let owned = |pointer: &str| text(part, pointer).map(str::to_owned);
    Content::Media {
        media,
        caption: owned("/caption"),
        reference: id(part, "/id"),
        mime: owned("/mime_type"),
        name: owned("/filename"),
    }
}

fn location(message: &Value) -> Option<Content> {
    let number = |pointer: &str| message.pointer(pointer).and_then(Value::as_f64);
    Some(Content::Location {
        latitude: number("/location/latitude")?,
        longitude: number("/location/longitude")?,
        name: text(message, "/location/name").or_else(|| text(message, "/location/address")).map(str::to_owned),
    })
}

fn interactive(message: &Value) -> Content {
    let part = message.get("interactive").unwrap_or(&Value::Null);
    let at = |pointer: &str| text(part, pointer);
    match text(part, "/type") {
        Some("button_reply") => choice(at("/button_reply/title"), at("/button_reply/id")),
        Some("list_reply") => choice(at("/list_reply/title"), at("/list_reply/id")),
        Some("nfm_reply") => form(part),
        // Permission to be called, given or refused: nothing is said to the agent.
        Some("call_permission_reply") => signal("call_permission_reply"),
        Some(other) => Content::Unsupported { provider_kind: format!("interactive.{other}") },
        None => Content::Unsupported { provider_kind: "interactive".to_owned() },
    }
}

/// A completed form. Its answers are what the person says, so they are the words; its title ("Sent") is not, unless
/// there are no answers to read.
fn form(part: &Value) -> Content {
    let answers = text(part, "/nfm_reply/response_json");
    let title = text(part, "/nfm_reply/body").or_else(|| text(part, "/nfm_reply/name"));
    choice(if answers.is_some() { None } else { title }, answers)
}
