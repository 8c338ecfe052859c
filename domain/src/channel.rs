//! Channels and the accounts connected on them.

use crate::{
    failure::Failure,
    ids::{AgentId, ChannelId, OutboxId, TenantId, TurnNo},
    message::{Inbound, Peer},
    rich::Rich,
    standing::AccountNotice,
    template::{TemplateCall, TemplateStatus},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

/// The name of a channel in its registry: `telegram`, `whatsapp`, `messenger`, `webchat`, …
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelKind(Cow<'static, str>);

impl ChannelKind {
    #[must_use]
    pub const fn of(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(Cow::Owned(name.to_owned()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Replies are read out to a caller.
    #[must_use]
    pub fn is_spoken(&self) -> bool {
        self.as_str() == "voice"
    }
}

impl fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value that must never be shown: it prints as `***`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself; the name makes each use stand out in review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One connected account. Its settings and secrets are the ones that its driver's [`SettingField`]s name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelAccount {
    pub tenant: TenantId,
    pub id: ChannelId,
    pub kind: ChannelKind,
    pub name: String,
    /// The agent that answers here.
    pub agent: AgentId,
    /// The provider's id of the account (phone number id, page id, bot id), by which one webhook serves several.
    pub external_id: Option<String>,
    pub settings: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Secret>,
    pub enabled: bool,
}

impl ChannelAccount {
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.secrets.get(name).map(Secret::expose)
    }
}

/// One setting of a channel kind: what the API validates and the help shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingField {
    pub name: &'static str,
    pub required: bool,
    /// Stored encrypted, never shown again.
    pub secret: bool,
    pub help: &'static str,
}

/// What a webhook or a poll brought.
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelEvent {
    Message(Inbound),
    Status(StatusUpdate),
    Template(TemplateUpdate),
    /// How the account stands with the provider.
    Account(AccountNotice),
    /// Somebody is reached elsewhere.
    Moved(AddressChange),
    /// Somebody has two addresses.
    Tied(AddressTie),
    /// Understood, and of no consequence here; the name is counted.
    Ignored {
        kind: String,
    },
}

/// How far a sent message came. Statuses only move forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    Queued,
    /// Handed to the provider, acknowledgement lost: not repeated until reconciled.
    Uncertain,
    Sent,
    Delivered,
    Read,
    Failed,
}

impl DeliveryStatus {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Uncertain => "uncertain",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// A provider's word on a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The provider's id of the sent message; several can be named by one watermark (then this is empty).
    pub provider_message_id: Option<String>,
    /// Our outbox id, where the provider hands it back.
    pub outbox: Option<OutboxId>,
    pub peer: Option<String>,
    pub status: DeliveryStatus,
    pub at: Timestamp,
    pub failure: Option<Failure>,
}

/// A provider's word on a message template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateUpdate {
    /// The provider's id of the template.
    pub id: String,
    pub status: TemplateStatus,
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// Somebody is reached at another address of the channel from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressChange {
    pub from: String,
    pub to: String,
    /// When the provider says it happened.
    pub at: Timestamp,
}

/// Two addresses are one person's: what comes from `alias` is theirs who is reached at `address`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressTie {
    pub address: String,
    pub alias: String,
    /// When the provider says so.
    pub at: Timestamp,
}

/// A webhook request as it came: verification happens on exactly these bytes.
#[derive(Debug, Clone)]
pub struct WebhookRequest<'a> {
    /// The address that the provider called, as the outside sees it, with its query.
    pub url: &'a str,
    /// Lower-case names.
    pub headers: &'a BTreeMap<String, String>,
    pub query: &'a BTreeMap<String, String>,
    pub body: &'a [u8],
}

/// What a `GET` on the webhook asks (Meta's handshake).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    /// Answer 200 with exactly this text.
    Challenge(String),
    Forbidden,
    /// This channel has no handshake.
    Unsupported,
}

/// Why a webhook was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRejection {
    /// 401: the signature or token is missing or wrong.
    #[error("signature missing or wrong")]
    Unauthenticated,
    /// 400: signed, but not what the provider documents; names what is wrong.
    #[error("malformed payload: {0}")]
    Malformed(String),
    /// 404: the channel does not take webhooks.
    #[error("this channel takes no webhooks")]
    NotSupported,
}

/// What a poll brought, and where to go on. The cursor may be used only after the events are durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Polled {
    pub events: Vec<ChannelEvent>,
    pub cursor: Option<String>,
}

/// One piece of a reply, cut and marked up for its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// In the channel's own markup.
    pub text: String,
    /// The same without markup, for the provider that refuses the markup.
    pub plain: String,
    /// What the part shows beside its words; its own words are in `text` already.
    pub rich: Option<Rich>,
}

impl Part {
    #[must_use]
    pub const fn words(text: String, plain: String) -> Self {
        Self { text, plain, rich: None }
    }
}

/// A file that a person sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    File {
        bytes: Vec<u8>,
        mime: Option<String>,
    },
    /// It lies at this address, which the payload named: whoever reads it judges the address first.
    At(String),
}

/// A part to deliver.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    pub account: &'a ChannelAccount,
    pub to: &'a Peer,
    pub part: &'a Part,
    /// The part is this template's words; only where [`crate::ports::ChannelDriver::templates`] says that there are any.
    pub template: Option<&'a TemplateCall>,
    /// Handed to the provider where it has a place for it, so that it comes back in statuses.
    pub outbox: OutboxId,
    /// When the person last wrote: the judge of messaging windows.
    pub last_inbound_at: Timestamp,
    /// A person of the team wrote it.
    pub by_person: bool,
    pub now: Timestamp,
    /// Nothing of it leaves later than this from now on, wherever the process stood still: another node may deliver for the
    /// account by then, and have gone on.
    pub leaves_within: Duration,
}

/// What is written so far of an answer in the making. The reply comes whole, by the outbox alone.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    pub account: &'a ChannelAccount,
    pub to: &'a Peer,
    /// The same for all that is shown of one answer.
    pub turn: TurnNo,
    /// Markdown that may end anywhere.
    pub text: &'a str,
    /// As [`Delivery::leaves_within`], where it is a message.
    pub leaves_within: Duration,
}

/// A provider took the part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub provider_message_id: Option<String>,
}

/// What came of putting a part in a message's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// The message says it.
    Stands(Sent),
    /// There is no such message any more: somebody took it away.
    Gone,
}

/// Why a part was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// The provider did not take it; the verdict says what to do.
    Refused(Failure),
    /// The request went out and no answer came back: it may have been delivered.
    Uncertain(Failure),
    /// The provider took none of the part's files, and might take each of them alone.
    Apart(Failure),
    /// The account itself is unusable (credentials, suspension): stop it and alert.
    AccountDown(Failure),
}

/// How fast an account may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// Messages a second for the whole account.
    pub per_second: u32,
    /// The least time between two messages to the same peer, beyond `peer_burst` of them.
    pub peer_interval: Duration,
    pub peer_burst: u32,
}
