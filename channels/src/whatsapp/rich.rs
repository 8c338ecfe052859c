//! What is more than words, as the Cloud API shows it.

use crate::markup::{self, Dialect};
use colloquy_domain::{
    channel::Part,
    message::MediaKind,
    rich::{Button, Rich},
};
use serde_json::{Value, json};

/// Characters of the words of what can be chosen from, and of a caption.
const BODY: usize = 1024;
const BUTTONS: usize = 3;
const BUTTON_TITLE: usize = 20;
const BUTTON_ID: usize = 256;
const ROWS: usize = 10;
const ROW_TITLE: usize = 24;
const ROW_DESCRIPTION: usize = 72;
const ROW_ID: usize = 200;

fn fits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count())
}

fn buttons_fit(buttons: &[Button]) -> bool {
    let fit = |b: &Button| fits(&b.title, BUTTON_TITLE) && fits(&b.id, BUTTON_ID);
    (1..=BUTTONS).contains(&buttons.len()) && buttons.iter().all(fit)
}

/// The parts, if WhatsApp can show it; `limit` is that of a text.
pub(super) fn parts(rich: &Rich, limit: usize) -> Option<Vec<Part>> {
    match rich {
        Rich::Media { media, caption, .. } => Some(file(rich, *media, caption.as_deref(), limit)),
        Rich::Buttons { text, buttons } if buttons_fit(buttons) => {
            markup::with_rich(text, rich, Dialect::WhatsApp, BODY)
        }
        Rich::List { text, open, rows } => {
            let described = |d: &Option<String>| d.as_ref().is_none_or(|d| fits(d, ROW_DESCRIPTION));
            let fit = (1..=ROWS).contains(&rows.len())
                && fits(open, BUTTON_TITLE)
                && rows.iter().all(|r| fits(&r.title, ROW_TITLE) && fits(&r.id, ROW_ID) && described(&r.description));
            fit.then(|| markup::with_rich(text, rich, Dialect::WhatsApp, BODY))?
        }
        Rich::Card { title, text, link, buttons, .. } => {
            // A button with an address and buttons for answers exclude each other.
            let fit = if link.is_some() { buttons.is_empty() } else { buttons_fit(buttons) };
            let words =
                Rich::Card { title: title.clone(), text: text.clone(), image: None, link: None, buttons: Vec::new() };
            fit.then(|| markup::with_rich(&words.words(), rich, Dialect::WhatsApp, BODY))?
        }
        Rich::Buttons { .. } | Rich::Album { .. } => None,
    }
}

/// A caption that is too long for one, or that the kind has none of, follows as a text.
fn file(rich: &Rich, media: MediaKind, caption: Option<&str>, limit: usize) -> Vec<Part> {
    let caption = caption.unwrap_or_default();
    let with_words = matches!(media, MediaKind::Image | MediaKind::Video | MediaKind::Document);
    let mut short = markup::render(caption, &[], Dialect::WhatsApp, BODY);
    if with_words && short.len() == 1 {
        short[0].rich = Some(rich.clone());
        return short;
    }
    let mut parts = vec![Part { rich: Some(rich.clone()), ..Part::words(String::new(), String::new()) }];
    parts.extend(markup::render(caption, &[], Dialect::WhatsApp, limit));
    parts
}

/// The type of the message, and what stands under its name.
pub(super) fn content(part: &Part) -> (&'static str, Value) {
    let text = &part.text;
    match &part.rich {
        // The files of an album are messages of their own.
        None | Some(Rich::Album { .. }) => ("text", json!({"body": text, "preview_url": false})),
        Some(Rich::Media { media, url, name, .. }) => {
            let kind = match media {
                MediaKind::Sticker => "sticker",
                other => other.file_kind(),
            };
            let mut file = json!({"link": url});
            if !text.is_empty() {
                file["caption"] = json!(text);
            }
            if let (MediaKind::Document, Some(name)) = (media, name) {
                file["filename"] = json!(name);
            }
            (kind, file)
        }
        Some(Rich::Buttons { buttons, .. }) => ("interactive", answers(text, buttons)),
        Some(Rich::List { open, rows, .. }) => {
            let row = |r: &colloquy_domain::rich::Row| {
                let mut row = json!({"id": r.id, "title": r.title});
                if let Some(description) = &r.description {
                    row["description"] = json!(description);
                }
                row
            };
            let rows: Vec<Value> = rows.iter().map(row).collect();
            let action = json!({"button": open, "sections": [{"rows": rows}]});
            ("interactive", json!({"type": "list", "body": {"text": text}, "action": action}))
        }
        Some(Rich::Card { image, link, buttons, .. }) => {
            let mut card = match link {
                Some(link) => {
                    let parameters = json!({"display_text": host(link), "url": link});
                    let action = json!({"name": "cta_url", "parameters": parameters});
                    json!({"type": "cta_url", "body": {"text": text}, "action": action})
                }
                None => answers(text, buttons),
            };
            if let Some(image) = image {
                card["header"] = json!({"type": "image", "image": {"link": image}});
            }
            ("interactive", card)
        }
    }
}

fn answers(text: &str, buttons: &[Button]) -> Value {
    let button = |b: &Button| json!({"type": "reply", "reply": {"id": b.id, "title": b.title}});
    let buttons: Vec<Value> = buttons.iter().map(button).collect();
    json!({"type": "button", "body": {"text": text}, "action": {"buttons": buttons}})
}

/// What stands on the button of an address: its host, as people know it.
fn host(link: &str) -> String {
    let host = reqwest::Url::parse(link).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    if fits(host, BUTTON_TITLE) { host.to_owned() } else { "→".to_owned() }
}
