//! What is said with more than words: files, choices, cards. Each channel shows it as well as it can; where it cannot, the
//! words of [`Rich::words`] say the same.

use crate::message::MediaKind;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// A message that is more than words. Texts are Markdown, titles are literal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rich {
    /// A file at a public address.
    Media { media: MediaKind, url: String, caption: Option<String>, name: Option<String> },
    /// Several files together, 2 to 10.
    Album {
        caption: Option<String>,
        files: Vec<File>,
        /// The provider did not take them together: each is sent alone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        apart: bool,
    },
    /// A few answers to choose from.
    Buttons { text: String, buttons: Vec<Button> },
    /// Many answers to choose from, behind a button that says `open`.
    List { text: String, open: String, rows: Vec<Row> },
    /// A picture with a title, an address and answers.
    Card { title: String, text: Option<String>, image: Option<String>, link: Option<String>, buttons: Vec<Button> },
}

/// One of an album.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub media: MediaKind,
    pub url: String,
    #[serde(default)]
    pub name: Option<String>,
}

/// An answer; `id` comes back as the payload of a [`Choice`](crate::message::Content::Choice).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub id: String,
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub description: Option<String>,
}

impl Rich {
    /// A short stable name: `image`, `video`, `audio`, `document`, `album`, `buttons`, `list`, `card`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Media { media, .. } => media.file_kind(),
            Self::Album { .. } => "album",
            Self::Buttons { .. } => "buttons",
            Self::List { .. } => "list",
            Self::Card { .. } => "card",
        }
    }

    /// The files of an album as messages of their own, the caption with the first; `None` of anything else.
    #[must_use]
    pub fn each(&self) -> Option<Vec<Self>> {
        let Self::Album { caption, files, .. } = self else { return None };
        let captions = std::iter::once(caption.clone()).chain(std::iter::repeat(None));
        let alone = |(file, caption): (&File, Option<String>)| {
            let File { media, url, name } = file.clone();
            Self::Media { media, url, caption, name }
        };
        Some(files.iter().zip(captions).map(alone).collect())
    }

    /// How many messages it is to whoever counts them.
    #[must_use]
    pub fn messages(&self) -> u32 {
        match self {
            Self::Album { files, .. } => u32::try_from(files.len()).unwrap_or(u32::MAX).max(1),
            _ => 1,
        }
    }

    /// The same in Markdown, with answers as numbered lines: what is shown where nothing better can be, and kept in the
    /// transcript.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Media { url, caption, .. } => paragraphs(&[caption.clone(), Some(format!("<{url}>"))]),
            Self::Album { caption, files, .. } => {
                let addresses: Vec<String> = files.iter().map(|file| format!("<{}>", file.url)).collect();
                let all: Vec<Option<String>> =
                    std::iter::once(caption.clone()).chain(addresses.into_iter().map(Some)).collect();
                paragraphs(&all)
            }
            Self::Buttons { text, buttons } => paragraphs(&[Some(text.clone()), numbered(titles(buttons))]),
            Self::List { text, rows, .. } => {
                let line = |row: &Row| match &row.description {
                    Some(description) => format!("{}: {}", literal(&row.title), literal(description)),
                    None => literal(&row.title),
                };
                paragraphs(&[Some(text.clone()), numbered(rows.iter().map(line))])
            }
            Self::Card { title, text, image, link, buttons } => paragraphs(&[
                Some(format!("**{}**", literal(title))),
                text.clone(),
                link.as_ref().or(image.as_ref()).map(|url| format!("<{url}>")),
                numbered(titles(buttons)),
            ]),
        }
    }
}

fn titles(buttons: &[Button]) -> impl Iterator<Item = String> {
    buttons.iter().map(|b| literal(&b.title))
}

fn numbered(lines: impl Iterator<Item = String>) -> Option<String> {
    let mut out = String::new();
    for (n, line) in (1..).zip(lines) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{n}. {line}");
    }
    (!out.is_empty()).then(|| out.trim_end().to_owned())
}

fn paragraphs(parts: &[Option<String>]) -> String {
    let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).filter(|p| !p.trim().is_empty()).collect();
    parts.join("\n\n")
}

/// Literal words as Markdown.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' | '|' | '!') {
            out.push('\\');
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn button(title: &str) -> Button {
        Button { id: title.to_lowercase(), title: title.to_owned() }
    }

    #[test]
    fn the_words_say_the_same() {
        let buttons = Rich::Buttons { text: "Which?".into(), buttons: vec![button("Red *"), button("Blue")] };
        assert_eq!(buttons.words(), "Which?\n\n1. Red \\*\n2. Blue");
        let row = Row { id: "1".into(), title: "Paris".into(), description: Some("2 h".into()) };
        let list = Rich::List { text: "Where?".into(), open: "Cities".into(), rows: vec![row] };
        assert_eq!(list.words(), "Where?\n\n1. Paris: 2 h");
        let (url, caption) = ("https://a.example/p.png".to_owned(), Some("Our shop".to_owned()));
        let media = Rich::Media { media: MediaKind::Image, url, caption, name: None };
        assert_eq!((media.kind(), media.words().as_str()), ("image", "Our shop\n\n<https://a.example/p.png>"));
        let file = |url: &str| File { media: MediaKind::Image, url: url.to_owned(), name: None };
        let files = vec![file("https://a.example/1.png"), file("https://a.example/2.png")];
        let album = Rich::Album { caption: Some("Rooms".into()), files, apart: false };
        assert_eq!((album.kind(), album.messages()), ("album", 2));
        assert_eq!(album.words(), "Rooms\n\n<https://a.example/1.png>\n\n<https://a.example/2.png>");
        let each: Vec<String> = album.each().expect("an album").iter().map(Rich::words).collect();
        assert_eq!(each.join("\n\n"), album.words(), "one by one they say the same");
        let card = Rich::Card {
            title: "Bike".into(),
            text: None,
            image: Some("https://a.example/b.png".into()),
            link: Some("https://a.example".into()),
            buttons: vec![button("Buy")],
        };
        assert_eq!(card.words(), "**Bike**\n\n<https://a.example>\n\n1. Buy");
    }
}
