//! What a Telegram message holds.

use super::decode::Bot;
use crate::lenient::{items, text};
use colloquy_domain::message::{Content, MediaKind};
use serde_json::Value;

/// Keys of a message that hold a file, most telling first: an animation also fills `document`.
const MEDIA: &[(&str, MediaKind)] = &[
    ("animation", MediaKind::Video),
    ("voice", MediaKind::Voice),
    ("audio", MediaKind::Audio),
    ("video", MediaKind::Video),
    ("video_note", MediaKind::VideoNote),
    ("sticker", MediaKind::Sticker),
    ("document", MediaKind::Document),
];

/// Keys that every kind of message may have; the first other one names a kind that is not understood.
const ENVELOPE: &[&str] = &[
    "message_id",
    "message_thread_id",
    "from",
    "sender_chat",
    "date",
    "chat",
    "is_topic_message",
    "reply_to_message",
    "entities",
    "via_bot",
    "edit_date",
    "has_protected_content",
    "author_signature",
    "reply_markup",
    "forward_origin",
    "sender_boost_count",
    "quote",
];

pub(super) fn content(message: &Value, bot: &Bot<'_>) -> Content {
    if let Some(words) = text(message, "/text") {
        return of_words(words, bot);
    }
    if let Some(location) = location(message) {
        return location;
    }
    if let Some(media) = media(message, bot) {
        return media;
    }
    if message.get("migrate_to_chat_id").is_some() || message.get("migrate_from_chat_id").is_some() {
        return Content::Signal { signal: "migrated".to_owned() };
    }
    let kind = message.as_object().and_then(|o| o.keys().find(|k| !ENVELOPE.contains(&k.as_str())));
    Content::Unsupported { provider_kind: kind.map_or("message.empty", String::as_str).to_owned() }
}

fn of_words(words: &str, bot: &Bot<'_>) -> Content {
    match command(words) {
        Some((name, args)) => Content::Command { name: name.to_lowercase(), args: args.to_owned() },
        None => Content::text(without_mention(words, bot)),
    }
}

/// `/name@Bot args` → (`name`, `args`). A path such as `/etc/hosts` is no command.
fn command(words: &str) -> Option<(&str, &str)> {
    let rest = words.trim_start().strip_prefix('/')?;
    let (head, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let name = head.split_once('@').map_or(head, |(name, _)| name);
    let valid = (1..=32).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    valid.then(|| (name, args.trim()))
}

/// Whose command it is: `Some(name)` for `/cmd@name`.
pub(super) fn commanded(words: &str) -> Option<Option<&str>> {
    command(words)?;
    let head = words.split_whitespace().next()?;
    Some(head.split_once('@').map(|(_, bot)| bot))
}

/// Whether the words name the bot, as `@name`.
pub(super) fn mention<'a>(words: &'a str, bot: &Bot<'_>) -> Option<std::ops::Range<usize>> {
    let name = bot.username?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    words.match_indices('@').find_map(|(at, _)| {
        let rest: &'a str = &words[at + 1..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let alone = !words[..at].ends_with(is_name);
        (alone && rest[..end].eq_ignore_ascii_case(name)).then_some(at..at + 1 + end)
    })
}

/// The words without the first mention of the bot, which is how people call it, not what they say.
fn without_mention(words: &str, bot: &Bot<'_>) -> String {
    let Some(range) = mention(words, bot) else { return words.to_owned() };
    let (before, after) = (words[..range.start].trim_end(), words[range.end..].trim_start_matches([' ', ',', ':']));
    let gap = if before.is_empty() || after.is_empty() { "" } else { " " };
    let said = format!("{before}{gap}{after}");
    // Somebody who only calls the bot says that.
    if said.trim().is_empty() { words.to_owned() } else { said }
}

fn media(message: &Value, bot: &Bot<'_>) -> Option<Content> {
    let caption = text(message, "/caption").map(|c| without_mention(c, bot));
    // All sizes of one picture, the largest last.
    if let Some(photo) = items(message, "/photo").last() {
        return Some(Content::Media {
            media: MediaKind::Image,
            caption,
            reference: text(photo, "/file_id").map(str::to_owned),
            mime: None,
            name: None,
        });
    }
    let (key, media) = MEDIA.iter().find(|(key, _)| message.get(*key).is_some_and(Value::is_object))?;
    let file = &message[*key];
    let owned = |pointer: &str| text(file, pointer).map(str::to_owned);
    Some(Content::Media {
        media: *media,
        caption,
        reference: owned("/file_id"),
        mime: owned("/mime_type"),
        name: owned("/file_name"),
    })
}

fn location(message: &Value) -> Option<Content> {
    let number = |pointer: &str| message.pointer(pointer).and_then(Value::as_f64);
    Some(Content::Location {
        latitude: number("/location/latitude")?,
        longitude: number("/location/longitude")?,
        name: text(message, "/venue/title").map(str::to_owned),
    })
}
