use super::{ContentRecord, read, write};
use crate::error::unreadable;
use colloquy_domain::{
    message::{Inbound, Peer},
    ports::StoreError,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A received message, in the log and in the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InboundRecord {
    pub v: u16,
    pub provider_message_id: String,
    pub peer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_name: Option<String>,
    pub sent_at: i64,
    pub content: ContentRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl InboundRecord {
    pub const VERSION: u16 = 1;

    pub(crate) fn json(inbound: &Inbound) -> Result<String, StoreError> {
        write(&Self::from(inbound.clone()))
    }

    pub(crate) fn parse(text: &str) -> Result<Inbound, StoreError> {
        let record: Self = read("message", text)?;
        if record.v != Self::VERSION {
            return Err(unreadable("message: unknown version"));
        }
        Ok(record.into())
    }
}

impl From<Inbound> for InboundRecord {
    fn from(i: Inbound) -> Self {
        Self {
            v: Self::VERSION,
            provider_message_id: i.provider_message_id,
            peer: i.peer.address,
            peer_name: i.peer.name,
            sent_at: i.sent_at.millis(),
            content: i.content.into(),
            reply_to: i.reply_to,
            raw: i.raw,
        }
    }
}

impl From<InboundRecord> for Inbound {
    fn from(r: InboundRecord) -> Self {
        Self {
            provider_message_id: r.provider_message_id,
            peer: Peer { address: r.peer, name: r.peer_name },
            sent_at: Timestamp(r.sent_at),
            content: r.content.into(),
            reply_to: r.reply_to,
            raw: r.raw,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::message::{Content, MediaKind};

    fn all_kinds() -> Vec<Content> {
        vec![
            Content::text("salut"),
            Content::Command { name: "start".into(), args: "x".into() },
            Content::Choice { title: "Oui".into(), payload: "yes".into() },
            Content::Media {
                media: MediaKind::Voice,
                caption: Some("c".into()),
                reference: Some("r".into()),
                mime: None,
                name: None,
            },
            Content::Location { latitude: 48.85, longitude: 2.35, name: None },
            Content::Echo { text: Some("we are open".into()) },
            Content::Signal { signal: "reaction".into() },
            Content::Unsupported { provider_kind: "poll".into() },
        ]
    }

    #[test]
    fn every_kind_survives_the_database() {
        for content in all_kinds() {
            let inbound = Inbound {
                provider_message_id: "m1".into(),
                peer: Peer { address: "33612345678".into(), name: Some("Zoé".into()) },
                sent_at: Timestamp(5),
                content,
                reply_to: Some("m0".into()),
                raw: Some("{\"a\":1}".into()),
            };
            let json = InboundRecord::json(&inbound).expect("written");
            assert_eq!(InboundRecord::parse(&json), Ok(inbound));
        }
    }

    #[test]
    fn the_first_shape_stays_readable() {
        let json = r#"{"v":1,"provider_message_id":"m1","peer":"7","sent_at":5,"content":{"kind":"text","text":"hi"}}"#;
        let inbound = InboundRecord::parse(json).expect("read");
        assert_eq!(inbound.content, Content::text("hi"));
        let newer = json.replace("\"v\":1", "\"v\":2");
        let error = InboundRecord::parse(&newer).expect_err("unknown version").to_string();
        assert!(error.contains("version") && !error.contains("hi"), "{error}");
    }
}
