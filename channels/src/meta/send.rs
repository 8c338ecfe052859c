//! What the Send API of the Messenger platform is told, for both of its faces.

use super::{Class, GraphError, Platform, WINDOW};
use crate::markup::{self, Dialect};
use colloquy_domain::{
    channel::{Delivery, Part, SendError},
    failure::Failure,
    message::MediaKind,
    rich::{Button, Rich},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Quick replies of a message, and characters of a title.
const QUICK_REPLIES: usize = 13;
const TITLE: usize = 20;
/// Characters of a payload.
const PAYLOAD: usize = 1000;
/// Buttons of a card, and characters of its lines.
const CARD_BUTTONS: usize = 3;
const CARD_LINE: usize = 80;
/// How long a person's words may be sent with the tag for them.
const HUMAN_AGENT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Another program has the conversation.
pub(crate) const HELD_ELSEWHERE: &str = "held_elsewhere";

/// What the error codes of the platform mean for a message.
pub(crate) fn classify(error: &GraphError) -> Class {
    let Some(code) = error.code else { return error.class_by_status() };
    match (code, error.subcode) {
        (10, Some(2_018_278 | 2_534_022)) => Class::Reject("window_closed"),
        // Of one conversation, not of the account.
        (10, Some(2_018_300)) => Class::Reject(HELD_ELSEWHERE),
        // One person who blocked the account must not stop it for everybody.
        (551, _) | (100, Some(2_018_001 | 2_534_014)) | (_, Some(1_545_041)) => Class::Reject("recipient"),
        (100, _) => Class::Reject("payload"),
        (4 | 32 | 613, _) => Class::Retry("rate_limited"),
        (2 | 1200, _) => Class::Retry("unavailable"),
        (10 | 190 | 200..=299, _) => Class::AccountDown("unauthorized"),
        (368, _) => Class::AccountDown("account_restricted"),
        _ => error.class_by_status(),
    }
}

/// Under which heading the part may leave now: as a response, or, for a person's words where the account may, with the
/// tag for them. Judged when it is sent, because queues take time.
pub(crate) fn tagged(channel: &str, delivery: &Delivery<'_>) -> Result<Value, SendError> {
    let age = delivery.now.since(delivery.last_inbound_at);
    if age <= WINDOW {
        return Ok(json!({"messaging_type": "RESPONSE"}));
    }
    let tag = delivery.by_person && delivery.account.setting("human_agent") == Some("true");
    if tag && age <= HUMAN_AGENT {
        return Ok(json!({"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}));
    }
    let why = if tag {
        "the person's last message is more than 7 days old"
    } else {
        "the person's last message is more than 24 hours old"
    };
    Err(SendError::Refused(Failure::reject(format!("{channel}.window_closed"), why)))
}

/// How long a person of the team may write.
pub(crate) fn person_window(account: &colloquy_domain::channel::ChannelAccount) -> Duration {
    if account.setting("human_agent") == Some("true") { HUMAN_AGENT } else { WINDOW }
}

/// The parts of what is more than words, if the platform can show it.
pub(crate) fn parts(rich: &Rich, platform: Platform, dialect: Dialect, limit: usize) -> Option<Vec<Part>> {
    match rich {
        Rich::Media { media, caption, .. } => {
            attachment(*media, platform)?;
            let mut parts = vec![Part { rich: Some(rich.clone()), ..Part::words(String::new(), String::new()) }];
            parts.extend(markup::render(caption.as_deref().unwrap_or_default(), &[], dialect, limit));
            Some(parts)
        }
        Rich::Buttons { text, buttons } => {
            let fits = fit(buttons.iter().map(|b| (b.id.as_str(), b.title.as_str())), QUICK_REPLIES);
            fits.then(|| markup::with_rich(text, rich, dialect, limit))?
        }
        Rich::List { text, rows, .. } => {
            let plain = rows.iter().all(|r| r.description.is_none());
            let fits = plain && fit(rows.iter().map(|r| (r.id.as_str(), r.title.as_str())), QUICK_REPLIES);
            fits.then(|| markup::with_rich(text, rich, dialect, limit))?
        }
        Rich::Card { title, text, image, link, buttons } => {
            let plain = markup::render(text.as_deref().unwrap_or_default(), &[], dialect, limit);
            let short = title.chars().count() <= CARD_LINE
                && plain.len() <= 1
                && plain.iter().all(|p| p.text.chars().count() <= CARD_LINE);
            let more = image.is_some() || link.is_some() || !buttons.is_empty() || text.is_some();
            let fits = fit(buttons.iter().map(|b| (b.id.as_str(), b.title.as_str())), CARD_BUTTONS);
            let words = plain.into_iter().next().unwrap_or_else(|| Part::words(String::new(), String::new()));
            (short && more && fits).then(|| vec![Part { rich: Some(rich.clone()), ..words }])
        }
        Rich::Album { .. } => None,
    }
}

fn fit<'a>(mut choices: impl ExactSizeIterator<Item = (&'a str, &'a str)>, most: usize) -> bool {
    choices.len() <= most
        && choices.all(|(id, title)| title.chars().count() <= TITLE && id.chars().count() <= PAYLOAD && !id.is_empty())
}

/// What a file is called, where it can be sent.
const fn attachment(media: MediaKind, platform: Platform) -> Option<&'static str> {
    match (media, platform) {
        (MediaKind::Image | MediaKind::Sticker, _) => Some("image"),
        (MediaKind::Video | MediaKind::VideoNote, _) => Some("video"),
        (MediaKind::Audio | MediaKind::Voice, _) => Some("audio"),
        (MediaKind::Document, Platform::Page) => Some("file"),
        (MediaKind::Document, Platform::Instagram) => None,
    }
}

/// The `message` of a request. `metadata` comes back in the message's echo, and tells which delivery it was even if its
/// answer got lost.
pub(crate) fn compose(delivery: &Delivery<'_>, platform: Platform) -> Value {
    let text = &delivery.part.text;
    let mut message = match &delivery.part.rich {
        Some(Rich::Media { media, url, .. }) => {
            let kind = attachment(*media, platform).unwrap_or("file");
            json!({"attachment": {"type": kind, "payload": {"url": url}}})
        }
        Some(Rich::Buttons { buttons, .. }) => {
            let replies: Vec<Value> = buttons.iter().map(|b| quick_reply(&b.id, &b.title)).collect();
            json!({"text": text, "quick_replies": replies})
        }
        Some(Rich::List { rows, .. }) => {
            let replies: Vec<Value> = rows.iter().map(|r| quick_reply(&r.id, &r.title)).collect();
            json!({"text": text, "quick_replies": replies})
        }
        Some(Rich::Card { title, image, link, buttons, .. }) => {
            let element = card(title, text, image.as_deref(), link.as_deref(), buttons);
            json!({"attachment": {"type": "template", "payload": {"template_type": "generic", "elements": [element]}}})
        }
        // Its files are messages of their own.
        None | Some(Rich::Album { .. }) => json!({"text": text}),
    };
    message["metadata"] = json!(delivery.outbox.to_string());
    message
}

fn quick_reply(id: &str, title: &str) -> Value {
    json!({"content_type": "text", "title": title, "payload": id})
}

fn card(title: &str, text: &str, image: Option<&str>, link: Option<&str>, buttons: &[Button]) -> Value {
    let mut element = json!({"title": title});
    if !text.is_empty() {
        element["subtitle"] = json!(text);
    }
    if let Some(image) = image {
        element["image_url"] = json!(image);
    }
    if let Some(link) = link {
        element["default_action"] = json!({"type": "web_url", "url": link});
    }
    let postback = |b: &Button| json!({"type": "postback", "title": b.title, "payload": b.id});
    let buttons: Vec<Value> = buttons.iter().map(postback).collect();
    if !buttons.is_empty() {
        element["buttons"] = json!(buttons);
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_class() {
        let class = |code: i64, subcode: Option<i64>| {
            classify(&GraphError { status: 400, code: Some(code), subcode, ..GraphError::default() })
        };
        for code in [1200, 2, 4, 613, 32] {
            assert!(matches!(class(code, None), Class::Retry(_)), "{code}");
        }
        assert_eq!(class(10, Some(2_018_278)), Class::Reject("window_closed"));
        assert_eq!(class(10, Some(2_534_022)), Class::Reject("window_closed"));
        assert_eq!(class(10, Some(2_018_300)), Class::Reject("held_elsewhere"));
        assert_eq!(class(10, None), Class::AccountDown("unauthorized"));
        assert_eq!(class(551, Some(1_545_041)), Class::Reject("recipient"));
        assert_eq!(class(200, Some(1_545_041)), Class::Reject("recipient"));
        assert_eq!(class(100, Some(2_018_001)), Class::Reject("recipient"));
        assert_eq!(class(100, None), Class::Reject("payload"));
        for code in [190, 200, 368] {
            assert!(matches!(class(code, None), Class::AccountDown(_)), "{code}");
        }
        assert_eq!(class(424_242, None), Class::Reject("refused"));
    }
}
