//! What a person sent, as every channel decodes it, and the one outcome that each message ends in.

use crate::{
    failure::Failure,
    ids::{Seq, TurnNo},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// The other side of a conversation, as its channel addresses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Peer {
    /// The provider's address to answer to: a phone number, a chat id, a page-scoped id, a web session.
    pub address: String,
    /// The name that the provider shows, if it sends one.
    pub name: Option<String>,
}

/// A message that arrived on a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbound {
    /// The provider's id; unique within a channel account and what repeated deliveries are recognised by.
    pub provider_message_id: String,
    pub peer: Peer,
    /// When the provider says it was sent.
    pub sent_at: Timestamp,
    pub content: Content,
    /// The provider's id of the message that this one quotes.
    pub reply_to: Option<String>,
    /// The provider's own fragment, as JSON text, kept for kinds that are not understood yet.
    pub raw: Option<String>,
}

impl Inbound {
    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let text = |t: &Option<String>| t.as_ref().map_or(0, String::len);
        let content = match &self.content {
            Content::Text { text } => text.len(),
            Content::Command { name, args } => name.len() + args.len(),
            Content::Choice { title, payload } => title.len() + payload.len(),
            Content::Media { caption, reference, mime, name, .. } => {
                text(caption) + text(reference) + text(mime) + text(name)
            }
            Content::Location { name, .. } => text(name),
            Content::Echo { text: words } => text(words),
            Content::Signal { signal } => signal.len(),
            Content::Unsupported { provider_kind } => provider_kind.len(),
        };
        let peer = self.peer.address.len() + text(&self.peer.name);
        size_of::<Self>() + self.provider_message_id.len() + peer + content + text(&self.reply_to) + text(&self.raw)
    }
}

/// The types of images that all models which see can read.
const SEEN: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/// What a message holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    Text {
        text: String,
    },
    /// `/name args`, with the bot's own mention removed.
    Command {
        name: String,
        args: String,
    },
    /// A button, quick reply, list row or callback that the person chose.
    Choice {
        title: String,
        payload: String,
    },
    /// A file of any kind; its bytes are not fetched.
    Media {
        media: MediaKind,
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
    /// A person of the team answered through the provider's own app: the bot must fall silent.
    Echo {
        text: Option<String>,
    },
    /// Something that is not said to the agent (a reaction, an edit, a membership change).
    Signal {
        signal: String,
    },
    /// A kind that this version does not understand; the provider's fragment is in [`Inbound::raw`].
    Unsupported {
        provider_kind: String,
    },
}

// Locations come from JSON, where NaN cannot be written, so equality is total in practice.
impl Eq for Content {}

/// Who may answer in a conversation that several programs share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Another program has it.
    Lost,
    /// It was given back to us.
    Gained,
    /// The program that it is to be handed to asks for it.
    Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Image,
    Video,
    Audio,
    Voice,
    /// A short film in which somebody speaks.
    VideoNote,
    Document,
    Sticker,
}

impl MediaKind {
    /// What it is as a file: `image`, `video`, `audio` or `document`.
    #[must_use]
    pub const fn file_kind(self) -> &'static str {
        match self {
            Self::Image | Self::Sticker => "image",
            Self::Video | Self::VideoNote => "video",
            Self::Audio | Self::Voice => "audio",
            Self::Document => "document",
        }
    }

    /// What a reader is told that it is.
    const fn told(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio file",
            Self::Voice => "voice message",
            Self::VideoNote => "video message",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }
}

impl Content {
    /// Signals by which a person says that they do not want to be written to, or want to again.
    pub const OPT_OUT: &'static str = "opt_out";
    pub const OPT_IN: &'static str = "opt_in";
    /// Signals of who holds the conversation; see [`Control`].
    pub const CONTROL_LOST: &'static str = "control_lost";
    pub const CONTROL_GAINED: &'static str = "control_gained";
    pub const CONTROL_WANTED: &'static str = "control_wanted";
    /// How signals begin that stand for what was said while another program held the conversation.
    pub const STANDBY: &'static str = "standby.";

    /// What a provider says of who holds a conversation that several programs may answer.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        let Self::Signal { signal } = self else { return None };
        match signal.as_str() {
            Self::CONTROL_LOST => Some(Control::Lost),
            Self::CONTROL_GAINED => Some(Control::Gained),
            Self::CONTROL_WANTED => Some(Control::Wanted),
            // Only who does not hold the conversation hears it so.
            signal if signal.starts_with(Self::STANDBY) => Some(Control::Lost),
            _ => None,
        }
    }

    /// Whether the person withdrew (`true`) or gave (`false`) their consent with it.
    #[must_use]
    pub fn withdraws_consent(&self) -> Option<bool> {
        match self {
            Self::Signal { signal } if signal == Self::OPT_OUT || signal == "blocked" => Some(true),
            Self::Signal { signal } if signal == Self::OPT_IN || signal == "unblocked" => Some(false),
            _ => None,
        }
    }

    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// What the agent reads; `None` if there is nothing in words.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let words = match self {
            Self::Text { text } => text.clone(),
            Self::Command { name, args } if args.is_empty() => format!("/{name}"),
            Self::Command { name, args } => format!("/{name} {args}"),
            Self::Choice { title, payload } if title.is_empty() => payload.clone(),
            Self::Choice { title, .. } => title.clone(),
            Self::Media { caption, .. } => caption.clone().unwrap_or_default(),
            Self::Location { latitude, longitude, name } => {
                format!("{} ({latitude}, {longitude})", name.as_deref().unwrap_or("location"))
            }
            Self::Echo { .. } | Self::Signal { .. } | Self::Unsupported { .. } => String::new(),
        };
        (!words.trim().is_empty()).then_some(words)
    }

    /// What a model is told: the words, and that there is a file. The mark's own words must not look like a language: what
    /// answers without a model goes by that of the message.
    #[must_use]
    pub fn told(&self, sees_images: bool) -> Option<String> {
        let Self::Media { media, caption, name, .. } = self else { return self.words() };
        let name = name.as_ref().map(|n| format!(": {n}")).unwrap_or_default();
        let shown = sees_images && self.is_image();
        let unseen = if *media == MediaKind::Image && !shown { ", not visible" } else { "" };
        let caption = caption.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
        Some(format!("[{}{name}{unseen}]{caption}", media.told()))
    }

    /// Whether it is an image of a type that models see, also one that was sent as a file. A sticker says a mood, and
    /// nothing to look at.
    #[must_use]
    pub fn is_image(&self) -> bool {
        let Self::Media { media, mime, .. } = self else { return false };
        let mime = mime.as_deref().map(|m| m.split(';').next().unwrap_or(m).trim());
        let seen = |m: &str| SEEN.iter().any(|s| s.eq_ignore_ascii_case(m));
        match media {
            MediaKind::Image => mime.is_none_or(|m| seen(m) || m.is_empty() || m == "application/octet-stream"),
            MediaKind::Document => mime.is_some_and(seen),
            MediaKind::Video | MediaKind::VideoNote | MediaKind::Audio | MediaKind::Voice | MediaKind::Sticker => false,
        }
    }

    /// Whether somebody may be speaking in it, so that it can be listened to.
    #[must_use]
    pub const fn is_recording(&self) -> bool {
        matches!(self, Self::Media { media: MediaKind::Audio | MediaKind::Voice | MediaKind::VideoNote, .. })
    }

    /// A short stable name for logs, transcripts and statistics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Command { .. } => "command",
            Self::Choice { .. } => "choice",
            Self::Media { .. } => "media",
            Self::Location { .. } => "location",
            Self::Echo { .. } => "echo",
            Self::Signal { .. } => "signal",
            Self::Unsupported { .. } => "unsupported",
        }
    }
}

/// A message in its conversation's inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxItem {
    pub seq: Seq,
    pub received_at: Timestamp,
    pub inbound: Inbound,
    /// What came of listening to it; `None` if it was not listened to, or is no recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Heard>,
}

/// What came of listening to a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "heard", rename_all = "snake_case")]
pub enum Heard {
    /// What was said. The person's words, as if they had written them.
    Words { text: String },
    /// Nothing can be known of it; the code of the failure.
    Nothing { cause: String },
}

impl Heard {
    /// Of a recording in which nobody says anything.
    pub const SILENCE: &'static str = "recording.silent";

    /// What was written and said, by what came of listening; empty if there is nothing in words.
    #[must_use]
    pub fn with(heard: Option<&Self>, written: &str) -> String {
        match heard {
            Some(Self::Words { text }) if written.is_empty() => text.clone(),
            Some(Self::Words { text }) => format!("{written}\n{text}"),
            Some(Self::Nothing { .. }) | None => written.to_owned(),
        }
    }
}

impl InboxItem {
    /// A recording that somebody has yet to listen to.
    #[must_use]
    pub const fn is_unheard(&self) -> bool {
        self.heard.is_none() && self.inbound.content.is_recording()
    }

    /// What the person wrote or said; `None` if there is nothing in words.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let written = self.inbound.content.words().unwrap_or_default();
        Some(Heard::with(self.heard.as_ref(), &written)).filter(|words| !words.is_empty())
    }

    /// What a model is told, see [`Content::told`]: of a recording that nobody could listen to, that it is so.
    #[must_use]
    pub fn told(&self, sees_images: bool) -> Option<String> {
        let told = self.inbound.content.told(sees_images)?;
        match &self.heard {
            None => Some(told),
            Some(Heard::Words { text }) => Some(format!("{told} {text}")),
            Some(Heard::Nothing { .. }) => Some(told.replacen(']', ", not understood]", 1)),
        }
    }
}

/// How a message ended. Each admitted message gets exactly one, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The reply of this turn answers it.
    Answered { turn: TurnNo },
    /// A later message of the same turn is the one answered; this one was read with it.
    Merged { turn: TurnNo },
    /// A person of the team has it.
    HandedOver { reason: String },
    /// Deliberately not answered, by the named rule.
    Ignored { rule: IgnoreRule },
    /// Could not be answered; kept with its cause and replayable.
    DeadLettered { cause: Failure },
}

impl Outcome {
    /// Stable name, as stored and shown.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Answered { .. } => "answered",
            Self::Merged { .. } => "merged",
            Self::HandedOver { .. } => "handed_over",
            Self::Ignored { .. } => "ignored",
            Self::DeadLettered { .. } => "dead_lettered",
        }
    }
}

/// The named rules by which a message is deliberately not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IgnoreRule {
    /// Written by the team itself on the provider's app.
    Echo,
    /// A reaction, edit, membership change and the like.
    Signal,
    /// A kind that this version does not understand.
    UnsupportedKind,
    /// No words, no file: nothing to answer.
    Empty,
    /// The agent's policy rejects messages during a turn.
    BusyPolicy,
}
