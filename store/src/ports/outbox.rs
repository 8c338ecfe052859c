use super::{
    beginnings::Of,
    sent::Sent,
    settle::{Settle, Undelivered, reply_of},
    signed, small,
    statuses::Advance,
};
use crate::{
    db::{self, Conn, Dialect, Query},
    error::store_error,
    records::{self, CitationRecord, RichRecord},
    repo::write_standing,
    sql::{beginnings::REPEAT, conversation::LOCK, outbox as sql},
    store::Store,
    writer::{Merge, Write, WriteError},
};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{DeliveryStatus, StatusUpdate},
    failure::Failure,
    fallback::{Closed, Offered},
    ids::{ChannelId, ConversationId, MessageId, OutboxId, TenantId, TurnNo},
    message::Peer,
    placement::Partition,
    ports::{Beginning, Ids, OutboxItem, OutboxStore, Settlement, StoreError},
    standing::Standing,
    time::Timestamp,
};
use futures::FutureExt;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

#[async_trait]
impl OutboxStore for Store {
    async fn claim(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let claim = Claim { tenant: tenant.uuid(), channel: channel.uuid(), now: now.millis(), max };
        let rows = self.writer().claim(claim).await?;
        rows.into_iter().map(|row| row.item(tenant)).collect()
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        if settlements.is_empty() {
            return Ok(());
        }
        if let [Settlement::Sent { tenant, id, provider_message_id, at }] = settlements.as_slice() {
            let (tenant, id, name) = (tenant.uuid(), id.uuid(), provider_message_id.clone());
            return self.writer().sent(Sent { tenant, id, provider_message_id: name, at: at.millis() }).await;
        }
        let mut placed = Vec::with_capacity(settlements.len());
        for settlement in settlements {
            placed.push((self.partition(&settlement).await?, settlement));
        }
        self.write(Settle { settlements: placed, ids: self.ids() }).await
    }

    async fn next_due(&self, tenant: TenantId, channel: ChannelId) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = db::query_scalar(sql::NEXT_DUE)
            .bind(tenant.uuid())
            .bind(channel.uuid())
            .fetch_one(self.readers_of(tenant))
            .await
            .map_err(store_error)?;
        Ok(due.map(Timestamp))
    }

    async fn waits(&self, tenant: TenantId, conversation: ConversationId) -> Result<bool, StoreError> {
        let query = db::query_scalar(sql::WAITS).bind(tenant.uuid()).bind(conversation.uuid());
        let waiting: i64 = query.fetch_one(self.readers_of(tenant)).await.map_err(store_error)?;
        Ok(waiting > 0)
    }

    async fn closed(&self, tenant: TenantId, conversation: ConversationId) -> Result<Closed, StoreError> {
        self.closed_window(tenant, conversation).await
    }

    async fn offered(&self, tenant: TenantId, channel: ChannelId, name: &str) -> Result<Vec<Offered>, StoreError> {
        self.offered_templates(tenant, channel, name).await
    }

    async fn recover(&self, tenant: TenantId, channel: ChannelId, now: Timestamp) -> Result<u64, StoreError> {
        let (tenant, channel, now) = (tenant.uuid(), channel.uuid(), now.millis());
        self.write(Recover { tenant, channel, now, ids: self.ids() }).await
    }

    async fn stands(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        standing: Standing,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.tell(Some(tenant), move |conn| {
            let standing = standing.clone();
            async move { write_standing(conn, tenant.uuid(), channel.uuid(), &standing, now).await }.boxed()
        })
        .await
    }

    async fn advance(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        updates: Vec<StatusUpdate>,
    ) -> Result<Vec<(ConversationId, MessageId, DeliveryStatus)>, StoreError> {
        if updates.is_empty() {
            return Ok(Vec::new());
        }
        self.write(Advance { tenant: tenant.uuid(), channel: channel.uuid(), updates, ids: self.ids() }).await
    }

    async fn begin(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        now: Timestamp,
    ) -> Result<Option<Beginning>, StoreError> {
        Of { tenant, conversation, turn }.begin(self, now).await
    }

    async fn amend(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        Of { tenant, conversation, turn }.amend(self, now).await
    }

    async fn amended(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        turn: TurnNo,
        message: Option<String>,
    ) -> Result<(), StoreError> {
        Of { tenant, conversation, turn }.amended(self, message).await
    }

    async fn beginning(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        reply: Option<MessageId>,
    ) -> Result<Option<Beginning>, StoreError> {
        self.beginning_of(tenant, conversation, reply).await
    }
}

impl Store {
    /// Whose settlement it is, where outboxes have owners; `None` if the reply is not known.
    async fn partition(&self, settlement: &Settlement) -> Result<Option<Partition>, StoreError> {
        if self.ownership().is_none() {
            return Ok(None);
        }
        let (tenant, id) = reply_of(settlement);
        let query = db::query_scalar(sql::CHANNEL).bind(tenant.uuid()).bind(id.uuid());
        let channel: Option<Uuid> = query.fetch_optional(self.readers_of(tenant)).await.map_err(store_error)?;
        Ok(channel.map(|c| ChannelId::new(c).into()))
    }
}

/// Marks due replies of an account as being sent.
pub(crate) struct Claim {
    pub(crate) tenant: Uuid,
    pub(crate) channel: Uuid,
    pub(crate) now: i64,
    pub(crate) max: usize,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Claimed {
    position: i64,
    id: Uuid,
    channel_id: Uuid,
    conversation_id: Uuid,
    message_id: Uuid,
    peer: String,
    peer_name: Option<String>,
    text: String,
    citations: String,
    rich: Option<String>,
    by_person: bool,
    template: Option<String>,
    last_inbound_at: i64,
    parts_sent: i64,
    attempts: i64,
    held_until: Option<i64>,
}

#[async_trait]
impl Merge for Claim {
    type Output = Vec<Claimed>;
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.channel
    }

    fn partition(&self) -> Option<Partition> {
        Some(ChannelId::new(self.channel).into())
    }

    async fn run_all(conn: &mut Conn, claims: &[&Self]) -> Result<Vec<Result<Vec<Claimed>, StoreError>>, StoreError> {
        let mut found = match conn.dialect() {
            Dialect::Sqlite => claim_each(conn, claims).await?,
            Dialect::Postgres => {
                let bind =
                    |q: Query, c: &&Self| q.bind(c.tenant).bind(c.channel).bind(c.now).bind(signed(c.max as u64));
                db::fetch_rows(conn, sql::CLAIM_ALL, |q| q, claims, bind).await.map_err(store_error)?
            }
        };
        // RETURNING promises no order.
        found.sort_unstable_by_key(|r: &Claimed| r.position);
        let mut by_channel: HashMap<Uuid, Vec<Claimed>> = HashMap::new();
        for row in found {
            by_channel.entry(row.channel_id).or_default().push(row);
        }
        Ok(claims.iter().map(|c| Ok(by_channel.remove(&c.channel).unwrap_or_default())).collect())
    }
}

async fn claim_each(conn: &mut Conn, claims: &[&Claim]) -> Result<Vec<Claimed>, StoreError> {
    let mut found = Vec::new();
    for c in claims {
        let query = db::query_as(sql::CLAIM).bind(c.tenant).bind(c.channel).bind(c.now).bind(signed(c.max as u64));
        found.extend(query.fetch_all(&mut *conn).await.map_err(store_error)?);
    }
    Ok(found)
}

impl Claimed {
    pub(crate) fn item(self, tenant: TenantId) -> Result<OutboxItem, StoreError> {
        Ok(OutboxItem {
            tenant,
            id: OutboxId::new(self.id),
            channel: ChannelId::new(self.channel_id),
            conversation: ConversationId::new(self.conversation_id),
            message: MessageId::new(self.message_id),
            peer: Peer { address: self.peer, name: self.peer_name },
            text: self.text,
            citations: CitationRecord::parse(&self.citations)?,
            rich: RichRecord::parse(self.rich.as_deref())?,
            by_person: self.by_person,
            template: self.template.as_deref().map(|t| records::read("template", t)).transpose()?,
            last_inbound_at: Timestamp(self.last_inbound_at),
            parts_sent: small(self.parts_sent),
            attempts: small(self.attempts),
            held_until: self.held_until.map(Timestamp),
        })
    }
}

struct Recover {
    tenant: Uuid,
    channel: Uuid,
    now: i64,
    ids: Arc<dyn Ids>,
}

#[async_trait]
impl Write for Recover {
    type Output = u64;

    fn partitions(&self) -> Vec<Partition> {
        vec![ChannelId::new(self.channel).into()]
    }

    async fn run(&self, conn: &mut Conn) -> Result<u64, WriteError> {
        if !conn.fence.lets(ChannelId::new(self.channel)) {
            return Err(WriteError::Clean(StoreError::Stale));
        }
        db::query(REPEAT).bind(self.tenant).bind(self.channel).execute(&mut *conn).await?;
        let found: Vec<(Uuid, Uuid, String)> = db::query_as(sql::RECOVER)
            .bind(self.tenant)
            .bind(self.channel)
            .bind(self.now)
            .fetch_all(&mut *conn)
            .await?;
        let why = "the process ended while the reply was being sent: it may have arrived";
        let failure = Failure::reject("delivery.interrupted", why);
        for (conversation, outbox, status) in &found {
            promote(conn, self.tenant, *conversation).await?;
            if status == DeliveryStatus::Uncertain.name() {
                let (conversation, outbox) = (*conversation, *outbox);
                let letter = Undelivered { tenant: self.tenant, conversation, outbox, at: self.now };
                letter.write(conn, self.ids.uuid(), &failure).await?;
            }
        }
        Ok(found.len() as u64)
    }
}

/// Lets the next reply of the conversation be claimed.
pub(super) async fn promote(conn: &mut Conn, tenant: Uuid, conversation: Uuid) -> Result<(), StoreError> {
    lock(conn, tenant, conversation).await?;
    db::query(sql::PROMOTE).bind(tenant).bind(conversation).execute(conn).await.map(|_| ()).map_err(store_error)
}

/// Until the transaction ends, nobody else decides which reply of the conversation is its head: a commit on another node
/// that adds one would not see that this one finishes, nor be seen. SQLite has one writer.
pub(crate) async fn lock(conn: &mut Conn, tenant: Uuid, conversation: Uuid) -> Result<(), StoreError> {
    if conn.dialect() == Dialect::Postgres {
        let query = db::query(LOCK).bind(tenant).bind(conversation);
        query.execute(conn).await.map_err(store_error)?;
    }
    Ok(())
}
