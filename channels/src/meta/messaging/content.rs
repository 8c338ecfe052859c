//! What a message of the Messenger platform holds.

use crate::lenient::{items, text};
use colloquy_domain::message::{Content, MediaKind};
use serde_json::Value;

/// One content for each file; the words go with the first.
pub(super) fn of_message(message: &Value) -> Vec<Content> {
    let words = text(message, "/text");
    if message.get("is_unsupported").and_then(Value::as_bool) == Some(true) && words.is_none() {
        return vec![Content::Unsupported { provider_kind: "message.unsupported".to_owned() }];
    }
    if let Some(payload) = text(message, "/quick_reply/payload") {
        return vec![Content::Choice { title: words.unwrap_or_default().to_owned(), payload: payload.to_owned() }];
    }
    let mut contents: Vec<Content> =
        items(message, "/attachments").iter().filter_map(|a| attachment(a, words)).collect();
    if let Some(words) = words {
        if let Some(Content::Media { caption, .. }) = contents.first_mut() {
            *caption = Some(words.to_owned());
        } else {
            contents.insert(0, Content::text(words));
        }
    }
    if contents.is_empty() {
        contents.push(Content::Unsupported { provider_kind: "message.empty".to_owned() });
    }
    contents
}

fn attachment(attachment: &Value, words: Option<&str>) -> Option<Content> {
    let kind = text(attachment, "/type").unwrap_or("none");
    let media = match kind {
        "image" if attachment.pointer("/payload/sticker_id").is_some() => MediaKind::Sticker,
        "image" => MediaKind::Image,
        "video" => MediaKind::Video,
        "audio" => MediaKind::Audio,
        "file" => MediaKind::Document,
        "sticker" | "like_heart" => MediaKind::Sticker,
        "share" | "ig_post" => MediaKind::Image,
        "ig_reel" => MediaKind::Video,
        // Somebody named the account in a story of their own: told to everybody, asked of nobody.
        "story_mention" => return Some(Content::Signal { signal: kind.to_owned() }),
        "location" => return Some(location(attachment)),
        // The preview of an address that the words hold already.
        "fallback" if words.is_some() => return None,
        other => return Some(Content::Unsupported { provider_kind: format!("attachment.{other}") }),
    };
    Some(Content::Media {
        media,
        caption: None,
        reference: text(attachment, "/payload/url").map(str::to_owned),
        mime: None,
        name: text(attachment, "/payload/name").or_else(|| text(attachment, "/payload/title")).map(str::to_owned),
    })
}

fn location(attachment: &Value) -> Content {
    let number = |pointer: &str| attachment.pointer(pointer).and_then(Value::as_f64);
    match (number("/payload/coordinates/lat"), number("/payload/coordinates/long")) {
        (Some(latitude), Some(longitude)) => {
            Content::Location { latitude, longitude, name: text(attachment, "/title").map(str::to_owned) }
        }
        _ => Content::Unsupported { provider_kind: "attachment.location".to_owned() },
    }
}
