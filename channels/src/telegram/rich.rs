//! What is more than words, as the Bot API shows it.

use crate::markup::{self, Dialect};
use colloquy_domain::{
    channel::Part,
    message::MediaKind,
    rich::{Button, File, Rich},
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
        Rich::Album { apart: true, .. } => {
            let each = rich.each().unwrap_or_default();
            Some(each.iter().flat_map(|one| parts(one, limit).unwrap_or_default()).collect())
        }
        Rich::Album { caption, files, .. } => Some(album(caption.as_deref().unwrap_or_default(), files, limit)),
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

/// What Telegram groups: pictures and videos with each other, documents and music only among themselves.
#[derive(PartialEq, Eq)]
enum Group {
    Visual,
    Documents,
    Music,
    /// Shown alone.
    Alone,
}

const fn group(media: MediaKind) -> Group {
    match media {
        MediaKind::Image | MediaKind::Video | MediaKind::VideoNote => Group::Visual,
        MediaKind::Document => Group::Documents,
        MediaKind::Audio => Group::Music,
        MediaKind::Voice | MediaKind::Sticker => Group::Alone,
    }
}

/// In their order: files that can be grouped are one part, the caption is the first one's.
fn album(caption: &str, files: &[File], limit: usize) -> Vec<Part> {
    let together = |a: &File, b: &File| group(a.media) == group(b.media) && group(a.media) != Group::Alone;
    let mut parts = Vec::new();
    for (n, files) in files.chunk_by(together).enumerate() {
        let rich = match files {
            [File { media, url, name }] => {
                Rich::Media { media: *media, url: url.clone(), caption: None, name: name.clone() }
            }
            several => Rich::Album { caption: None, files: several.to_vec(), apart: false },
        };
        parts.extend(captioned(&rich, if n == 0 { caption } else { "" }, limit));
    }
    parts
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

/// Sends several files at once.
pub(super) const ALBUM: &str = "sendMediaGroup";

const fn group_type(media: MediaKind) -> &'static str {
    match media {
        MediaKind::Image | MediaKind::Sticker => "photo",
        MediaKind::Video | MediaKind::VideoNote => "video",
        MediaKind::Audio | MediaKind::Voice => "audio",
        MediaKind::Document => "document",
    }
}

/// Where the words of a call stand: an album's with its first file.
pub(super) fn place_of_words<'b>(method: &str, body: &'b mut Value) -> &'b mut Value {
    if method == ALBUM { &mut body["media"][0] } else { body }
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
        Some(Rich::Album { files, .. }) => {
            let file = |file: &File| json!({"type": group_type(file.media), "media": file.url});
            (ALBUM, "caption", json!({"media": files.iter().map(file).collect::<Vec<_>>()}))
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
