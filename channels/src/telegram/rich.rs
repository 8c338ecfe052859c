//! What is more than words, as the Bot API shows it.

use crate::markup::{self, Dialect};
use colloquy_domain::{
    channel::Part,
    message::MediaKind,
    rich::{Button, Rich},
};
use serde_json::{Value, json};

/// UTF-16 units of a caption, and bytes of what comes back from a button.
const CAPTION: usize = 1024;
const CALLBACK: usize = 64;
/// Buttons below one message.
const BUTTONS: usize = 100;

fn fits<'a>(mut ids: impl ExactSizeIterator<Item = &'a str>) -> bool {
    ids.len() <= BUTTONS && ids.all(|id| (1..=CALLBACK).contains(&id.len()))
}

/// The parts, if Telegram can show it; `limit` is that of a text.
pub(super) fn parts(rich: &Rich, limit: usize) -> Option<Vec<Part>> {
    let html = Dialect::TelegramHtml;
    match rich {
        Rich::Media { caption, .. } => Some(captioned(rich, caption.as_deref().unwrap_or_default(), limit)),
        Rich::Buttons { text, buttons } => {
            fits(buttons.iter().map(|b| b.id.as_str())).then(|| markup::with_rich(text, rich, html, limit))?
        }
        Rich::List { text, rows, .. } => {
            fits(rows.iter().map(|r| r.id.as_str())).then(|| markup::with_rich(text, rich, html, limit))?
        }
        Rich::Card { title, text, image, buttons, .. } => {
            if !fits(buttons.iter().map(|b| b.id.as_str())) {
                return None;
            }
            let bare =
                |image, buttons| Rich::Card { title: title.clone(), text: text.clone(), image, link: None, buttons };
            let words = bare(None, Vec::new()).words();
            match image {
                Some(_) => Some(captioned(rich, &words, limit)),
                None => markup::with_rich(&words, rich, html, limit),
            }
        }
    }
}

/// Words that are too long for a caption come before what they belong to.
fn captioned(rich: &Rich, words: &str, limit: usize) -> Vec<Part> {
    let mut short = markup::render(words, &[], Dialect::TelegramHtml, CAPTION);
    if short.len() == 1 {
        short[0].rich = Some(rich.clone());
        return short;
    }
    let mut parts = markup::render(words, &[], Dialect::TelegramHtml, limit);
    parts.push(Part { rich: Some(rich.clone()), ..Part::words(String::new(), String::new()) });
    parts
}

/// The method that sends the part, the field that holds its words, and what it is told beside them.
pub(super) fn call(part: &Part) -> (&'static str, &'static str, Value) {
    match &part.rich {
        None => ("sendMessage", "text", json!({})),
        Some(Rich::Media { media, url, .. }) => {
            let (method, field) = match media {
                MediaKind::Image => ("sendPhoto", "photo"),
                MediaKind::Video | MediaKind::VideoNote => ("sendVideo", "video"),
                MediaKind::Audio => ("sendAudio", "audio"),
                MediaKind::Voice => ("sendVoice", "voice"),
                MediaKind::Document => ("sendDocument", "document"),
                MediaKind::Sticker => ("sendSticker", "sticker"),
            };
            (method, "caption", json!({field: url}))
        }
        Some(Rich::Buttons { buttons, .. }) => ("sendMessage", "text", keyboard(answers(buttons))),
        Some(Rich::List { rows, .. }) => {
            let row = |r: &colloquy_domain::rich::Row| {
                let title = match &r.description {
                    Some(description) => format!("{} – {description}", r.title),
                    None => r.title.clone(),
                };
                json!([{"text": title, "callback_data": r.id}])
            };
            ("sendMessage", "text", keyboard(rows.iter().map(row).collect()))
        }
        Some(Rich::Card { title, image, link, buttons, .. }) => {
            let mut rows = answers(buttons);
            if let Some(link) = link {
                rows.insert(0, json!([{"text": title, "url": link}]));
            }
            let mut fields = if rows.is_empty() { json!({}) } else { keyboard(rows) };
            match image {
                Some(image) => {
                    fields["photo"] = json!(image);
                    ("sendPhoto", "caption", fields)
                }
                None => ("sendMessage", "text", fields),
            }
        }
    }
}

fn answers(buttons: &[Button]) -> Vec<Value> {
    buttons.iter().map(|b| json!([{"text": b.title, "callback_data": b.id}])).collect()
}

fn keyboard(rows: Vec<Value>) -> Value {
    json!({"reply_markup": {"inline_keyboard": rows}})
}
