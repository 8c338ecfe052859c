use super::{signed, unsigned};
use crate::{
    bulk,
    error::db,
    records::InboundRecord,
    sql,
    sqlite::SqliteStore,
    writer::{Write, WriteError},
};
use async_trait::async_trait;
use colloquy_domain::{
    ids::{ConversationId, TenantId},
    message::Content,
    ports::{Cursor, Ids, InboxHint, InboxStore, LogEntry, StoreError},
};
use sqlx::{AssertSqlSafe, FromRow, SqliteConnection, sqlite::SqliteRow};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

#[async_trait]
impl InboxStore for SqliteStore {
    async fn cursor(&self) -> Result<Cursor, StoreError> {
        let offset: i64 = sqlx::query_scalar(sql::inbox::CURSOR).fetch_one(self.readers()).await.map_err(db)?;
        Ok(unsigned(offset))
    }

    async fn take_in(&self, from: Cursor, entries: Vec<LogEntry>) -> Result<Vec<InboxHint>, StoreError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.write(TakeIn::new(from, entries, self.ids())?).await
    }
}

/// A batch of the log on its way into inboxes.
pub(crate) struct TakeIn {
    from: Cursor,
    to: Cursor,
    entries: Vec<Entry>,
    ids: Arc<dyn Ids>,
}

/// An entry of the log, with what its rows need.
struct Entry {
    tenant: Uuid,
    channel: Uuid,
    received_at: i64,
    provider_message_id: String,
    peer: String,
    peer_name: Option<String>,
    payload: String,
    speaker: &'static str,
    kind: &'static str,
    words: String,
}

/// A conversation that gets messages.
struct Target {
    id: Uuid,
    tenant: Uuid,
    channel: Uuid,
    peer: String,
    peer_name: Option<String>,
    last_seq: i64,
    last_inbound_at: i64,
    /// The contact to make with it, if it is the peer's first.
    new_contact: Option<Uuid>,
}

type PeerKey = (Uuid, Uuid, String);

impl Entry {
    fn new(entry: LogEntry) -> Result<Self, StoreError> {
        let e = entry.entry;
        let payload = InboundRecord::json(&e.inbound)?;
        let content = &e.inbound.content;
        // What the team wrote on the provider's own app is our side's line.
        let (speaker, words) = match content {
            Content::Echo { text } => ("operator", text.clone().unwrap_or_default()),
            _ => ("person", content.words().unwrap_or_default()),
        };
        Ok(Self {
            tenant: e.tenant.uuid(),
            channel: e.channel.uuid(),
            received_at: e.received_at.millis(),
            payload,
            speaker,
            kind: content.kind(),
            words,
            provider_message_id: e.inbound.provider_message_id,
            peer: e.inbound.peer.address,
            peer_name: e.inbound.peer.name,
        })
    }

    fn message_key(&self) -> PeerKey {
        (self.tenant, self.channel, self.provider_message_id.clone())
    }

    fn peer_key(&self) -> PeerKey {
        (self.tenant, self.channel, self.peer.clone())
    }
}

#[async_trait]
impl Write for TakeIn {
    type Output = Vec<InboxHint>;
    /// The cursor is compared before anything is written.
    const SAVEPOINT: bool = false;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<Vec<InboxHint>, WriteError> {
        let moved = sqlx::query(sql::inbox::MOVE_CURSOR)
            .bind(signed(self.to))
            .bind(signed(self.from))
            .execute(&mut *conn)
            .await?;
        if moved.rows_affected() == 0 {
            return Err(WriteError::Clean(StoreError::Stale));
        }
        let new = self.new_entries(conn).await?;
        let (targets, placed) = self.place(conn, &new).await?;
        write_targets(conn, &targets).await?;
        self.write_messages(conn, &targets, &placed).await?;
        Ok(targets
            .iter()
            .map(|t| InboxHint { tenant: TenantId::new(t.tenant), conversation: ConversationId::new(t.id) })
            .collect())
    }
}

impl TakeIn {
    /// Makes the rows: the writer's time is everybody's.
    pub(crate) fn new(from: Cursor, entries: Vec<LogEntry>, ids: Arc<dyn Ids>) -> Result<Self, StoreError> {
        let to = entries.last().map_or(from, |e| e.offset);
        let entries = entries.into_iter().map(Entry::new).collect::<Result<_, StoreError>>()?;
        Ok(Self { from, to, entries, ids })
    }

    /// The entries of channels that exist and that no inbox holds yet, in order.
    async fn new_entries(&self, conn: &mut SqliteConnection) -> Result<Vec<&Entry>, StoreError> {
        let mut channels: Vec<(Uuid, Uuid)> = self.entries.iter().map(|e| (e.tenant, e.channel)).collect();
        channels.sort_unstable();
        channels.dedup();
        let live: HashSet<(Uuid, Uuid)> =
            select(conn, sql::inbox::LIVE_CHANNELS, &channels, |q, c| q.bind(c.0).bind(c.1)).await?;
        let (kept, orphans): (Vec<&Entry>, Vec<&Entry>) =
            self.entries.iter().partition(|e| live.contains(&(e.tenant, e.channel)));
        if let Some(first) = orphans.first() {
            tracing::warn!(
                tenant.id = %first.tenant,
                channel.id = %first.channel,
                entries = orphans.len(),
                "dropped log entries of channels that do not exist any more"
            );
        }
        let mut known: HashSet<PeerKey> = select(conn, sql::inbox::KNOWN, &kept, |q, e| {
            q.bind(e.tenant).bind(e.channel).bind(e.provider_message_id.clone())
        })
        .await?;
        Ok(kept.into_iter().filter(|e| known.insert(e.message_key())).collect())
    }

    /// Finds or makes each entry's conversation and gives the entry its number there.
    async fn place<'e>(
        &self,
        conn: &mut SqliteConnection,
        new: &[&'e Entry],
    ) -> Result<(Vec<Target>, Vec<(usize, i64, &'e Entry)>), StoreError> {
        let found: Vec<(Uuid, Uuid, Uuid, String, i64)> =
            select(conn, sql::inbox::CONVERSATIONS, new, |q, e| q.bind(e.tenant).bind(e.channel).bind(e.peer.clone()))
                .await?;
        let existing: HashMap<PeerKey, (Uuid, i64)> =
            found.into_iter().map(|(id, tenant, channel, peer, seq)| ((tenant, channel, peer), (id, seq))).collect();
        let mut targets: Vec<Target> = Vec::new();
        let mut by_peer: HashMap<PeerKey, usize> = HashMap::new();
        let mut placed = Vec::with_capacity(new.len());
        for entry in new {
            let key = entry.peer_key();
            let index = *by_peer.entry(key).or_insert_with_key(|key| {
                targets.push(self.target(entry, existing.get(key).copied()));
                targets.len() - 1
            });
            let target = &mut targets[index];
            target.last_seq += 1;
            target.last_inbound_at = target.last_inbound_at.max(entry.received_at);
            target.peer_name = entry.peer_name.clone().or_else(|| target.peer_name.take());
            placed.push((index, target.last_seq, *entry));
        }
        Ok((targets, placed))
    }

    fn target(&self, entry: &Entry, existing: Option<(Uuid, i64)>) -> Target {
        let (id, last_seq, new_contact) = match existing {
            Some((id, last_seq)) => (id, last_seq, None),
            None => (self.ids.uuid(), 0, Some(self.ids.uuid())),
        };
        Target {
            id,
            tenant: entry.tenant,
            channel: entry.channel,
            peer: entry.peer.clone(),
            peer_name: None,
            last_seq,
            last_inbound_at: entry.received_at,
            new_contact,
        }
    }

    async fn write_messages(
        &self,
        conn: &mut SqliteConnection,
        targets: &[Target],
        placed: &[(usize, i64, &Entry)],
    ) -> Result<(), StoreError> {
        let (added, _) = bulk::execute(conn, sql::inbox::ADD, placed, |q, (target, seq, e)| {
            q.bind(targets[*target].id)
                .bind(*seq)
                .bind(e.tenant)
                .bind(e.channel)
                .bind(e.provider_message_id.clone())
                .bind(e.received_at)
                .bind(e.payload.clone())
        })
        .await
        .map_err(db)?;
        if added != placed.len() as u64 {
            // They were looked up in this very transaction: a number given to nobody would be a gap.
            return Err(StoreError::Broken("a new message was already in the inbox".to_owned()));
        }
        let lines: Vec<(Uuid, &(usize, i64, &Entry))> = placed.iter().map(|p| (self.ids.uuid(), p)).collect();
        bulk::execute(conn, sql::inbox::ADD_LINE, &lines, |q, (id, (target, seq, e))| {
            q.bind(*id)
                .bind(e.tenant)
                .bind(targets[*target].id)
                .bind(e.speaker)
                .bind(*seq)
                .bind(e.kind)
                .bind(e.words.clone())
                .bind(e.received_at)
        })
        .await
        .map(|_| ())
        .map_err(db)
    }
}

async fn write_targets(conn: &mut SqliteConnection, targets: &[Target]) -> Result<(), StoreError> {
    let first: Vec<(&Target, Uuid)> = targets.iter().filter_map(|t| Some((t, t.new_contact?))).collect();
    let known: Vec<&Target> = targets.iter().filter(|t| t.new_contact.is_none()).collect();
    bulk::execute(conn, sql::inbox::ADD_CONTACT, &first, |q, (t, contact)| {
        q.bind(*contact).bind(t.tenant).bind(t.peer_name.clone()).bind(t.last_inbound_at)
    })
    .await
    .map_err(db)?;
    bulk::execute(conn, sql::inbox::ADD_IDENTITY, &first, |q, (t, contact)| {
        q.bind(t.tenant).bind(t.channel).bind(t.peer.clone()).bind(*contact)
    })
    .await
    .map_err(db)?;
    bulk::execute(conn, sql::inbox::ADD_CONVERSATION, &first, |q, (t, contact)| {
        q.bind(t.id)
            .bind(t.tenant)
            .bind(t.channel)
            .bind(*contact)
            .bind(t.peer.clone())
            .bind(t.peer_name.clone())
            .bind(t.last_seq)
            .bind(t.last_inbound_at)
            .bind(t.last_inbound_at)
    })
    .await
    .map_err(db)?;
    bulk::execute(conn, sql::inbox::MOVE_CONVERSATION, &known, |q, t| {
        q.bind(t.tenant).bind(t.id).bind(t.last_seq).bind(t.last_inbound_at).bind(t.peer_name.clone())
    })
    .await
    .map(|_| ())
    .map_err(db)
}

/// Rows by a list of keys, collected.
async fn select<T, K, C>(
    conn: &mut SqliteConnection,
    statement: bulk::Rows,
    keys: &[K],
    bind: impl for<'q> Fn(bulk::SqliteQuery<'q>, &K) -> bulk::SqliteQuery<'q> + Send + Sync,
) -> Result<C, StoreError>
where
    T: for<'r> FromRow<'r, SqliteRow>,
    K: Sync,
    C: FromIterator<T>,
{
    let mut rows = Vec::new();
    for piece in bulk::pieces(keys) {
        let text = statement.text(piece.len());
        let query = piece.iter().fold(sqlx::query(AssertSqlSafe(text)), &bind);
        rows.extend(query.fetch_all(&mut *conn).await.map_err(db)?);
    }
    rows.iter().map(T::from_row).collect::<Result<C, _>>().map_err(db)
}
