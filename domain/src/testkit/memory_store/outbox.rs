use super::{MemoryStore, Sending, State};
use crate::{
    channel::{DeliveryStatus, StatusUpdate},
    conversation::NewOutbox,
    failure::Failure,
    fallback::{Closed, Offered},
    ids::{ChannelId, ConversationId, MessageId, OutboxId, TenantId, TurnNo},
    ports::{Beginning, OutboxItem, OutboxStore, Settlement, StoreError},
    standing::Standing,
    time::Timestamp,
};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Queued,
    Sending,
    Done,
}

struct Row {
    item: OutboxItem,
    place: Place,
    status: DeliveryStatus,
    due: Timestamp,
    claimed_at: Option<Timestamp>,
    cause: Option<Failure>,
}

#[derive(Default)]
pub(super) struct Outbox {
    /// In the order of writing.
    rows: Vec<Row>,
    by_id: BTreeMap<OutboxId, usize>,
    /// Places of the rows that are not done.
    open: BTreeMap<(TenantId, ChannelId), BTreeSet<usize>>,
    parts: BTreeMap<(TenantId, ChannelId, String), usize>,
}

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn claim(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let outbox = &mut self.state().outbox;
        let due = outbox.heads(tenant, channel).filter(|i| outbox.rows[*i].due <= now).take(max).collect::<Vec<_>>();
        Ok(due.into_iter().map(|i| outbox.rows[i].begin(now)).collect())
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        let state = &mut *self.state();
        for s in &settlements {
            let (tenant, id) = named(s);
            state.outbox.row(tenant, id).ok_or(StoreError::NotFound("outbox item"))?;
        }
        for settlement in settlements {
            match settlement {
                Settlement::Replaced { tenant, id } => state.replaced(tenant, id),
                Settlement::Held { tenant, id, until, at, stand_in } => state.hold((tenant, id), until, at, stand_in),
                other => state.outbox.settle(other),
            }
        }
        Ok(())
    }

    async fn next_due(&self, tenant: TenantId, channel: ChannelId) -> Result<Option<Timestamp>, StoreError> {
        let outbox = &self.state().outbox;
        Ok(outbox.heads(tenant, channel).map(|i| outbox.rows[i].due).min())
    }

    async fn waits(&self, tenant: TenantId, conversation: ConversationId) -> Result<bool, StoreError> {
        let outbox = &self.state().outbox;
        let open = outbox.open.iter().filter(|((of, _), _)| *of == tenant).flat_map(|(_, places)| places);
        Ok(open.into_iter().any(|i| outbox.rows[*i].item.conversation == conversation))
    }

    async fn closed(&self, tenant: TenantId, conversation: ConversationId) -> Result<Closed, StoreError> {
        self.state().closed(tenant, conversation)
    }

    async fn offered(&self, tenant: TenantId, channel: ChannelId, name: &str) -> Result<Vec<Offered>, StoreError> {
        let state = self.state();
        let all = state.templates.get(&(tenant, channel)).into_iter().flatten();
        Ok(all.filter(|o| o.template.name == name).cloned().collect())
    }

    /// Nobody asks this store how an account stands.
    async fn stands(&self, _: TenantId, _: ChannelId, _: Standing, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn recover(&self, tenant: TenantId, channel: ChannelId, _now: Timestamp) -> Result<u64, StoreError> {
        let State { outbox, beginnings, .. } = &mut *self.state();
        let open = outbox.open.get(&(tenant, channel)).cloned().unwrap_or_default();
        let mut sending: Vec<usize> = open.into_iter().filter(|i| outbox.rows[*i].place == Place::Sending).collect();
        // A message of theirs stands: putting the reply in its place may be repeated.
        let stands = |item: &OutboxItem| {
            let beginning = beginnings.of((tenant, item.conversation), Some(item.message));
            item.parts_sent == 0 && beginning.is_some_and(|b| b.message.is_some())
        };
        sending.retain(|&i| {
            let repeated = stands(&outbox.rows[i].item);
            if repeated {
                outbox.rows[i].place = Place::Queued;
            }
            !repeated
        });
        for &i in &sending {
            let row = &mut outbox.rows[i];
            let parts = row.item.parts_sent > 0 && row.status != DeliveryStatus::Failed;
            if row.status == DeliveryStatus::Queued || parts {
                row.status = DeliveryStatus::Uncertain;
            }
            outbox.done(i);
        }
        Ok(sending.len() as u64)
    }

    async fn advance(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        updates: Vec<StatusUpdate>,
    ) -> Result<Vec<(ConversationId, MessageId, DeliveryStatus)>, StoreError> {
        let outbox = &mut self.state().outbox;
        let mut changed = BTreeSet::new();
        for update in updates {
            for i in outbox.spoken_of(tenant, channel, &update) {
                let row = &mut outbox.rows[i];
                if update.status >= DeliveryStatus::Sent && update.status > row.status {
                    row.status = update.status;
                    row.cause.clone_from(&update.failure);
                    changed.insert(i);
                }
            }
        }
        let tell =
            |i: &usize| (outbox.rows[*i].item.conversation, outbox.rows[*i].item.message, outbox.rows[*i].status);
        Ok(changed.iter().map(tell).collect())
    }

    async fn begin(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        now: Timestamp,
    ) -> Result<Option<Beginning>, StoreError> {
        Ok(self.state().beginnings.begin((tenant, conversation), turn, now))
    }

    async fn amend(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.state().beginnings.amend((tenant, conversation), turn, now))
    }

    async fn amended(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        message: Option<String>,
    ) -> Result<(), StoreError> {
        self.state().beginnings.amended((tenant, conversation), turn, message);
        Ok(())
    }

    async fn beginning(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        reply: Option<MessageId>,
    ) -> Result<Option<Beginning>, StoreError> {
        Ok(self.state().beginnings.of((tenant, conversation), reply))
    }
}

fn named(settlement: &Settlement) -> (TenantId, OutboxId) {
    match settlement {
        Settlement::Progress { tenant, id, .. }
        | Settlement::Sent { tenant, id, .. }
        | Settlement::Again { tenant, id, .. }
        | Settlement::Released { tenant, id, .. }
        | Settlement::Failed { tenant, id, .. }
        | Settlement::Uncertain { tenant, id, .. }
        | Settlement::Apart { tenant, id, .. }
        | Settlement::Held { tenant, id, .. }
        | Settlement::Replaced { tenant, id } => (*tenant, *id),
    }
}

impl Row {
    /// The item as it was before this attempt.
    fn begin(&mut self, now: Timestamp) -> OutboxItem {
        let item = self.item.clone();
        self.place = Place::Sending;
        self.claimed_at = Some(now);
        self.item.attempts += 1;
        item
    }
}

impl Outbox {
    pub(super) fn add(
        &mut self,
        (tenant, channel, conversation): (TenantId, ChannelId, ConversationId),
        new: NewOutbox,
        now: Timestamp,
    ) {
        let i = self.rows.len();
        self.by_id.insert(new.id, i);
        self.open.entry((tenant, channel)).or_default().insert(i);
        let item = OutboxItem {
            tenant,
            id: new.id,
            channel,
            conversation,
            message: new.message,
            peer: new.peer,
            text: new.text,
            citations: new.citations,
            rich: new.rich,
            by_person: new.by_person,
            template: new.template,
            last_inbound_at: new.last_inbound_at,
            parts_sent: 0,
            attempts: 0,
            held_until: None,
        };
        let (place, status) = (Place::Queued, DeliveryStatus::Queued);
        self.rows.push(Row { item, place, status, due: now, claimed_at: None, cause: None });
    }

    pub(super) fn all(&self) -> Vec<Sending> {
        self.rows.iter().map(shown).collect()
    }

    pub(super) fn get(&self, id: OutboxId) -> Option<Sending> {
        self.by_id.get(&id).map(|i| shown(&self.rows[*i]))
    }

    fn row(&self, tenant: TenantId, id: OutboxId) -> Option<usize> {
        self.by_id.get(&id).copied().filter(|i| self.rows[*i].item.tenant == tenant)
    }

    /// Queued rows that no unfinished one of the same conversation stands before; those that are held stand before none.
    fn heads(&self, tenant: TenantId, channel: ChannelId) -> impl Iterator<Item = usize> {
        let mut seen = BTreeSet::new();
        let open = self.open.get(&(tenant, channel)).into_iter().flatten().copied();
        open.filter(move |i| self.rows[*i].item.held_until.is_some() || seen.insert(self.rows[*i].item.conversation))
            .filter(|i| self.rows[*i].place == Place::Queued)
    }

    fn done(&mut self, i: usize) {
        let row = &mut self.rows[i];
        row.place = Place::Done;
        if let Some(open) = self.open.get_mut(&(row.item.tenant, row.item.channel)) {
            open.remove(&i);
        }
    }

    fn settle(&mut self, settlement: Settlement) {
        let (tenant, id) = named(&settlement);
        let Some(i) = self.row(tenant, id) else { return };
        let sending = self.rows[i].place == Place::Sending;
        let row = &mut self.rows[i];
        match settlement {
            Settlement::Sent { provider_message_id, .. } => {
                if row.status < DeliveryStatus::Sent {
                    row.status = DeliveryStatus::Sent;
                }
                row.item.parts_sent += 1;
                self.name_part(i, provider_message_id);
                self.done(i);
            }
            Settlement::Progress { parts, provider_message_id, .. } => {
                if sending {
                    row.item.parts_sent = row.item.parts_sent.max(parts);
                }
                self.name_part(i, provider_message_id);
            }
            // The rest is only true of a row that is being sent.
            _ if !sending => {}
            // Not the row's alone.
            Settlement::Replaced { .. } | Settlement::Held { .. } => {}
            Settlement::Again { parts, at, failure, .. } => {
                row.item.parts_sent = row.item.parts_sent.max(parts);
                (row.place, row.due, row.cause) = (Place::Queued, at, Some(failure));
            }
            Settlement::Released { at, .. } => {
                row.item.attempts -= 1;
                (row.place, row.due) = (Place::Queued, at);
            }
            Settlement::Apart { rich, at, .. } => {
                row.item.attempts -= 1;
                (row.item.rich, row.item.parts_sent) = (Some(rich), 0);
                (row.place, row.due) = (Place::Queued, at);
            }
            Settlement::Failed { failure, .. } => {
                (row.status, row.cause) = (DeliveryStatus::Failed, Some(failure));
                self.done(i);
            }
            Settlement::Uncertain { failure, .. } => {
                row.cause = Some(failure);
                if row.status == DeliveryStatus::Queued {
                    row.status = DeliveryStatus::Uncertain;
                }
                self.done(i);
            }
        }
    }

    /// Gives a reply that is being sent back: it waits for its person until then, or it is due at once.
    pub(super) fn hold(&mut self, id: OutboxId, until: Option<Timestamp>, at: Timestamp, heard: Option<Timestamp>) {
        let Some(row) = self.by_id.get(&id).copied().and_then(|i| self.rows.get_mut(i)) else { return };
        row.item.attempts -= 1;
        row.item.held_until = until;
        row.item.last_inbound_at = heard.unwrap_or(row.item.last_inbound_at);
        (row.place, row.due) = (Place::Queued, until.unwrap_or(at));
    }

    /// What is held in the conversation is due. Whether anything was.
    pub(super) fn release(&mut self, conversation: ConversationId, at: Timestamp) -> bool {
        let held = |r: &&mut Row| r.item.conversation == conversation && r.place == Place::Queued;
        let mut any = false;
        for row in self.rows.iter_mut().filter(held).filter(|r| r.item.held_until.is_some()) {
            (row.item.held_until, row.item.last_inbound_at, row.due) = (None, at, at);
            any = true;
        }
        any
    }

    /// The reply, if it is being sent.
    pub(super) fn sending(&self, tenant: TenantId, id: OutboxId) -> Option<&OutboxItem> {
        self.row(tenant, id).map(|i| &self.rows[i]).filter(|r| r.place == Place::Sending).map(|r| &r.item)
    }

    fn name_part(&mut self, i: usize, provider_message_id: Option<String>) {
        let item = &self.rows[i].item;
        if let Some(name) = provider_message_id {
            self.parts.entry((item.tenant, item.channel, name)).or_insert(i);
        }
    }

    fn spoken_of(&self, tenant: TenantId, channel: ChannelId, update: &StatusUpdate) -> Vec<usize> {
        let part = |name: &String| self.parts.get(&(tenant, channel, name.clone())).copied();
        let ours = |i: &usize| self.rows[*i].item.tenant == tenant && self.rows[*i].item.channel == channel;
        if update.provider_message_id.is_some() || update.outbox.is_some() {
            let by_name = update.provider_message_id.as_ref().and_then(part);
            let by_id = update.outbox.and_then(|id| self.by_id.get(&id).copied()).filter(ours);
            return by_name.or(by_id).into_iter().collect();
        }
        let Some(peer) = &update.peer else { return Vec::new() };
        // A watermark speaks of what was certainly sent before it.
        let certain = |r: &Row| matches!(r.status, DeliveryStatus::Sent | DeliveryStatus::Delivered);
        let meant = |i: &usize| {
            let row = &self.rows[*i];
            row.item.peer.address == *peer && certain(row) && row.claimed_at.is_some_and(|at| at <= update.at)
        };
        (0..self.rows.len()).filter(ours).filter(meant).collect()
    }
}

fn shown(row: &Row) -> Sending {
    Sending { item: row.item.clone(), status: row.status, cause: row.cause.clone() }
}
