//! First words of answers that stand while the rest is being written.

use super::State;
use crate::{
    ids::{ConversationId, MessageId, OutboxId, TenantId, TurnNo},
    ports::Beginning,
    time::Timestamp,
};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Beginnings {
    open: BTreeMap<(TenantId, ConversationId), Beginning>,
    /// The turn that each of our side's messages is the answer of.
    turns: BTreeMap<MessageId, TurnNo>,
}

impl Beginnings {
    pub(super) fn answers(&mut self, message: MessageId, turn: Option<TurnNo>) {
        self.turns.extend(turn.map(|turn| (message, turn)));
    }

    pub(super) fn of(&self, at: (TenantId, ConversationId), reply: Option<MessageId>) -> Option<Beginning> {
        let meant = |b: &&Beginning| reply.is_none_or(|reply| self.turns.get(&reply) == Some(&b.turn));
        self.open.get(&at).filter(meant).cloned()
    }

    pub(super) fn begin(&mut self, at: (TenantId, ConversationId), turn: TurnNo, now: Timestamp) -> Option<Beginning> {
        let there = self.open.get(&at).cloned();
        if there.is_none() {
            self.open.insert(at, Beginning { turn, message: None, busy: Some(now) });
        }
        there
    }

    pub(super) fn amend(&mut self, at: (TenantId, ConversationId), turn: TurnNo, now: Timestamp) -> bool {
        let still = |b: &&mut Beginning| b.turn == turn && b.message.is_some() && b.busy.is_none();
        self.open.get_mut(&at).filter(still).map(|b| b.busy = Some(now)).is_some()
    }

    pub(super) fn amended(&mut self, at: (TenantId, ConversationId), turn: TurnNo, message: Option<String>) {
        match (self.open.get_mut(&at).filter(|b| b.turn == turn), message) {
            (Some(beginning), message @ Some(_)) => (beginning.message, beginning.busy) = (message, None),
            (Some(_), None) => drop(self.open.remove(&at)),
            (None, _) => {}
        }
    }
}

impl State {
    /// The one that the reply takes the place of.
    pub(super) fn replaced(&mut self, tenant: TenantId, id: OutboxId) {
        let Some(sending) = self.outbox.get(id) else { return };
        let at = (tenant, sending.item.conversation);
        if self.beginnings.of(at, Some(sending.item.message)).is_some() {
            self.beginnings.open.remove(&at);
        }
    }
}
