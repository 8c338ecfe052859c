use super::{approvals, commit::Prepared, signed, unsigned};
use crate::{
    db,
    error::{store_error, unreadable},
    records::{self, InboundRecord},
    sql,
    store::Store,
};
use async_trait::async_trait;
use colloquy_domain::{
    agent::Spent,
    approval::Ruling,
    channel::ChannelKind,
    conversation::{Commit, Key, Snapshot},
    ids::{AgentId, ChannelId, ConversationId, Seq, TenantId},
    message::{Heard, InboxItem, Peer},
    model::{HistoryMessage, Speaker},
    ports::{ConversationStore, DueTimer, Loaded, StoreError},
    time::Timestamp,
};
use uuid::Uuid;

#[derive(sqlx::FromRow)]
struct LoadRow {
    channel_id: Uuid,
    peer: String,
    peer_name: Option<String>,
    version: i64,
    snapshot: Option<String>,
    agent_id: Uuid,
    pull: bool,
    kind: String,
    ruled: bool,
}

#[async_trait]
impl ConversationStore for Store {
    async fn load(&self, tenant: TenantId, conversation: ConversationId) -> Result<Loaded, StoreError> {
        let row: Option<LoadRow> = db::query_as(sql::conversation::LOAD)
            .bind(tenant.uuid())
            .bind(conversation.uuid())
            .fetch_optional(self.readers_of(tenant))
            .await
            .map_err(store_error)?;
        let row = row.ok_or(StoreError::NotFound("conversation"))?;
        // Read second: what came in between is simply pending, and a commit in between fails the fence.
        let pending = self.pending(tenant, conversation, 0).await?;
        let rulings = if row.ruled { self.rulings(tenant, conversation).await? } else { Vec::new() };
        let key = Key {
            tenant,
            id: conversation,
            channel: ChannelId::new(row.channel_id),
            peer: Peer { address: row.peer, name: row.peer_name },
            pull: row.pull,
            spoken: ChannelKind::named(&row.kind).is_spoken(),
        };
        Ok(Loaded {
            key,
            agent: AgentId::new(row.agent_id),
            version: unsigned(row.version),
            snapshot: row.snapshot.as_deref().map_or_else(|| Ok(Snapshot::default()), read_snapshot)?,
            pending,
            rulings,
        })
    }

    async fn rulings(&self, tenant: TenantId, conversation: ConversationId) -> Result<Vec<Ruling>, StoreError> {
        approvals::rulings(self.readers_of(tenant), tenant.uuid(), conversation.uuid()).await
    }

    async fn pending(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Seq,
    ) -> Result<Vec<InboxItem>, StoreError> {
        let rows: Vec<(i64, i64, String, Option<String>)> = db::query_as(sql::conversation::PENDING)
            .bind(conversation.uuid())
            .bind(signed(after))
            .bind(tenant.uuid())
            .fetch_all(self.readers_of(tenant))
            .await
            .map_err(store_error)?;
        rows.into_iter()
            .map(|(seq, received_at, payload, heard)| {
                let inbound = InboundRecord::parse(&payload)?;
                let heard = read_heard(heard.as_deref())?;
                Ok(InboxItem { seq: unsigned(seq), received_at: Timestamp(received_at), inbound, heard })
            })
            .collect()
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.writer().commit(Prepared::new(commit)?).await
    }

    async fn history(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        before: Seq,
        limit: u32,
    ) -> Result<Vec<HistoryMessage>, StoreError> {
        let rows: Vec<HistoryRow> = db::query_as(sql::conversation::HISTORY)
            .bind(tenant.uuid())
            .bind(conversation.uuid())
            .bind(signed(before))
            .bind(i64::from(limit))
            .fetch_all(self.readers_of(tenant))
            .await
            .map_err(store_error)?;
        let lines = rows.into_iter().rev();
        let line = |(speaker, written, image, heard): HistoryRow| {
            let text = Heard::with(read_heard(heard.as_deref())?.as_ref(), &written);
            Ok(HistoryMessage { speaker: read_speaker(&speaker)?, text, image: image.map(unsigned) })
        };
        // Of what nobody could hear there is nothing to tell.
        lines.map(line).filter(|l| !matches!(l, Ok(m) if m.text.is_empty() && m.image.is_none())).collect()
    }

    async fn unfinished(
        &self,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<(TenantId, ConversationId)>, StoreError> {
        let rows: Vec<(Uuid, Uuid)> = db::query_as(sql::conversation::UNFINISHED)
            .bind(after.map_or(Uuid::nil(), ConversationId::uuid))
            .bind(signed(limit as u64))
            .fetch_all(self.readers())
            .await
            .map_err(store_error)?;
        Ok(rows.into_iter().map(|(t, c)| (TenantId::new(t), ConversationId::new(c))).collect())
    }

    async fn due_timers(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTimer>, StoreError> {
        let rows: Vec<(Uuid, Uuid, i64)> = db::query_as(sql::conversation::DUE_TIMERS)
            .bind(now.millis())
            .bind(signed(limit as u64))
            .fetch_all(self.readers())
            .await
            .map_err(store_error)?;
        let timer = |(tenant, conversation, at)| DueTimer {
            tenant: TenantId::new(tenant),
            conversation: ConversationId::new(conversation),
            at: Timestamp(at),
        };
        Ok(rows.into_iter().map(timer).collect())
    }

    async fn spent(&self, tenant: TenantId, agent: AgentId, now: Timestamp) -> Result<Spent, StoreError> {
        let day = Spent::day_of(now);
        let micros: i64 = db::query_scalar(sql::conversation::SPENT)
            .bind(tenant.uuid())
            .bind(agent.uuid())
            .bind(day)
            .fetch_one(self.readers_of(tenant))
            .await
            .map_err(store_error)?;
        Ok(Spent { day, micros: unsigned(micros) })
    }
}

/// Speaker, what was written, the number of an image, what was heard.
type HistoryRow = (String, String, Option<i64>, Option<String>);

pub(crate) fn read_heard(text: Option<&str>) -> Result<Option<Heard>, StoreError> {
    text.map(|text| records::read("what was heard", text)).transpose()
}

pub(crate) fn read_snapshot(text: &str) -> Result<Snapshot, StoreError> {
    let snapshot: Snapshot = records::read("snapshot", text)?;
    if snapshot.v == Snapshot::VERSION { Ok(snapshot) } else { Err(unreadable("snapshot: unknown version")) }
}

pub(crate) fn speaker_name(speaker: Speaker) -> &'static str {
    match speaker {
        Speaker::Person => "person",
        Speaker::Agent => "agent",
        Speaker::Operator => "operator",
    }
}

pub(crate) fn read_speaker(name: &str) -> Result<Speaker, StoreError> {
    match name {
        "person" => Ok(Speaker::Person),
        "agent" => Ok(Speaker::Agent),
        "operator" => Ok(Speaker::Operator),
        _ => Err(unreadable("speaker")),
    }
}
