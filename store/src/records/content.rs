use colloquy_domain::message::{Content, MediaKind};
use serde::{Deserialize, Serialize};

/// What a message holds. Version 1 of [`super::InboundRecord`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ContentRecord {
    Text {
        text: String,
    },
    Command {
        name: String,
        args: String,
    },
    Choice {
        title: String,
        payload: String,
    },
    Media {
        media: MediaRecord,
        caption: Option<String>,
        reference: Option<String>,
        mime: Option<String>,
        name: Option<String>,
    },
    Location {
        latitude: f64,
        longitude: f64,
        name: Option<String>,
    },
    Echo {
        text: Option<String>,
    },
    Signal {
        signal: String,
    },
    Unsupported {
        provider_kind: String,
    },
}

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaRecord {
    Image,
    Video,
    Audio,
    Voice,
    VideoNote,
    Document,
    Sticker,
}

impl From<Content> for ContentRecord {
    fn from(content: Content) -> Self {
        match content {
            Content::Text { text } => Self::Text { text },
            Content::Command { name, args } => Self::Command { name, args },
            Content::Choice { title, payload } => Self::Choice { title, payload },
            Content::Media { media, caption, reference, mime, name } => {
                Self::Media { media: media.into(), caption, reference, mime, name }
            }
            Content::Location { latitude, longitude, name } => Self::Location { latitude, longitude, name },
            Content::Echo { text } => Self::Echo { text },
            Content::Signal { signal } => Self::Signal { signal },
            Content::Unsupported { provider_kind } => Self::Unsupported { provider_kind },
        }
    }
}

impl From<ContentRecord> for Content {
    fn from(record: ContentRecord) -> Self {
        match record {
            ContentRecord::Text { text } => Self::Text { text },
            ContentRecord::Command { name, args } => Self::Command { name, args },
            ContentRecord::Choice { title, payload } => Self::Choice { title, payload },
            ContentRecord::Media { media, caption, reference, mime, name } => {
                Self::Media { media: media.into(), caption, reference, mime, name }
            }
            ContentRecord::Location { latitude, longitude, name } => Self::Location { latitude, longitude, name },
            ContentRecord::Echo { text } => Self::Echo { text },
            ContentRecord::Signal { signal } => Self::Signal { signal },
            ContentRecord::Unsupported { provider_kind } => Self::Unsupported { provider_kind },
        }
    }
}

impl From<MediaKind> for MediaRecord {
    fn from(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Image => Self::Image,
            MediaKind::Video => Self::Video,
            MediaKind::Audio => Self::Audio,
            MediaKind::Voice => Self::Voice,
            MediaKind::VideoNote => Self::VideoNote,
            MediaKind::Document => Self::Document,
            MediaKind::Sticker => Self::Sticker,
        }
    }
}

impl From<MediaRecord> for MediaKind {
    fn from(record: MediaRecord) -> Self {
        match record {
            MediaRecord::Image => Self::Image,
            MediaRecord::Video => Self::Video,
            MediaRecord::Audio => Self::Audio,
            MediaRecord::Voice => Self::Voice,
            MediaRecord::VideoNote => Self::VideoNote,
            MediaRecord::Document => Self::Document,
            MediaRecord::Sticker => Self::Sticker,
        }
    }
}
