use crate::{
    channel::{DeliveryStatus, StatusUpdate},
    failure::Failure,
    fallback::{Closed, Offered, StandIn},
    ids::{ChannelId, ConversationId, MessageId, OutboxId, TenantId, TurnNo},
    message::Peer,
    outbound::Citation,
    ports::StoreError,
    rich::Rich,
    standing::Standing,
    template::TemplateCall,
    time::Timestamp,
};
use async_trait::async_trait;

/// A reply to deliver, claimed by the one channel actor of its account.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxItem {
    pub tenant: TenantId,
    pub id: OutboxId,
    pub channel: ChannelId,
    pub conversation: ConversationId,
    pub message: MessageId,
    pub peer: Peer,
    /// Markdown.
    pub text: String,
    pub citations: Vec<Citation>,
    /// What it is beside its words.
    pub rich: Option<Rich>,
    /// A person of the team wrote it.
    pub by_person: bool,
    /// It goes out as this template where the channel knows templates.
    pub template: Option<TemplateCall>,
    pub last_inbound_at: Timestamp,
    /// Parts that the provider took in earlier attempts: they are not sent again.
    pub parts_sent: u32,
    /// Attempts before this one.
    pub attempts: u32,
    /// It waited for the person to write, at most until then.
    pub held_until: Option<Timestamp>,
}

/// How a delivery went on.
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// The first `parts` parts were taken; more are to come.
    Progress { tenant: TenantId, id: OutboxId, parts: u32, provider_message_id: Option<String> },
    /// All parts were taken.
    Sent { tenant: TenantId, id: OutboxId, provider_message_id: Option<String>, at: Timestamp },
    /// To be tried again, not before `at`; messages to the same peer behind it wait with it.
    Again { tenant: TenantId, id: OutboxId, parts: u32, at: Timestamp, failure: Failure },
    /// Not begun: the account may not send to the peer before `at`. No attempt is counted.
    Released { tenant: TenantId, id: OutboxId, at: Timestamp },
    /// Never to be tried again; becomes a dead letter.
    Failed { tenant: TenantId, id: OutboxId, failure: Failure, at: Timestamp },
    /// May have been delivered: not repeated by itself, reconciled by a later status. Until then it stands among the dead
    /// letters, so that a person can decide to send it again.
    Uncertain { tenant: TenantId, id: OutboxId, failure: Failure, at: Timestamp },
    /// The provider does not take the files together: what is left goes out as `rich` says, beginning with its first part.
    Apart { tenant: TenantId, id: OutboxId, rich: Rich, at: Timestamp },
    /// Not sent: its window is closed. It waits for the person, and what is said later waits by itself, so nothing waits behind
    /// it. With what goes out in its place, if nothing did since the person wrote. If the person has written in between, it is
    /// sent now instead. No attempt is counted.
    Held { tenant: TenantId, id: OutboxId, until: Timestamp, at: Timestamp, stand_in: Option<StandIn> },
    /// The reply's own [`Beginning`] is no more: the reply stands in its place, or it was taken away.
    Replaced { tenant: TenantId, id: OutboxId },
}

/// The first words of an answer, which stand as a message of their own while the rest is being written. The reply takes that
/// message's place, whichever node sends it: an answer is one message, through every crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    pub turn: TurnNo,
    /// The provider's name of the message; `None` until it is known.
    pub message: Option<String>,
    /// Since when a request about it is on its way, or was when its process ended.
    pub busy: Option<Timestamp>,
}

/// The durable queue of replies.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Up to `max` due replies of the account, marked as being sent; in order for each peer, and none behind one of the
    /// same peer that is not finished, unless that is held.
    ///
    /// # Errors
    /// The store's.
    async fn claim(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<OutboxItem>, StoreError>;

    /// All or nothing.
    ///
    /// # Errors
    /// The store's.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError>;

    /// When the account's next waiting reply is due; `None` if none waits.
    ///
    /// # Errors
    /// The store's.
    async fn next_due(&self, tenant: TenantId, channel: ChannelId) -> Result<Option<Timestamp>, StoreError>;

    /// Whether anything that was said in the conversation is still to be sent.
    ///
    /// # Errors
    /// The store's.
    async fn waits(&self, tenant: TenantId, conversation: ConversationId) -> Result<bool, StoreError>;

    /// What is known of a conversation whose window is closed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    async fn closed(&self, tenant: TenantId, conversation: ConversationId) -> Result<Closed, StoreError>;

    /// The templates that the account's provider has under a name, in all languages.
    ///
    /// # Errors
    /// The store's.
    async fn offered(&self, tenant: TenantId, channel: ChannelId, name: &str) -> Result<Vec<Offered>, StoreError>;

    /// After a crash: replies of the account that were being sent become `uncertain`. Returns how many.
    ///
    /// # Errors
    /// The store's.
    async fn recover(&self, tenant: TenantId, channel: ChannelId, now: Timestamp) -> Result<u64, StoreError>;

    /// Writes down how the account stands with its provider. While it is stopped, nothing of it is due.
    ///
    /// # Errors
    /// The store's.
    async fn stands(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        standing: Standing,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Moves statuses forward, never back; unknown ids are no error. Returns the messages that changed.
    ///
    /// # Errors
    /// The store's.
    async fn advance(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        updates: Vec<StatusUpdate>,
    ) -> Result<Vec<(ConversationId, MessageId, DeliveryStatus)>, StoreError>;

    /// The first words of the turn's answer are about to go out. `None`: written down, whoever asked may send them. Otherwise what
    /// the conversation has already: nothing is sent beside it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the conversation's partition belongs to another node, or the store's.
    async fn begin(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        now: Timestamp,
    ) -> Result<Option<Beginning>, StoreError>;

    /// The turn's first words are about to be changed. `false`: they do not stand any more, or a request about them is on its way.
    ///
    /// # Errors
    /// As [`OutboxStore::begin`].
    async fn amend(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// What came of the request: the turn's first words stand under this name, or, without one, not at all.
    ///
    /// # Errors
    /// As [`OutboxStore::begin`].
    async fn amended(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        message: Option<String>,
    ) -> Result<(), StoreError>;

    /// What stands of an answer of the conversation; with a reply's message, only if it is that reply's.
    ///
    /// # Errors
    /// The store's.
    async fn beginning(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        reply: Option<MessageId>,
    ) -> Result<Option<Beginning>, StoreError>;
}
