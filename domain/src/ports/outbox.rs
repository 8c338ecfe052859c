use crate::{
    channel::{DeliveryStatus, StatusUpdate},
    failure::Failure,
    ids::{ChannelId, ConversationId, MessageId, OutboxId, TenantId},
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
}

/// The durable queue of replies.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Up to `max` due replies of the account, marked as being sent; in order for each peer, and none behind one of the
    /// same peer that is not finished.
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
}
