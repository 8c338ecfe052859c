use super::{Approvals, Line, MemoryStore, Thread};
use crate::{
    conversation::{Key, Snapshot},
    ids::{AgentId, ConversationId},
    message::{InboxItem, Outcome},
    time::Timestamp,
};

/// Everything that a conversation goes on from.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub key: Key,
    pub version: u64,
    pub snapshot: Snapshot,
    pub inbox: Vec<(InboxItem, Option<Outcome>)>,
    pub lines: Vec<Line>,
    /// Agent, UTC day, millionths of a US dollar.
    pub ledger: Vec<(AgentId, i64, u64)>,
    pub approvals: Approvals,
    /// When the agent takes it back from a person.
    pub returns_at: Option<Timestamp>,
}

impl MemoryStore {
    #[must_use]
    pub fn standing(&self, conversation: ConversationId) -> Option<Standing> {
        let state = self.state();
        let thread = state.conversations.get(&conversation)?;
        Some(Standing {
            key: thread.key.clone(),
            version: thread.version,
            snapshot: thread.snapshot.clone(),
            inbox: thread.inbox.clone(),
            lines: thread.lines.clone(),
            ledger: thread.ledger.clone(),
            approvals: thread.approvals.clone(),
            returns_at: state.timers.get(&conversation).copied(),
        })
    }

    /// Puts a conversation in as it stood elsewhere, under an id of its own, which is returned; `None` if its peer has one here,
    /// or the store gives no ids. What was delivered is not repeated: the outbox stays as it is.
    pub fn put_standing(&self, standing: Standing) -> Option<ConversationId> {
        let Standing { mut key, version, snapshot, inbox, lines, ledger, approvals, returns_at } = standing;
        let mut state = self.state();
        if state.by_peer.contains_key(&(key.tenant, key.channel, key.peer.address.clone())) {
            return None;
        }
        key.id = state.conversation_of(key.tenant, key.channel, &key.peer.address)?;
        let known = inbox.iter().map(|(i, _)| (key.tenant, key.channel, i.inbound.provider_message_id.clone()));
        state.known.extend(known);
        if let Some(at) = returns_at {
            state.timers.insert(key.id, at);
        }
        let (id, journal, dead_letters) = (key.id, Vec::new(), Vec::new());
        let thread =
            Thread { key, version, snapshot, inbox, lines, journal, dead_letters, ledger, approvals, prompted: false };
        state.conversations.insert(id, thread);
        Some(id)
    }
}
