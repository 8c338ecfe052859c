//! Signals as JSON: shapes of their own with a version, because nodes of two versions run side by side during an upgrade.
//!
//! New kinds and new optional fields keep the version: older nodes leave out what they do not know.

use super::{counts::CountRecord, notice::NoticeRecord};
use colloquy_domain::{
    ids::{AgentId, ChannelId, ConversationId, TenantId, TurnNo},
    placement::NodeId,
    ports::{InboxHint, Signal},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const VERSION: u16 = 1;
/// Hints in one message: far below the smallest `max_payload`.
const HINTS: usize = 2000;

#[derive(Debug, Serialize, Deserialize)]
struct Message<S> {
    v: u16,
    from: Uuid,
    signal: S,
}

/// What every version says.
#[derive(Debug, Deserialize)]
struct Envelope {
    v: u16,
    from: Uuid,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum SignalRecord {
    Look { hints: Vec<HintRecord> },
    TakeOver { hint: HintRecord, reason: String },
    GiveBack { hint: HintRecord },
    Interrupt { hint: HintRecord, turn: TurnNo, heard: String },
    Renew { hint: HintRecord },
    WakeChannel { channel: ChannelId },
    ChannelChanged { channel: ChannelId },
    AgentChanged { tenant: TenantId, agent: AgentId },
    WakeIngestion,
    Released,
    Counted { counts: Vec<CountRecord> },
    Notice { notice: NoticeRecord },
}

/// Tenant, conversation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct HintRecord(TenantId, ConversationId);

/// What a message turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Received {
    Signal(Signal),
    /// We said it ourselves.
    Own,
    /// Of a newer version, of an unknown kind, or no message of ours at all.
    Ignored(&'static str),
}

/// The messages that carry the signal: one, unless it is long.
pub(super) fn write(from: NodeId, signal: Signal) -> Vec<serde_json::Result<Vec<u8>>> {
    let message = |signal| serde_json::to_vec(&Message { v: VERSION, from: from.0, signal });
    match signal {
        Signal::Look(hints) => {
            let pieces = hints.chunks(HINTS);
            pieces.map(|p| message(SignalRecord::Look { hints: p.iter().map(|h| (*h).into()).collect() })).collect()
        }
        Signal::Counted(counts) => {
            let pieces = counts.chunks(HINTS);
            let records = |p: &[_]| p.iter().map(|c| CountRecord::from(*c)).collect();
            pieces.map(|p| message(SignalRecord::Counted { counts: records(p) })).collect()
        }
        other => SignalRecord::of(other).map(message).into_iter().collect(),
    }
}

/// Says only that the node listens: to others it is a kind that they do not know.
pub(super) fn hello(from: NodeId) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Message { v: VERSION, from: from.0, signal: serde_json::json!({"kind": "hello"}) })
}

pub(super) fn read(me: NodeId, payload: &[u8]) -> Received {
    match serde_json::from_slice::<Envelope>(payload) {
        Err(_) => return Received::Ignored("not a signal"),
        Ok(envelope) if envelope.from == me.0 => return Received::Own,
        Ok(envelope) if envelope.v != VERSION => return Received::Ignored("unknown version"),
        Ok(_) => {}
    }
    match serde_json::from_slice::<Message<SignalRecord>>(payload) {
        Ok(message) => Received::Signal(message.signal.into()),
        Err(_) => Received::Ignored("unknown kind"),
    }
}

impl SignalRecord {
    /// `None` for what is written in pieces.
    fn of(signal: Signal) -> Option<Self> {
        Some(match signal {
            Signal::Look(_) | Signal::Counted(_) => return None,
            Signal::TakeOver { hint, reason } => Self::TakeOver { hint: hint.into(), reason },
            Signal::GiveBack(hint) => Self::GiveBack { hint: hint.into() },
            Signal::Interrupt { hint, turn, heard } => Self::Interrupt { hint: hint.into(), turn, heard },
            Signal::Renew(hint) => Self::Renew { hint: hint.into() },
            Signal::WakeChannel(channel) => Self::WakeChannel { channel },
            Signal::ChannelChanged(channel) => Self::ChannelChanged { channel },
            Signal::AgentChanged(tenant, agent) => Self::AgentChanged { tenant, agent },
            Signal::WakeIngestion => Self::WakeIngestion,
            Signal::Released => Self::Released,
            Signal::Notice(notice) => Self::Notice { notice: notice.into() },
        })
    }
}

impl From<SignalRecord> for Signal {
    fn from(record: SignalRecord) -> Self {
        match record {
            SignalRecord::Look { hints } => Self::Look(hints.into_iter().map(InboxHint::from).collect()),
            SignalRecord::TakeOver { hint, reason } => Self::TakeOver { hint: hint.into(), reason },
            SignalRecord::GiveBack { hint } => Self::GiveBack(hint.into()),
            SignalRecord::Interrupt { hint, turn, heard } => Self::Interrupt { hint: hint.into(), turn, heard },
            SignalRecord::Renew { hint } => Self::Renew(hint.into()),
            SignalRecord::WakeChannel { channel } => Self::WakeChannel(channel),
            SignalRecord::ChannelChanged { channel } => Self::ChannelChanged(channel),
            SignalRecord::AgentChanged { tenant, agent } => Self::AgentChanged(tenant, agent),
            SignalRecord::WakeIngestion => Self::WakeIngestion,
            SignalRecord::Released => Self::Released,
            SignalRecord::Counted { counts } => Self::Counted(counts.into_iter().map(Into::into).collect()),
            SignalRecord::Notice { notice } => Self::Notice(notice.into()),
        }
    }
}

impl From<InboxHint> for HintRecord {
    fn from(hint: InboxHint) -> Self {
        Self(hint.tenant, hint.conversation)
    }
}

impl From<HintRecord> for InboxHint {
    fn from(HintRecord(tenant, conversation): HintRecord) -> Self {
        Self { tenant, conversation }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

    const ME: NodeId = NodeId(Uuid::from_u128(1));
    const OTHER: NodeId = NodeId(Uuid::from_u128(2));

    #[test]
    fn every_signal_survives_the_trip() {
        for signal in samples::signals() {
            let messages = write(OTHER, signal.clone());
            assert_eq!(messages.len(), 1, "{signal:?}");
            for message in messages {
                assert_eq!(read(ME, &message.expect("written")), Received::Signal(signal.clone()));
            }
        }
    }

    #[test]
    fn long_hints_go_in_pieces() {
        let hints: Vec<InboxHint> = (0..4500).map(samples::hint).collect();
        let messages = write(OTHER, Signal::Look(hints.clone()));
        assert_eq!(messages.len(), 3);
        let read = messages.into_iter().flat_map(|message| match read(ME, &message.expect("written")) {
            Received::Signal(Signal::Look(hints)) => hints,
            other => panic!("{other:?}"),
        });
        assert_eq!(read.collect::<Vec<_>>(), hints);
        assert!(write(OTHER, Signal::Look(Vec::new())).is_empty(), "nothing to say");
    }

    #[test]
    fn own_and_newer_and_unknown_ones_are_told_apart() {
        let own = write(ME, Signal::Released).pop().expect("one").expect("written");
        assert_eq!(read(ME, &own), Received::Own);
        let hello = hello(OTHER).expect("written");
        assert_eq!((read(OTHER, &hello), read(ME, &hello)), (Received::Own, Received::Ignored("unknown kind")));
        let message = |v: u16, kind: &str| format!(r#"{{"v":{v},"from":"{OTHER}","signal":{{"kind":"{kind}"}}}}"#);
        assert_eq!(read(ME, message(1, "released").as_bytes()), Received::Signal(Signal::Released), "the first shape");
        assert_eq!(read(ME, message(2, "released").as_bytes()), Received::Ignored("unknown version"));
        assert_eq!(read(ME, message(1, "sing").as_bytes()), Received::Ignored("unknown kind"));
        assert_eq!(read(ME, b"PING"), Received::Ignored("not a signal"));
    }
}
