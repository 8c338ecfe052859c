use super::{Approvals, Line, MemoryStore, State, Thread};
use crate::{
    conversation::{Key, Snapshot},
    ids::{ConversationId, TenantId},
    message::{Content, InboxItem},
    model::Speaker,
    placement::Lane,
    ports::{Cursor, InboxHint, InboxStore, LogEntry, NewEntry, StoreError, TakenIn},
};
use async_trait::async_trait;

#[async_trait]
impl InboxStore for MemoryStore {
    async fn cursor(&self, lane: Lane) -> Result<Cursor, StoreError> {
        Ok(self.state().cursor(lane))
    }

    async fn take_in(
        &self,
        lane: Lane,
        from: Cursor,
        to: Cursor,
        entries: Vec<LogEntry>,
    ) -> Result<TakenIn, StoreError> {
        let mut state = self.state();
        if to < from {
            return Err(StoreError::Broken("a cursor does not move back".to_owned()));
        }
        if state.cursor(lane) != from {
            return Err(StoreError::Stale);
        }
        state.cursors.insert(lane, to);
        let mut taken = TakenIn::default();
        for LogEntry { entry, .. } in entries {
            let (tenant, channel) = (entry.tenant, entry.channel);
            let (heard_at, wrote) = (entry.received_at, !matches!(entry.inbound.content, Content::Echo { .. }));
            let Some(conversation) = state.take_in(entry) else { continue };
            let hint = InboxHint { tenant, conversation };
            if !taken.hints.contains(&hint) {
                taken.hints.push(hint);
            }
            if wrote && state.heard_again(conversation, heard_at) && !taken.released.contains(&channel) {
                taken.released.push(channel);
            }
        }
        Ok(taken)
    }
}

impl State {
    /// Each lane has its own: the log may be one with more lanes than the one in here.
    pub(super) fn cursor(&self, lane: Lane) -> Cursor {
        self.cursors.get(&lane).copied().unwrap_or(0)
    }

    /// The conversation that got the entry; `None` if its channel does not exist or it was there already.
    fn take_in(&mut self, entry: NewEntry) -> Option<ConversationId> {
        let NewEntry { tenant, channel, received_at, inbound } = entry;
        let pull = self.channels.get(&channel).filter(|(a, _)| a.tenant == tenant)?.1;
        if !self.known.insert((tenant, channel, inbound.provider_message_id.clone())) {
            return None;
        }
        let id = self.conversation_of(tenant, channel, &inbound.peer.address)?;
        let thread = self.conversations.entry(id).or_insert_with(|| Thread {
            key: Key { tenant, id, channel, peer: inbound.peer.clone(), pull, spoken: false },
            version: 0,
            snapshot: Snapshot::default(),
            inbox: Vec::new(),
            lines: Vec::new(),
            journal: Vec::new(),
            dead_letters: Vec::new(),
            ledger: Vec::new(),
            approvals: Approvals::default(),
            prompted: false,
        });
        if inbound.peer.name.is_some() {
            thread.key.peer.name.clone_from(&inbound.peer.name);
        }
        let seq = thread.inbox.len() as u64 + 1;
        let (speaker, text) = match &inbound.content {
            Content::Echo { text } => (Speaker::Operator, text.clone().unwrap_or_default()),
            content => (Speaker::Person, content.words().unwrap_or_default()),
        };
        let citations = Vec::new();
        thread.lines.push(Line {
            speaker,
            seq: Some(seq),
            message: None,
            turn: None,
            text,
            heard: None,
            citations,
            abstained: false,
        });
        thread.inbox.push((InboxItem { seq, received_at, inbound, heard: None }, None));
        Some(id)
    }

    pub(super) fn conversation_of(
        &mut self,
        tenant: TenantId,
        channel: crate::ids::ChannelId,
        peer: &str,
    ) -> Option<ConversationId> {
        let ids = self.ids.clone()?;
        let key = (tenant, channel, peer.to_owned());
        Some(*self.by_peer.entry(key).or_insert_with(|| ConversationId::new(ids.uuid())))
    }
}
