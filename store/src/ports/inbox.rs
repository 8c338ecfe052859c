use super::{signed, unsigned};
use crate::{
    db::{self, Conn, Dialect, Query, Together, storable},
    error::store_error,
    records::InboundRecord,
    sql,
    store::Store,
    writer::Merge,
};
use async_trait::async_trait;
use colloquy_domain::{
    ids::{ChannelId, ConversationId, TenantId},
    message::Content,
    placement::{Lane, Partition},
    ports::{Cursor, Ids, InboxHint, InboxStore, LogEntry, StoreError, TakenIn},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use uuid::Uuid;

#[async_trait]
impl InboxStore for Store {
    async fn cursor(&self, lane: Lane) -> Result<Cursor, StoreError> {
        let query = db::query_scalar(sql::inbox::CURSOR).bind(row_of(lane));
        let offset: Option<i64> = query.fetch_optional(self.readers()).await.map_err(store_error)?;
        Ok(unsigned(offset.unwrap_or(0)))
    }

    async fn take_in(
        &self,
        lane: Lane,
        from: Cursor,
        to: Cursor,
        entries: Vec<LogEntry>,
    ) -> Result<TakenIn, StoreError> {
        self.writer().take_in(TakeIn::new(lane, from, to, entries, self.ids())?).await
    }
}

/// The cursor's row; the first is number 1.
pub(crate) fn row_of(lane: Lane) -> i64 {
    i64::from(lane.0) + 1
}

/// A batch of the log on its way into inboxes.
pub(crate) struct TakeIn {
    lane: Lane,
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
    /// `withdrawn` or `granted`, if the person says so with it.
    consent: Option<&'static str>,
    file: Option<File>,
}

/// A file that is to be brought.
struct File {
    media: &'static str,
    reference: String,
    mime: Option<String>,
    name: Option<String>,
}

impl File {
    fn of(content: &Content) -> Option<Self> {
        let Content::Media { media, reference: Some(reference), mime, name, .. } = content else { return None };
        let (reference, mime, name) = (reference.clone(), mime.clone(), name.clone());
        Some(Self { media: media.file_kind(), reference, mime, name })
    }
}

/// A conversation that gets messages.
struct Target {
    lane: Lane,
    id: Uuid,
    tenant: Uuid,
    channel: Uuid,
    peer: String,
    peer_name: Option<String>,
    last_seq: i64,
    last_inbound_at: i64,
    /// The person wrote; otherwise our side did, somewhere else.
    heard: bool,
    /// The contact to make with it, if it is the peer's first.
    new_contact: Option<Uuid>,
}

impl Target {
    /// Replies may have been held until this.
    const fn waited_for(&self) -> bool {
        self.heard && self.new_contact.is_none()
    }
}

type PeerKey = (Uuid, Uuid, String);
/// Its id, its line's and its conversation's, with what it came in.
type NewFile<'e> = (Uuid, Uuid, Uuid, &'e Entry, &'e File);
/// Place of the entry, whether its account is there and its message was seen, its conversation and that one's last number.
type Looked = (i64, bool, bool, Option<Uuid>, Option<i64>);

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
            consent: content.withdraws_consent().map(|withdrawn| if withdrawn { "withdrawn" } else { "granted" }),
            file: File::of(content),
            // As the database will hold them: what is looked up by them must be found again.
            provider_message_id: storable(e.inbound.provider_message_id),
            peer: storable(e.inbound.peer.address),
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
impl Merge for TakeIn {
    type Output = TakenIn;
    /// A peer's messages are in one lane.
    type Key = u8;

    fn key(&self) -> u8 {
        self.lane.0
    }

    fn partition(&self) -> Option<Partition> {
        Some(self.lane.into())
    }

    async fn run_all(conn: &mut Conn, moves: &[&Self]) -> Result<Vec<Result<TakenIn, StoreError>>, StoreError> {
        // Also where it stays: the row's lock lets the moves of a lane happen one after the other.
        let cursor = |q: Query, m: &&Self| q.bind(row_of(m.lane)).bind(signed(m.from)).bind(signed(m.to));
        let moved: Vec<(i64,)> =
            db::fetch_rows(conn, sql::inbox::MOVE_CURSORS, |q| q, moves, cursor).await.map_err(store_error)?;
        let moved: HashSet<i64> = moved.into_iter().map(|(row,)| row).collect();
        let passed: Vec<&Self> = moves.iter().copied().filter(|m| moved.contains(&row_of(m.lane))).collect();
        let mut taken: HashMap<u8, TakenIn> = HashMap::new();
        if let Some(any) = passed.first() {
            let taking = Taking { entries: passed.iter().flat_map(|m| m.entries()).collect(), ids: any.ids.as_ref() };
            taken = taking.run(conn).await?;
        }
        let result = |m: &&Self| match moved.contains(&row_of(m.lane)) {
            true => Ok(taken.remove(&m.lane.0).unwrap_or_default()),
            false => Err(StoreError::Stale),
        };
        Ok(moves.iter().map(result).collect())
    }
}

impl TakeIn {
    /// Makes the rows: the writer's time is everybody's.
    pub(crate) fn new(
        lane: Lane,
        from: Cursor,
        to: Cursor,
        entries: Vec<LogEntry>,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, StoreError> {
        if to < from {
            return Err(StoreError::Broken("a cursor does not move back".to_owned()));
        }
        let entries = entries.into_iter().map(Entry::new).collect::<Result<_, StoreError>>()?;
        Ok(Self { lane, from, to, entries, ids })
    }

    fn entries(&self) -> impl Iterator<Item = (Lane, &Entry)> {
        self.entries.iter().map(|e| (self.lane, e))
    }
}

/// What several lanes take in together.
struct Taking<'t> {
    entries: Vec<(Lane, &'t Entry)>,
    ids: &'t dyn Ids,
}

/// What the database knows of an entry.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Its channel exists.
    live: bool,
    /// An inbox holds it.
    taken: bool,
    /// Its conversation and the last number there.
    conversation: Option<(Uuid, i64)>,
}

impl<'t> Taking<'t> {
    /// What came of each lane.
    async fn run(&self, conn: &mut Conn) -> Result<HashMap<u8, TakenIn>, StoreError> {
        let known = match conn.dialect() {
            Dialect::Sqlite => self.look_in_turn(conn).await?,
            Dialect::Postgres => self.look(conn).await?,
        };
        let new = self.new_entries(&known);
        let (targets, placed) = self.place(&new);
        let released = self.write(conn, &targets, &placed).await?;
        let mut taken: HashMap<u8, TakenIn> = HashMap::new();
        for t in &targets {
            let of_lane = taken.entry(t.lane.0).or_default();
            let (tenant, conversation) = (TenantId::new(t.tenant), ConversationId::new(t.id));
            of_lane.hints.push(InboxHint { tenant, conversation });
            let channel = ChannelId::new(t.channel);
            // The statement says how many rows it changed, not whose.
            if released && t.waited_for() && !of_lane.released.contains(&channel) {
                of_lane.released.push(channel);
            }
        }
        Ok(taken)
    }

    /// What is known of each entry.
    async fn look(&self, conn: &mut Conn) -> Result<Vec<Known>, StoreError> {
        let asked: Vec<(i64, &Entry)> = (0..).zip(self.entries.iter().map(|(_, e)| *e)).collect();
        let bind = |q: Query, (place, e): &(i64, &Entry)| {
            q.bind(e.tenant).bind(e.channel).bind(&e.provider_message_id).bind(&e.peer).bind(*place)
        };
        let rows: Vec<Looked> =
            db::fetch_rows(conn, sql::inbox::LOOK, |q| q, &asked, bind).await.map_err(store_error)?;
        let mut known = vec![Known::default(); self.entries.len()];
        for (place, live, taken, id, last_seq) in rows {
            let Some(of) = usize::try_from(place).ok().and_then(|place| known.get_mut(place)) else { continue };
            *of = Known { live, taken, conversation: id.zip(last_seq) };
        }
        Ok(known)
    }

    /// The same in statements that SQLite has an index for.
    async fn look_in_turn(&self, conn: &mut Conn) -> Result<Vec<Known>, StoreError> {
        let mut channels: Vec<(Uuid, Uuid)> = self.entries.iter().map(|(_, e)| (e.tenant, e.channel)).collect();
        channels.sort_unstable();
        channels.dedup();
        let live: Vec<(Uuid, Uuid)> =
            db::fetch_rows(conn, sql::inbox::LIVE_CHANNELS, |q| q, &channels, |q, c| q.bind(c.0).bind(c.1))
                .await
                .map_err(store_error)?;
        let live: HashSet<(Uuid, Uuid)> = live.into_iter().collect();
        let by_message =
            |q: Query, (_, e): &(Lane, &Entry)| q.bind(e.tenant).bind(e.channel).bind(&e.provider_message_id);
        let taken: Vec<PeerKey> =
            db::fetch_rows(conn, sql::inbox::KNOWN, |q| q, &self.entries, by_message).await.map_err(store_error)?;
        let taken: HashSet<PeerKey> = taken.into_iter().collect();
        let by_peer = |q: Query, (_, e): &(Lane, &Entry)| q.bind(e.tenant).bind(e.channel).bind(&e.peer);
        let found: Vec<(Uuid, Uuid, Uuid, String, i64)> =
            db::fetch_rows(conn, sql::inbox::CONVERSATIONS, |q| q, &self.entries, by_peer)
                .await
                .map_err(store_error)?;
        let found: HashMap<PeerKey, (Uuid, i64)> =
            found.into_iter().map(|(id, tenant, channel, peer, seq)| ((tenant, channel, peer), (id, seq))).collect();
        let of = |(_, e): &(Lane, &Entry)| Known {
            live: live.contains(&(e.tenant, e.channel)),
            taken: taken.contains(&e.message_key()),
            conversation: found.get(&e.peer_key()).copied(),
        };
        Ok(self.entries.iter().map(of).collect())
    }

    /// The entries of channels that exist and that no inbox holds yet, in order, with their conversations.
    fn new_entries(&self, known: &[Known]) -> Vec<(Lane, &'t Entry, Known)> {
        let entries = self.entries.iter().zip(known).map(|((lane, entry), known)| (*lane, *entry, *known));
        let (kept, orphans): (Vec<_>, Vec<_>) = entries.partition(|(_, _, known)| known.live);
        if let Some((_, first, _)) = orphans.first() {
            tracing::warn!(
                tenant.id = %first.tenant,
                channel.id = %first.channel,
                entries = orphans.len(),
                "dropped log entries of channels that do not exist any more"
            );
        }
        let mut seen: HashSet<PeerKey> = HashSet::new();
        kept.into_iter().filter(|(_, e, known)| !known.taken && seen.insert(e.message_key())).collect()
    }

    /// Finds or makes each entry's conversation and gives the entry its number there.
    fn place(&self, new: &[(Lane, &'t Entry, Known)]) -> (Vec<Target>, Vec<(usize, i64, &'t Entry)>) {
        let mut targets: Vec<Target> = Vec::new();
        let mut by_peer: HashMap<PeerKey, usize> = HashMap::new();
        let mut placed = Vec::with_capacity(new.len());
        for (lane, entry, known) in new {
            let index = *by_peer.entry(entry.peer_key()).or_insert_with(|| {
                targets.push(self.target(*lane, entry, known.conversation));
                targets.len() - 1
            });
            let target = &mut targets[index];
            target.last_seq += 1;
            target.last_inbound_at = target.last_inbound_at.max(entry.received_at);
            target.heard |= entry.speaker == "person";
            target.peer_name = entry.peer_name.clone().or_else(|| target.peer_name.take());
            placed.push((index, target.last_seq, *entry));
        }
        (targets, placed)
    }

    fn target(&self, lane: Lane, entry: &Entry, existing: Option<(Uuid, i64)>) -> Target {
        let (id, last_seq, new_contact) = match existing {
            Some((id, last_seq)) => (id, last_seq, None),
            None => (self.ids.uuid(), 0, Some(self.ids.uuid())),
        };
        Target {
            lane,
            id,
            tenant: entry.tenant,
            channel: entry.channel,
            peer: entry.peer.clone(),
            peer_name: None,
            last_seq,
            last_inbound_at: entry.received_at,
            heard: false,
            new_contact,
        }
    }

    /// Whether replies that were held wait no longer.
    async fn write(
        &self,
        conn: &mut Conn,
        targets: &[Target],
        placed: &[(usize, i64, &Entry)],
    ) -> Result<bool, StoreError> {
        let first: Vec<(&Target, Uuid)> = targets.iter().filter_map(|t| Some((t, t.new_contact?))).collect();
        let known: Vec<&Target> = targets.iter().filter(|t| t.new_contact.is_none()).collect();
        let waited: Vec<&Target> = targets.iter().filter(|t| t.waited_for()).collect();
        let lines: Vec<(Uuid, &(usize, i64, &Entry))> = placed.iter().map(|p| (self.ids.uuid(), p)).collect();
        let id_of = |target: &usize| targets[*target].id;
        let files: Vec<NewFile<'_>> = lines
            .iter()
            .filter_map(|(line, (target, _, e))| Some((self.ids.uuid(), *line, id_of(target), *e, e.file.as_ref()?)))
            .collect();
        let written = Together::default()
            .write(sql::inbox::ADD_CONTACT, &first, |q, (t, contact)| {
                q.bind(*contact).bind(t.tenant).bind(&t.peer_name).bind(t.last_inbound_at)
            })
            .write(sql::inbox::ADD_IDENTITY, &first, |q, (t, contact)| {
                q.bind(t.tenant).bind(t.channel).bind(&t.peer).bind(*contact)
            })
            .write(sql::inbox::ADD_CONVERSATION, &first, |q, (t, contact)| {
                let q = q.bind(t.id).bind(t.tenant).bind(t.channel).bind(*contact).bind(&t.peer).bind(&t.peer_name);
                q.bind(t.last_seq).bind(t.last_inbound_at).bind(t.last_inbound_at)
            })
            .write(sql::inbox::MOVE_CONVERSATION, &known, |q, t| {
                q.bind(t.tenant).bind(t.id).bind(t.last_seq).bind(t.last_inbound_at).bind(&t.peer_name).bind(t.heard)
            })
            .write(sql::inbox::ADD, placed, |q, (target, seq, e)| {
                let q = q.bind(id_of(target)).bind(*seq).bind(e.tenant).bind(e.channel);
                q.bind(&e.provider_message_id).bind(e.received_at).bind(&e.payload)
            })
            .write(sql::inbox::ADD_LINE, &lines, |q, (id, (target, seq, e))| {
                let q = q.bind(*id).bind(e.tenant).bind(id_of(target)).bind(e.speaker).bind(*seq);
                q.bind(e.kind).bind(&e.words).bind(e.received_at)
            })
            .write(sql::attachments::ADD, &files, |q, (id, line, conversation, e, file)| {
                let q = q.bind(*id).bind(e.tenant).bind(e.channel).bind(*conversation).bind(*line).bind(file.media);
                q.bind(&file.reference).bind(&file.mime).bind(&file.name).bind(e.received_at).bind(e.received_at)
            })
            .write(sql::held::RELEASE, &waited, |q, t| q.bind(t.tenant).bind(t.id).bind(t.last_inbound_at))
            .run(conn)
            .await?;
        if written[4] != placed.len() as u64 {
            // They were looked up in this very transaction: somebody else took them in since. A number given to nobody
            // would be a gap.
            return Err(StoreError::Stale);
        }
        consents(conn, placed).await?;
        Ok(written[7] > 0)
    }
}

/// Behind the contacts that are new; the last word of each person counts.
async fn consents(conn: &mut Conn, placed: &[(usize, i64, &Entry)]) -> Result<(), StoreError> {
    let said: HashMap<PeerKey, &Entry> =
        placed.iter().filter(|(_, _, e)| e.consent.is_some()).map(|(_, _, e)| (e.peer_key(), *e)).collect();
    let said: Vec<&Entry> = said.into_values().collect();
    if said.is_empty() {
        return Ok(());
    }
    let bind = |q: Query, e: &&Entry| {
        q.bind(e.tenant).bind(e.channel).bind(&e.peer).bind(e.consent.unwrap_or_default()).bind(e.received_at)
    };
    db::execute_rows(conn, sql::inbox::CONSENTS, &said, bind).await.map(|_| ()).map_err(store_error)
}
