//! Small things that tests of the store's ports are made of.

use super::SeqIds;
use crate::{
    agent::{AgentProfile, Approvals},
    approval::{CallPlace, NewApproval, Origin, Taint, Why},
    channel::{ChannelAccount, ChannelKind},
    conversation::{Commit, JournalRow, JournalWhat, LedgerRow, NewMessage, NewOutbox, Settled},
    ids::{AgentId, ApprovalId, ChannelId, ConversationId, DocumentId, MessageId, OutboxId, TenantId},
    knowledge::IngestJob,
    message::{Content, Inbound, Outcome, Peer},
    model::{Completion, ModelChoice, Speaker, Usage},
    outbound::Checks,
    placement::Lane,
    ports::{ConversationStore, Ids, InboxHint, InboxStore, IngressLog, Loaded, NewEntry},
    time::Timestamp,
    tool::ToolCall,
};

/// A channel and whose it is. All of it must exist in the store under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub tenant: TenantId,
    pub agent: AgentId,
    pub channel: ChannelId,
}

/// What a store under test holds before a suite runs.
#[derive(Debug)]
pub struct Fixture {
    pub home: Account,
    /// Of the same tenant; its clients read replies themselves.
    pub pull: Account,
    /// Of another tenant.
    pub abroad: Account,
    /// In the queue, oldest first, never begun; the last one is the other tenant's.
    pub documents: Vec<IngestJob>,
    pub now: Timestamp,
    pub ids: SeqIds,
}

impl Account {
    #[must_use]
    pub fn new(tenant: TenantId, ids: &dyn Ids) -> Self {
        Self { tenant, agent: AgentId::new(ids.uuid()), channel: ChannelId::new(ids.uuid()) }
    }

    /// The agent's profile, with the defaults and a name of its own.
    #[must_use]
    pub fn profile(&self) -> AgentProfile {
        let model = ModelChoice {
            provider: "scripted".into(),
            model: String::new(),
            temperature: None,
            max_tokens: None,
            sees_images: false,
        };
        AgentProfile::new(self.tenant, self.agent, format!("agent {}", self.agent), model)
    }

    /// The channel, of a kind that no driver serves.
    #[must_use]
    pub fn account(&self) -> ChannelAccount {
        ChannelAccount {
            tenant: self.tenant,
            id: self.channel,
            kind: ChannelKind::of("fake"),
            name: format!("channel {}", self.channel),
            agent: self.agent,
            external_id: None,
            settings: std::collections::BTreeMap::new(),
            secrets: std::collections::BTreeMap::new(),
            enabled: true,
        }
    }

    /// A text from `peer`, as the log takes it.
    #[must_use]
    pub fn text(&self, peer: &str, id: &str, text: &str, at: Timestamp) -> NewEntry {
        let inbound = Inbound {
            provider_message_id: id.to_owned(),
            peer: Peer { address: peer.to_owned(), name: None },
            sent_at: at,
            content: Content::text(text),
            reply_to: None,
            raw: None,
        };
        NewEntry { tenant: self.tenant, channel: self.channel, received_at: at, inbound }
    }
}

/// Moves everything that the log holds into the inboxes.
pub async fn take_in_all<L: IngressLog, S: InboxStore>(log: &L, inbox: &S) -> Vec<InboxHint> {
    let mut hints = Vec::new();
    for lane in (0..log.lanes()).map(Lane) {
        loop {
            let from = inbox.cursor(lane).await.expect("cursor");
            let entries = log.read(lane, from, 100).await.expect("read");
            let Some(to) = entries.last().map(|e| e.offset) else { break };
            hints.extend(inbox.take_in(lane, from, to, entries).await.expect("take in").hints);
        }
    }
    hints
}

/// Lets `peer` write texts (`id`, words) and loads the conversation.
pub async fn receive<S: IngressLog + InboxStore + ConversationStore>(
    store: &S,
    account: &Account,
    peer: &str,
    texts: &[(&str, &str)],
    at: Timestamp,
) -> Loaded {
    let entries = texts.iter().map(|(id, text)| account.text(peer, id, text, at)).collect();
    store.append(entries).await.expect("append");
    let hints = take_in_all(store, store).await;
    let hint = hints.last().expect("something new came in");
    store.load(hint.tenant, hint.conversation).await.expect("load")
}

/// A commit of nothing but the fence.
#[must_use]
pub fn empty_commit(loaded: &Loaded, now: Timestamp) -> Commit {
    Commit {
        tenant: loaded.key.tenant,
        conversation: loaded.key.id,
        channel: loaded.key.channel,
        expected_version: loaded.version,
        now,
        snapshot: loaded.snapshot.clone(),
        heard: Vec::new(),
        settled: Vec::new(),
        messages: Vec::new(),
        cuts: Vec::new(),
        outbox: Vec::new(),
        journal: Vec::new(),
        ledger: Vec::new(),
        dead_letters: Vec::new(),
        unanswered: Vec::new(),
        approvals: Vec::new(),
        timers: Vec::new(),
    }
}

/// The commit of a turn that answers all that is pending with `text`.
#[must_use]
pub fn answer(loaded: &Loaded, text: &str, ids: &dyn Ids, now: Timestamp) -> Commit {
    let mut commit = empty_commit(loaded, now);
    let turn = loaded.snapshot.next_turn;
    commit.snapshot.next_turn = turn + 1;
    let last = loaded.pending.last().map(|i| i.seq);
    commit.settled = loaded
        .pending
        .iter()
        .map(|item| Settled {
            seq: item.seq,
            provider_message_id: item.inbound.provider_message_id.clone(),
            outcome: if Some(item.seq) == last { Outcome::Answered { turn } } else { Outcome::Merged { turn } },
        })
        .collect();
    let usage = Usage { prompt_tokens: 10, completion_tokens: 5, cost_micros: 7 };
    let completion = Completion { text: text.to_owned(), usage, ..Completion::default() };
    commit.journal =
        vec![JournalRow { turn, step: 0, index: 0, agent: None, what: JournalWhat::Completion(completion) }];
    commit.ledger = vec![LedgerRow { turn, step: 0, agent: None, usage }];
    say(&mut commit, loaded, text, ids);
    commit
}

/// A payment to an account that a document named, held at this place.
#[must_use]
pub fn held(place: CallPlace, ids: &dyn Ids) -> NewApproval {
    let document = DocumentId::new(ids.uuid());
    let origin = Origin::Document { document, name: "faq.md".into(), page: Some(3) };
    let taints = vec![Taint { argument: "to".into(), origin }];
    NewApproval {
        id: ApprovalId::new(ids.uuid()),
        place,
        key: format!("key-{}", place.turn),
        call: ToolCall { id: "c0".into(), name: "bank__pay".into(), arguments: r#"{"to":"FR76"}"#.into() },
        why: Why { policy: Approvals::Tainted, taints },
    }
}

/// Adds a line of our side to a commit, with its place in the outbox where the channel has one.
pub fn say(commit: &mut Commit, loaded: &Loaded, text: &str, ids: &dyn Ids) -> OutboxId {
    let (message, outbox) = (MessageId::new(ids.uuid()), OutboxId::new(ids.uuid()));
    commit.messages.push(NewMessage {
        id: message,
        speaker: Speaker::Agent,
        author: None,
        turn: Some(loaded.snapshot.next_turn),
        text: text.to_owned(),
        rich: None,
        citations: Vec::new(),
        abstained: false,
        checks: Checks::default(),
    });
    if !loaded.key.pull {
        commit.outbox.push(NewOutbox {
            id: outbox,
            message,
            peer: loaded.key.peer.clone(),
            text: text.to_owned(),
            rich: None,
            by_person: false,
            citations: Vec::new(),
            template: None,
            last_inbound_at: commit.now,
        });
    }
    outbox
}

/// Texts of the transcript before a number of the inbox.
pub async fn said<S: ConversationStore>(store: &S, tenant: TenantId, conversation: ConversationId) -> Vec<String> {
    let history = store.history(tenant, conversation, u64::MAX, 1000).await.expect("history");
    history.into_iter().map(|m| m.text).collect()
}
