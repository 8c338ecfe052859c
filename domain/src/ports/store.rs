use crate::{
    agent::{AgentProfile, Refusal, Spent},
    approval::Ruling,
    conversation::{Commit, Key, Snapshot},
    ids::{AgentId, ChannelId, ConversationId, Seq, TenantId},
    message::InboxItem,
    model::HistoryMessage,
    placement::Lane,
    ports::{Cursor, LogEntry},
    time::Timestamp,
};
use async_trait::async_trait;

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another writer committed in between: the loaded state is void. Load again.
    #[error("another writer was faster")]
    Stale,
    /// There is no such row for this tenant.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Two of what may be only one: names the field.
    #[error("{0} is already taken")]
    Conflict(&'static str),
    /// The tenant's plan does not have room for more of it.
    #[error("the plan has no room for more {0}")]
    BeyondPlan(&'static str),
    /// A passing trouble (busy, connection): the same call may succeed later. Nothing was written.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// No room left. Nothing was written.
    #[error("store full: {0}")]
    Full(String),
    /// What is stored cannot be read, or what should be written breaks a rule: a defect, not weather.
    #[error("store: {0}")]
    Broken(String),
}

impl StoreError {
    #[must_use]
    pub const fn is_retry(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}

/// A conversation as it is activated.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    pub key: Key,
    pub agent: AgentId,
    /// The fence of the next commit.
    pub version: u64,
    pub snapshot: Snapshot,
    /// Inbox items without outcome, in order (those of an open turn among them).
    pub pending: Vec<InboxItem>,
    /// What people decided about held calls and was not taken up, in order.
    pub rulings: Vec<Ruling>,
}

/// Conversations.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// # Errors
    /// [`StoreError::NotFound`], or the store's.
    async fn load(&self, tenant: TenantId, conversation: ConversationId) -> Result<Loaded, StoreError>;

    /// Inbox items without outcome whose number is above `after`, in order.
    ///
    /// # Errors
    /// The store's.
    async fn pending(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Seq,
    ) -> Result<Vec<InboxItem>, StoreError>;

    /// What people decided about held calls of the conversation and was not taken up, in order.
    ///
    /// # Errors
    /// The store's.
    async fn rulings(&self, tenant: TenantId, conversation: ConversationId) -> Result<Vec<Ruling>, StoreError>;

    /// Writes all of it or nothing; afterwards the version is `expected_version + 1`.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the version is another one, or the conversation's partition belongs to another node;
    /// [`StoreError::Conflict`] if an inbox item already has an outcome, a tool call already has a result, or an approval
    /// was taken up already or nobody decided about it. An undo that was ordered before is not ordered again.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// The last `limit` lines of the transcript whose inbox number is below `before` (all of our side's), oldest first.
    ///
    /// # Errors
    /// The store's.
    async fn history(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        before: Seq,
        limit: u32,
    ) -> Result<Vec<HistoryMessage>, StoreError>;

    /// Up to `limit` conversations with inbox items without outcome or rulings that were not taken up, after `after` in id
    /// order.
    ///
    /// # Errors
    /// The store's.
    async fn unfinished(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(TenantId, ConversationId)>, StoreError>;

    /// Up to `limit` timers that are due.
    ///
    /// # Errors
    /// The store's.
    async fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTimer>, StoreError>;

    /// What the ledger holds against an agent on the UTC day of `now`.
    ///
    /// # Errors
    /// The store's.
    async fn spent(&self, tenant: TenantId, agent: AgentId, now: Timestamp) -> Result<Spent, StoreError>;
}

/// A conversation whose time with a person is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueTimer {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub at: Timestamp,
}

/// "Look at your inbox": all that a conversation's mailbox ever carries from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InboxHint {
    pub tenant: TenantId,
    pub conversation: ConversationId,
}

/// What a move into the inboxes brought about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakenIn {
    /// The conversations that got something.
    pub hints: Vec<InboxHint>,
    /// Accounts that may have replies to send which waited for their person to write.
    pub released: Vec<ChannelId>,
}

/// The way from the log into the inboxes.
#[async_trait]
pub trait InboxStore: Send + Sync {
    /// How far the lane was moved.
    ///
    /// # Errors
    /// The store's.
    async fn cursor(&self, lane: Lane) -> Result<Cursor, StoreError>;

    /// In one transaction: entries that are new by (tenant, channel, provider message id) get the next number of their
    /// conversation (made, with its contact, if it is the peer's first), a line in the transcript, and the lane's cursor
    /// moves from `from` to `to`. Replies that were held until their person writes wait no longer. Entries of channels that no
    /// longer exist are dropped and counted in the log.
    ///
    /// Entries may lie beyond `to`, as long as everything up to `to` was taken in, and of each tenant everything before
    /// them. So what one mover has taken in is, of each tenant, the lane's beginning, and what two have is the longer of
    /// two beginnings: where `to` equals `from`, a mover that was replaced and does not know it passes the comparison of
    /// the cursor, but can only repeat what is known, or take in what is next. Moves of one lane never overlap in time.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the cursor is not `from` any more, or the lane's partition belongs to another node;
    /// [`StoreError::Broken`] if `to` is below `from`.
    async fn take_in(
        &self,
        lane: Lane,
        from: Cursor,
        to: Cursor,
        entries: Vec<LogEntry>,
    ) -> Result<TakenIn, StoreError>;
}

/// Finds agents.
#[async_trait]
pub trait AgentDirectory: Send + Sync {
    /// The profile as it is now, or `None` if the tenant has no such agent (any more).
    ///
    /// # Errors
    /// The store's.
    async fn profile(&self, tenant: TenantId, agent: AgentId) -> Result<Option<AgentProfile>, StoreError>;

    /// Why no agent of the tenant may begin a turn now, if so: its budget or its plan. Where tenants have neither, never.
    ///
    /// # Errors
    /// The store's.
    async fn barred(&self, _tenant: TenantId, _now: Timestamp) -> Result<Option<Refusal>, StoreError> {
        Ok(None)
    }
}
