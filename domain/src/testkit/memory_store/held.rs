use super::{Line, MemoryStore, State, Thread};
use crate::{
    conversation::NewOutbox,
    fallback::{Closed, Offered, StandIn},
    ids::{ChannelId, ConversationId, OutboxId, TenantId},
    message::{Content, InboxItem},
    model::Speaker,
    ports::StoreError,
    time::Timestamp,
};
use std::collections::BTreeMap;

impl MemoryStore {
    /// What the account's provider says of a template from now on.
    pub fn offer(&self, tenant: TenantId, channel: ChannelId, offered: Offered) {
        let mut state = self.state();
        let all = state.templates.entry((tenant, channel)).or_default();
        let same = |o: &Offered| {
            (&o.template.name, &o.template.language) == (&offered.template.name, &offered.template.language)
        };
        all.retain(|o| !same(o));
        all.push(offered);
    }
}

impl Thread {
    /// When the person wrote last.
    fn heard_at(&self) -> Option<Timestamp> {
        let own = |item: &&(InboxItem, _)| !matches!(item.0.inbound.content, Content::Echo { .. });
        self.inbox.iter().rev().find(own).map(|(item, _)| item.received_at)
    }
}

impl State {
    /// This store knows people by their names alone.
    pub(super) fn closed(&self, tenant: TenantId, conversation: ConversationId) -> Result<Closed, StoreError> {
        let thread = self.thread(tenant, conversation).ok_or(StoreError::NotFound("conversation"))?;
        let words = thread.inbox.iter().rev().find_map(|(i, _)| i.inbound.content.withdraws_consent());
        Ok(Closed {
            agent: thread.snapshot.active.map_or_else(|| self.agent_of(thread), Ok)?,
            language: thread.snapshot.language,
            name: thread.key.peer.name.clone(),
            attributes: BTreeMap::new(),
            heard_at: thread.heard_at(),
            opted_out: words.unwrap_or(false),
            prompted: thread.prompted,
        })
    }

    /// A reply that is being sent waits for its person, who may have written meanwhile.
    pub(super) fn hold(
        &mut self,
        (tenant, id): (TenantId, OutboxId),
        until: Timestamp,
        at: Timestamp,
        stand_in: Option<StandIn>,
    ) {
        let Some(item) = self.outbox.sending(tenant, id).cloned() else { return };
        let Some(thread) = self.conversations.get_mut(&item.conversation) else { return };
        let heard = thread.heard_at().filter(|heard| *heard > item.last_inbound_at);
        if heard.is_some() {
            return self.outbox.hold(id, None, at, heard);
        }
        self.outbox.hold(id, Some(until), at, None);
        let Some(instead) = stand_in.filter(|_| !thread.prompted) else { return };
        thread.prompted = true;
        thread.lines.push(Line {
            speaker: Speaker::Agent,
            seq: None,
            message: Some(instead.message),
            turn: None,
            text: instead.text.clone(),
            heard: None,
            citations: Vec::new(),
            abstained: false,
        });
        let new = NewOutbox {
            id: instead.id,
            message: instead.message,
            peer: item.peer,
            text: instead.text,
            rich: None,
            by_person: false,
            citations: Vec::new(),
            template: Some(instead.template),
            last_inbound_at: item.last_inbound_at,
        };
        self.outbox.add((tenant, item.channel, item.conversation), new, at);
    }

    /// The person wrote: what was held for them is due, and they may be prompted again. Whether anything was held.
    pub(super) fn heard_again(&mut self, conversation: ConversationId, at: Timestamp) -> bool {
        if let Some(thread) = self.conversations.get_mut(&conversation) {
            thread.prompted = false;
        }
        self.outbox.release(conversation, at)
    }
}
