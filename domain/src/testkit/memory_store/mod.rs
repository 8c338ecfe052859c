//! The store's ports in memory: the reference model that the conformance suites hold the real stores against.
//!
//! Compact rather than fast; nothing survives it. A lock is held for the length of one call, so every call is atomic.

mod approvals;
mod beginnings;
mod conversation;
mod documents;
mod held;
mod inbox;
mod log;
mod outbox;
mod standing;

pub use approvals::{Approval, Approvals};
pub use standing::Standing;

use crate::{
    agent::AgentProfile,
    channel::{ChannelAccount, DeliveryStatus},
    conversation::{JournalRow, Key, NewDeadLetter, Snapshot},
    failure::Failure,
    fallback::Offered,
    ids::{AgentId, ChannelId, ConversationId, MessageId, OutboxId, Seq, TenantId, TurnNo},
    journey::Travel,
    message::{Heard, InboxItem, Outcome},
    model::Speaker,
    outbound::Citation,
    placement::Lane,
    ports::{Cursor, Ids, OutboxItem},
    testkit::SeqIds,
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// All ports of the store, in memory. Clones share what is stored.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    ids: Option<Arc<dyn Ids>>,
    agents: BTreeMap<(TenantId, AgentId), AgentProfile>,
    /// The account, and whether its replies are read by the client itself.
    channels: BTreeMap<ChannelId, (ChannelAccount, bool)>,
    /// One less than there are lanes.
    more_lanes: u8,
    log: BTreeMap<Lane, log::Entries>,
    waiting_for_log: Vec<Waker>,
    cursors: BTreeMap<Lane, Cursor>,
    /// What repeated deliveries are recognised by.
    known: BTreeSet<(TenantId, ChannelId, String)>,
    by_peer: BTreeMap<(TenantId, ChannelId, String), ConversationId>,
    conversations: BTreeMap<ConversationId, Thread>,
    timers: BTreeMap<ConversationId, Timestamp>,
    outbox: outbox::Outbox,
    templates: BTreeMap<(TenantId, ChannelId), Vec<Offered>>,
    beginnings: beginnings::Beginnings,
    documents: documents::Documents,
}

/// One conversation with all of its rows.
struct Thread {
    key: Key,
    version: u64,
    snapshot: Snapshot,
    inbox: Vec<(InboxItem, Option<Outcome>)>,
    lines: Vec<Line>,
    journal: Vec<JournalRow>,
    dead_letters: Vec<NewDeadLetter>,
    /// Agent, UTC day, millionths of a US dollar.
    ledger: Vec<(AgentId, i64, u64)>,
    approvals: Approvals,
    /// A template went out in the place of an answer, and the person has not written since.
    prompted: bool,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub speaker: Speaker,
    /// Number in the inbox; none for our side's lines.
    pub seq: Option<Seq>,
    pub message: Option<MessageId>,
    /// The turn that said it.
    pub turn: Option<TurnNo>,
    pub text: String,
    /// What came of listening to it.
    pub heard: Option<Heard>,
    /// The passages that it rests on.
    pub citations: Vec<Citation>,
    /// It says that the agent does not know.
    pub abstained: bool,
}

impl Line {
    /// What was written or said.
    #[must_use]
    pub fn words(&self) -> String {
        Heard::with(self.heard.as_ref(), &self.text)
    }
}

/// A reply in the outbox, and how far it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    pub item: OutboxItem,
    pub status: DeliveryStatus,
    pub cause: Option<Failure>,
}

impl MemoryStore {
    #[must_use]
    pub fn new() -> Self {
        Self::with_ids(Arc::new(SeqIds::new(u16::MAX)))
    }

    /// New conversations get ids from here.
    #[must_use]
    pub fn with_ids(ids: Arc<dyn Ids>) -> Self {
        let store = Self::default();
        store.state().ids = Some(ids);
        store
    }

    /// The log gets this many lanes, at least one; to be called before anything is appended.
    #[must_use]
    pub fn with_lanes(self, lanes: u8) -> Self {
        self.state().more_lanes = lanes.saturating_sub(1);
        self
    }

    /// `pull`: replies are read by the client itself, nothing goes to the outbox.
    pub fn register_channel(&self, account: ChannelAccount, pull: bool) {
        self.state().channels.insert(account.id, (account, pull));
    }

    pub fn register_agent(&self, profile: AgentProfile) {
        self.state().agents.insert((profile.tenant, profile.id), profile);
    }

    #[must_use]
    pub fn agent(&self, tenant: TenantId, agent: AgentId) -> Option<AgentProfile> {
        self.state().agents.get(&(tenant, agent)).cloned()
    }

    #[must_use]
    pub fn account(&self, channel: ChannelId) -> Option<ChannelAccount> {
        self.state().channels.get(&channel).map(|(account, _)| account.clone())
    }

    /// All accounts, in id order.
    #[must_use]
    pub fn accounts(&self) -> Vec<ChannelAccount> {
        self.state().channels.values().map(|(account, _)| account.clone()).collect()
    }

    /// All conversations, in id order.
    #[must_use]
    pub fn conversations(&self) -> Vec<Key> {
        self.state().conversations.values().map(|t| t.key.clone()).collect()
    }

    /// Whose conversation it is, and with whom.
    #[must_use]
    pub fn key(&self, conversation: ConversationId) -> Option<Key> {
        self.state().conversations.get(&conversation).map(|t| t.key.clone())
    }

    /// Where it stands on journeys.
    #[must_use]
    pub fn travels(&self, conversation: ConversationId) -> Vec<Travel> {
        self.state().conversations.get(&conversation).map(|t| t.snapshot.travels.clone()).unwrap_or_default()
    }

    /// The agent that has it in the place of the channel's own.
    #[must_use]
    pub fn active_agent(&self, conversation: ConversationId) -> Option<AgentId> {
        self.state().conversations.get(&conversation).and_then(|t| t.snapshot.active)
    }

    /// The inbox of a conversation with what became of each item, in order.
    #[must_use]
    pub fn inbox(&self, conversation: ConversationId) -> Vec<(InboxItem, Option<Outcome>)> {
        self.state().conversations.get(&conversation).map(|t| t.inbox.clone()).unwrap_or_default()
    }

    #[must_use]
    pub fn transcript(&self, conversation: ConversationId) -> Vec<Line> {
        self.state().conversations.get(&conversation).map(|t| t.lines.clone()).unwrap_or_default()
    }

    #[must_use]
    pub fn journal(&self, conversation: ConversationId) -> Vec<JournalRow> {
        self.state().conversations.get(&conversation).map(|t| t.journal.clone()).unwrap_or_default()
    }

    #[must_use]
    pub fn dead_letters(&self, conversation: ConversationId) -> Vec<NewDeadLetter> {
        self.state().conversations.get(&conversation).map(|t| t.dead_letters.clone()).unwrap_or_default()
    }

    /// What an agent's completions cost on each UTC day, in millionths of a US dollar.
    #[must_use]
    pub fn spent_by_day(&self, tenant: TenantId, agent: AgentId) -> BTreeMap<i64, u64> {
        let mut days = BTreeMap::new();
        let state = self.state();
        let rows = state.conversations.values().filter(|t| t.key.tenant == tenant).flat_map(|t| &t.ledger);
        for (_, day, micros) in rows.filter(|(a, ..)| *a == agent) {
            *days.entry(*day).or_default() += micros;
        }
        days
    }

    /// Whether everything in the log was moved into inboxes.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        let state = self.state();
        state.log.iter().all(|(lane, entries)| state.cursor(*lane) >= entries.end())
    }

    /// All replies ever put into the outbox, in order.
    #[must_use]
    pub fn outbox(&self) -> Vec<Sending> {
        self.state().outbox.all()
    }

    #[must_use]
    pub fn delivery(&self, outbox: OutboxId) -> Option<Sending> {
        self.state().outbox.get(outbox)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn thread(&self, tenant: TenantId, conversation: ConversationId) -> Option<&Thread> {
        self.conversations.get(&conversation).filter(|t| t.key.tenant == tenant)
    }
}
