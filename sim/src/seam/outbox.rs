//! The queue of replies.

use super::Seam;
use crate::{fault::Site, planted::Planted};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{DeliveryStatus, StatusUpdate},
    fallback::{Closed, Offered},
    ids::{ChannelId, ConversationId, MessageId, TenantId, TurnNo},
    ports::{Beginning, OutboxItem, OutboxStore, Settlement, StoreError},
    standing::Standing,
    time::Timestamp,
};

#[async_trait]
impl OutboxStore for Seam {
    async fn claim(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let work = async {
            self.fenced(channel)?;
            let items = self.core.store.claim(tenant, channel, now, max).await?;
            self.core.watch.claimed(channel, items.iter().map(|i| i.id));
            self.damaged(items, now).await
        };
        self.call(Site::ClaimReplies, &self.core.channel(channel), work).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        let who = settlements.first().map(|s| self.core.sending(outbox_of(s))).unwrap_or_default();
        let work = async {
            let told: Vec<(String, &'static str)> =
                settlements.iter().map(|s| (self.core.sending(outbox_of(s)), name(s))).collect();
            let ended: Vec<_> = settlements.iter().filter(|s| ends(s)).map(outbox_of).collect();
            self.core.store.settle(self.rewritten(settlements)).await?;
            self.core.watch.settled(&ended);
            for (who, what) in told {
                self.note("settled", &who, what);
            }
            Ok(())
        };
        self.call(Site::Settle, &who, work).await
    }

    async fn next_due(&self, tenant: TenantId, channel: ChannelId) -> Result<Option<Timestamp>, StoreError> {
        self.gate.pass().await;
        self.core.store.next_due(tenant, channel).await
    }

    async fn waits(&self, tenant: TenantId, conversation: ConversationId) -> Result<bool, StoreError> {
        self.gate.pass().await;
        self.core.store.waits(tenant, conversation).await
    }

    async fn stands(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        standing: Standing,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.gate.pass().await;
        self.core.store.stands(tenant, channel, standing, now).await
    }

    async fn closed(&self, tenant: TenantId, conversation: ConversationId) -> Result<Closed, StoreError> {
        self.gate.pass().await;
        self.core.store.closed(tenant, conversation).await
    }

    async fn offered(&self, tenant: TenantId, channel: ChannelId, name: &str) -> Result<Vec<Offered>, StoreError> {
        self.gate.pass().await;
        self.core.store.offered(tenant, channel, name).await
    }

    async fn recover(&self, tenant: TenantId, channel: ChannelId, now: Timestamp) -> Result<u64, StoreError> {
        self.gate.pass().await;
        self.fenced(channel)?;
        let found = self.core.store.recover(tenant, channel, now).await?;
        self.core.watch.recovered(channel);
        Ok(found)
    }

    async fn advance(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        updates: Vec<StatusUpdate>,
    ) -> Result<Vec<(ConversationId, MessageId, DeliveryStatus)>, StoreError> {
        self.gate.pass().await;
        self.core.store.advance(tenant, channel, updates).await
    }

    async fn begin(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        now: Timestamp,
    ) -> Result<Option<Beginning>, StoreError> {
        self.gate.pass().await;
        self.fenced(conversation)?;
        self.core.store.begin(tenant, conversation, turn, now).await
    }

    async fn amend(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.gate.pass().await;
        self.fenced(conversation)?;
        self.core.store.amend(tenant, conversation, turn, now).await
    }

    async fn amended(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        message: Option<String>,
    ) -> Result<(), StoreError> {
        self.gate.pass().await;
        self.fenced(conversation)?;
        self.core.store.amended(tenant, conversation, turn, message).await
    }

    async fn beginning(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        reply: Option<MessageId>,
    ) -> Result<Option<Beginning>, StoreError> {
        self.gate.pass().await;
        self.core.store.beginning(tenant, conversation, reply).await
    }
}

impl Seam {
    async fn damaged(&self, mut items: Vec<OutboxItem>, now: Timestamp) -> Result<Vec<OutboxItem>, StoreError> {
        if self.core.has(Planted::IgnoreWindow) {
            items.iter_mut().for_each(|i| i.last_inbound_at = now);
        }
        if self.core.has(Planted::ClaimLightly) {
            let back = |i: &OutboxItem| Settlement::Released { tenant: i.tenant, id: i.id, at: now };
            self.core.store.settle(items.iter().map(back).collect()).await?;
        }
        Ok(items)
    }

    fn rewritten(&self, mut settlements: Vec<Settlement>) -> Vec<Settlement> {
        if self.core.has(Planted::CallFailedSent) {
            for s in &mut settlements {
                if let Settlement::Failed { tenant, id, at, .. } = *s {
                    *s = Settlement::Sent { tenant, id, provider_message_id: None, at };
                }
            }
        }
        settlements
    }
}

fn outbox_of(s: &Settlement) -> colloquy_domain::ids::OutboxId {
    match s {
        Settlement::Progress { id, .. }
        | Settlement::Sent { id, .. }
        | Settlement::Again { id, .. }
        | Settlement::Released { id, .. }
        | Settlement::Failed { id, .. }
        | Settlement::Uncertain { id, .. }
        | Settlement::Apart { id, .. }
        | Settlement::Held { id, .. }
        | Settlement::Replaced { id, .. } => *id,
    }
}

/// Whether nothing of the reply is sent any more.
const fn ends(s: &Settlement) -> bool {
    matches!(s, Settlement::Sent { .. } | Settlement::Failed { .. } | Settlement::Uncertain { .. })
}

fn name(s: &Settlement) -> &'static str {
    match s {
        Settlement::Progress { .. } => "progress",
        Settlement::Sent { .. } => "sent",
        Settlement::Again { .. } => "again",
        Settlement::Released { .. } => "released",
        Settlement::Failed { .. } => "failed",
        Settlement::Uncertain { .. } => "uncertain",
        Settlement::Apart { .. } => "apart",
        Settlement::Held { .. } => "held",
        Settlement::Replaced { .. } => "replaced",
    }
}
