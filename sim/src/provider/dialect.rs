//! Which provider speaks how: one line for each in each of these.

use super::{Said, What, line, meta, rates::TooFast, telegram, twilio};
use crate::{
    fault::Fault,
    scenario::Approval,
    world::{Core, Payload},
};
use colloquy_channels::{Answer, Request};
use colloquy_domain::{channel::ChannelAccount, time::Timestamp};
use std::{sync::Arc, time::Duration};

/// Why a provider does not take a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are too many, and it says how long to wait.
    Slower(Duration),
    TooFast(TooFast),
    /// 503: not taken.
    Down,
    /// The person has blocked the account, or has said that they do not want to be written to.
    Blocked,
    /// The token is not good.
    Expired,
    /// The person wrote too long ago.
    Window,
    TooLong,
    /// There is no such message of ours.
    NoMessage,
    /// The template is not approved; `None`: there is none of that name.
    Template(Option<Approval>),
}

impl Refusal {
    /// Whether the same may not be asked again.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Blocked | Self::Window | Self::TooLong | Self::Template(_))
    }
}

pub fn understand(account: &ChannelAccount, channel: &str, request: &Request) -> What {
    let path: Vec<&str> = request.url.path_segments().map(Iterator::collect).unwrap_or_default();
    match account.kind.as_str() {
        "telegram" => telegram::understand(channel, &path, request.body.as_ref(), request.timeout),
        "line" => {
            let key = request.headers.iter().find(|(name, _)| *name == "x-line-retry-key").map(|(_, key)| key);
            line::understand(channel, &path, request.body.as_ref(), key)
        }
        "twilio_sms" | "twilio_whatsapp" => twilio::understand(channel, request),
        _ => meta::understand(channel, request.body.as_ref()),
    }
}

/// The answer to what changes nothing.
pub fn fine(kind: &str) -> Answer {
    match kind {
        "telegram" => telegram::fine(),
        _ => meta::fine(),
    }
}

pub fn refused(kind: &str, why: Refusal) -> Answer {
    match (kind, why) {
        (_, Refusal::Down) => Answer { status: 503, retry_after: None, body: None },
        ("telegram", why) => telegram::refused(why),
        ("line", why) => line::refused(why),
        ("twilio_sms" | "twilio_whatsapp", why) => twilio::refused(why),
        (kind, why) => meta::refused(kind, why),
    }
}

pub fn sent(account: &ChannelAccount, peer: &str, number: &str) -> Answer {
    match account.kind.as_str() {
        "telegram" => telegram::sent(peer, number),
        "line" => line::sent(peer, number),
        "twilio_sms" | "twilio_whatsapp" => twilio::sent(peer, number),
        _ => meta::sent(account, peer, number),
    }
}

/// A message that was taken, about which something is told later.
#[derive(Debug, Clone)]
pub struct Told {
    /// `channel/peer`.
    pub who: String,
    pub peer: String,
    /// Counts the messages to this person.
    pub number: String,
    pub text: String,
    pub tag: Option<String>,
}

/// What follows a message that was taken: statuses, echoes.
pub fn tell(core: &Arc<Core>, account: &Arc<ChannelAccount>, told: Told, fault: Option<Fault>) {
    match account.kind.as_str() {
        "whatsapp" | "instagram" => meta::tell(core, account, told, fault),
        "twilio_sms" | "twilio_whatsapp" => twilio::tell(core, account, told, fault),
        _ => {}
    }
}

/// The webhook by which it tells what a person did.
pub fn delivery(account: &ChannelAccount, peer: &str, number: u64, at: Timestamp, said: &Said<'_>) -> Payload {
    match account.kind.as_str() {
        "telegram" => telegram::delivery(account, peer, number, at, said),
        "line" => line::delivery(account, peer, number, at, said),
        "twilio_sms" | "twilio_whatsapp" => twilio::delivery(account, peer, number, said),
        kind => meta::delivery(kind, account, peer, number, at, said),
    }
}
