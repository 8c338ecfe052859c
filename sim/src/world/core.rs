//! What all of a simulated world shares.

use super::{Doors, Library, heard::Heard};
use crate::{
    check::Watch,
    clock::WorldClock,
    fault::Faults,
    model::Deck,
    planted::Planted,
    provider::Network,
    saved::{AllBefore, Before},
    seam::Switchboard,
    seed::Seed,
    toolset::InUse,
    trace::{Entry, Trace},
};
use colloquy_domain::{
    channel::ChannelAccount,
    conversation::Key,
    ids::{AgentId, ChannelId, ConversationId, OutboxId, TenantId},
    message::{InboxItem, Outcome},
    model::Completion,
    testkit::{Line, MemoryPlacement, MemoryStore, SeqIds},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A conversation, its inbox and its transcript.
pub type News = (Key, Vec<(InboxItem, Option<Outcome>)>, Vec<Line>);

pub struct Core {
    pub seed: Seed,
    planted: Option<Planted>,
    pub clock: Arc<WorldClock>,
    pub trace: Trace,
    pub faults: Faults,
    pub store: Arc<MemoryStore>,
    pub placement: MemoryPlacement,
    pub board: Switchboard,
    pub doors: Doors,
    pub network: Network,
    pub watch: Watch,
    pub heard: Heard,
    pub library: Library,
    /// Of a world that goes on from another one.
    pub(super) before: AllBefore,
    /// The scenario's tool set with the data of this run.
    pub toolset: Option<InUse>,
    /// Whether each account has one pacer for as long as the world lasts: only then nobody can be too fast.
    pub is_paced: bool,
    /// How long a model writes what it says.
    pub writing: Duration,
    /// The words of each channel's templates, by its name and theirs.
    pub templates: BTreeMap<(String, String), String>,
    /// Of what the team writes.
    pub team_ids: SeqIds,
    /// Models outside of the world.
    pub deck: Arc<Deck>,
    /// Accounts with their names, in the order of the scenario.
    accounts: Vec<(String, Arc<ChannelAccount>)>,
    agents: BTreeMap<String, (TenantId, AgentId)>,
    deaths: AtomicU64,
    asked: Mutex<BTreeMap<String, u64>>,
    cache: Mutex<BTreeMap<String, Completion>>,
    came: Mutex<BTreeSet<(ChannelId, String)>>,
}

impl Core {
    #[expect(clippy::too_many_arguments, reason = "each is a part, and there is one caller")]
    pub(super) fn new(
        seed: Seed,
        planted: Option<Planted>,
        clock: Arc<WorldClock>,
        faults: Faults,
        trace: Trace,
        store: Arc<MemoryStore>,
        accounts: Vec<(String, Arc<ChannelAccount>)>,
        agents: BTreeMap<String, (TenantId, AgentId)>,
        watch: Watch,
        library: Library,
    ) -> Self {
        Self {
            seed,
            planted,
            placement: MemoryPlacement::new(clock.clone()),
            board: Switchboard::default(),
            doors: Doors::default(),
            network: Network::new(&accounts),
            watch,
            heard: Heard::default(),
            library,
            toolset: None,
            is_paced: true,
            writing: Duration::ZERO,
            templates: BTreeMap::new(),
            team_ids: SeqIds::new(4),
            deck: Arc::default(),
            before: AllBefore::new(),
            deaths: AtomicU64::new(0),
            asked: Mutex::default(),
            cache: Mutex::default(),
            came: Mutex::default(),
            clock,
            trace,
            faults,
            store,
            accounts,
            agents,
        }
    }

    /// A node's life has ended.
    pub fn died(&self) {
        self.deaths.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether one has.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.deaths.load(Ordering::Relaxed) > 0
    }

    /// Whether this defect is planted.
    #[must_use]
    pub fn has(&self, defect: Planted) -> bool {
        self.planted == Some(defect)
    }

    pub fn note(&self, node: &str, what: &'static str, entity: &str, detail: impl Into<String>) {
        let entry = Entry {
            at: self.clock.elapsed(),
            node: node.to_owned(),
            what,
            entity: entity.to_owned(),
            detail: detail.into(),
        };
        self.trace.add(entry);
    }

    #[must_use]
    pub fn account(&self, id: ChannelId) -> Option<Arc<ChannelAccount>> {
        self.accounts.iter().find(|(_, a)| a.id == id).map(|(_, a)| Arc::clone(a))
    }

    #[must_use]
    pub fn account_named(&self, name: &str) -> Option<Arc<ChannelAccount>> {
        self.accounts.iter().find(|(n, _)| n == name).map(|(_, a)| Arc::clone(a))
    }

    #[must_use]
    pub fn accounts(&self) -> Vec<Arc<ChannelAccount>> {
        self.accounts.iter().map(|(_, a)| Arc::clone(a)).collect()
    }

    /// How much of a conversation was there before this world began.
    #[must_use]
    pub fn before(&self, who: &str) -> Before {
        self.before.get(who).copied().unwrap_or_default()
    }

    /// What came into each conversation since the world began, with what became of it, and its transcript.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        let of = |key: Key| {
            let before = self.before(&self.peer(key.channel, &key.peer.address));
            let inbox = self.store.inbox(key.id).split_off(before.inbox);
            let lines = self.store.transcript(key.id).split_off(before.lines);
            (key, inbox, lines)
        };
        self.store.conversations().into_iter().map(of).collect()
    }

    /// The scenario's name of a channel.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> String {
        self.accounts.iter().find(|(_, a)| a.id == id).map(|(name, _)| name.clone()).unwrap_or_default()
    }

    /// `channel/peer`.
    #[must_use]
    pub fn peer(&self, channel: ChannelId, peer: &str) -> String {
        format!("{}/{peer}", self.channel(channel))
    }

    /// `channel/peer` of a conversation.
    #[must_use]
    pub fn called(&self, conversation: ConversationId) -> String {
        self.store.key(conversation).map(|k| self.peer(k.channel, &k.peer.address)).unwrap_or_default()
    }

    /// `channel/peer` of a reply.
    #[must_use]
    pub fn sending(&self, outbox: OutboxId) -> String {
        self.store.delivery(outbox).map(|s| self.peer(s.item.channel, &s.item.peer.address)).unwrap_or_default()
    }

    /// The scenario's name of an agent.
    #[must_use]
    pub fn agent_called(&self, id: AgentId) -> String {
        self.agents.iter().find(|(_, (_, agent))| *agent == id).map(|(name, _)| name.clone()).unwrap_or_default()
    }

    #[must_use]
    pub fn agent_named(&self, name: &str) -> Option<AgentId> {
        self.agents.get(name).map(|(_, id)| *id)
    }

    /// How many completions were asked for before.
    pub fn asked(&self, who: &str) -> u64 {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let n = asked.entry(who.to_owned()).or_default();
        *n += 1;
        *n - 1
    }

    /// What an agent spent, by UTC day, in millionths of a US dollar.
    #[must_use]
    pub fn spent(&self, agent: &str) -> BTreeMap<i64, u64> {
        self.agents.get(agent).map(|(tenant, id)| self.store.spent_by_day(*tenant, *id)).unwrap_or_default()
    }

    /// Whether this message was moved before: for a planted defect.
    pub fn came_before(&self, channel: ChannelId, id: &str) -> bool {
        !self.came.lock().unwrap_or_else(PoisonError::into_inner).insert((channel, id.to_owned()))
    }

    /// The cache of a planted defect: its key is the beginning of the question, whoever asks.
    pub fn remembered(&self, messages: &[String], answer: Completion) -> Completion {
        let key = messages
            .first()
            .and_then(|m| m.split_once('.'))
            .map_or_else(String::new, |(_, key)| key.chars().take(1).collect());
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_insert(answer).clone()
    }

    /// An answer that a client of ours would read.
    pub fn replied(&self, conversation: ConversationId, text: &str) {
        let who = self.called(conversation);
        self.note("", "replied", &who, text);
        if self.store.key(conversation).is_some_and(|k| k.pull) {
            self.heard.tell(&who, text);
        }
    }
}
