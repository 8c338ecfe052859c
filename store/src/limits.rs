//! What this machine's disk and the driver give at most: the yardstick of `colloquy bench`. [`server`] is PostgreSQL's.
//!
//! Everything runs on a scratch file of its own, through one connection with the store's own settings and the store's
//! own statements, with nothing else around them: no queue, no actors, no reads. Rows are made before the clock starts.

pub mod server;

use crate::{
    Actor, OpenError, Store, StoreOptions,
    db::{self, Conn},
    error::store_error,
    ports::{Prepared, TakeIn, write_all},
    records::InboundRecord,
    sql,
    writer::{LogRow, Merge, bind_log_row},
};
use colloquy_domain::{
    agent::AgentProfile,
    channel::{ChannelAccount, ChannelKind},
    conversation::{Commit, JournalRow, JournalWhat, LedgerRow, NewMessage, Settled, Snapshot},
    ids::{AgentId, ChannelId, ConversationId, MessageId, TenantId},
    message::{Content, Inbound, Outcome, Peer},
    model::{Completion, ModelChoice, Speaker, Usage},
    outbound::Checks,
    placement::Lane,
    ports::{Cursor, Ids, LogEntry, NewEntry, StoreError},
    time::Timestamp,
};
use sqlx::ConnectOptions;
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Conversations that the measured turns belong to.
const CONVERSATIONS: usize = 4096;

/// A measurement: how much was done in how long.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    pub done: u64,
    pub took: Duration,
}

impl Tally {
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// How the rows of one commit are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// A statement for each row.
    OneByOne,
    /// The multi-row statements of the store's own writer.
    Together,
}

impl Rows {
    fn pieces<T>(self, all: &[T]) -> impl Iterator<Item = &[T]> {
        all.chunks(match self {
            Self::OneByOne => 1,
            Self::Together => all.len().max(1),
        })
    }
}

/// A scratch database and the one connection to it.
pub struct Limits {
    conn: Conn,
    ids: Arc<dyn Ids>,
    account: (TenantId, ChannelId),
    now: Timestamp,
    /// By the peer's number: what the next commit of its conversation needs.
    conversations: Vec<(Option<ConversationId>, u32)>,
    next: usize,
    cursor: Cursor,
    written: u64,
}

impl Limits {
    /// Makes `limits.db` in the folder.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(dir: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let path = dir.join("limits.db");
        let (ids, now) = (Arc::clone(&options.ids), options.clock.now());
        let cannot = |cause: String| OpenError::Database { path: path.display().to_string(), cause };
        let store = Store::open(&path, options).await?;
        let account = account(&store, ids.as_ref()).await.map_err(|e| cannot(e.to_string()))?;
        store.close().await;
        let conn = db::sqlite_options(&path).connect().await.map(Conn::from).map_err(|e| cannot(e.to_string()))?;
        let conversations = vec![(None, 0); CONVERSATIONS];
        Ok(Self { conn, ids, account, now, conversations, next: 0, cursor: 0, written: 0 })
    }

    /// Rows of the ingress log that are committed `batch` at a time, for as long as asked. Answers each commit's time,
    /// too.
    ///
    /// # Errors
    /// The database's.
    pub async fn log_rows(
        &mut self,
        batch: usize,
        rows: Rows,
        lasting: Duration,
    ) -> Result<(Tally, Vec<Duration>), StoreError> {
        let (mut tally, mut commits) = (Tally::default(), Vec::new());
        while tally.took < lasting {
            let made = self.batch(batch).iter().map(|e| row(&e.entry)).collect::<Result<Vec<_>, _>>()?;
            let start = Instant::now();
            execute(&mut self.conn, "BEGIN IMMEDIATE").await?;
            self.append(&made, rows).await?;
            execute(&mut self.conn, "COMMIT").await?;
            let took = start.elapsed();
            commits.push(took);
            tally.took += took;
            tally.done += made.len() as u64;
        }
        Ok((tally, commits))
    }

    /// Turns of a web chat, `batch` of them at a time: the batch's messages are appended to the log and committed, then
    /// taken into their inboxes and committed, then their replies are committed. So a turn takes part in three commits,
    /// and `batch` turns share each of them. (Entries are taken in together either way: that is one write.)
    ///
    /// # Errors
    /// The database's.
    pub async fn turns(&mut self, batch: usize, rows: Rows, lasting: Duration) -> Result<Tally, StoreError> {
        while self.conversations.iter().any(|(id, _)| id.is_none()) {
            self.round(batch, rows).await?;
        }
        let mut tally = Tally::default();
        while tally.took < lasting {
            tally.took += self.round(batch, rows).await?;
            tally.done += batch as u64;
        }
        Ok(tally)
    }

    async fn round(&mut self, batch: usize, rows: Rows) -> Result<Duration, StoreError> {
        let first = self.next;
        let mut entries = self.batch(batch);
        let made = entries.iter().map(|e| row(&e.entry)).collect::<Result<Vec<_>, _>>()?;
        let start = Instant::now();
        execute(&mut self.conn, "BEGIN IMMEDIATE").await?;
        let last = self.append(&made, rows).await?;
        execute(&mut self.conn, "COMMIT").await?;
        let mut took = start.elapsed();

        let from = last - entries.len() as u64;
        for (offset, entry) in (from + 1..).zip(&mut entries) {
            entry.offset = offset;
        }
        self.skip_to(from).await?;
        let taking = TakeIn::new(Lane(0), from, last, entries, Arc::clone(&self.ids))?;
        let start = Instant::now();
        execute(&mut self.conn, "BEGIN IMMEDIATE").await?;
        let taken = alone(&mut self.conn, &taking).await?;
        execute(&mut self.conn, "COMMIT").await?;
        took += start.elapsed();
        self.cursor = last;

        let mut replies = Vec::with_capacity(batch);
        for (place, hint) in taken.hints.iter().enumerate() {
            let number = (first + place) % CONVERSATIONS;
            let (id, turns) = &mut self.conversations[number];
            *id = Some(hint.conversation);
            *turns += 1;
            let turn = *turns;
            let by = By { account: self.account, now: self.now, ids: self.ids.as_ref() };
            replies.push(Prepared::new(by.reply(hint.conversation, turn))?);
        }
        let start = Instant::now();
        execute(&mut self.conn, "BEGIN IMMEDIATE").await?;
        let replies: Vec<&Prepared> = replies.iter().collect();
        for piece in rows.pieces(&replies) {
            for written in write_all(&mut self.conn, piece).await? {
                written?;
            }
        }
        execute(&mut self.conn, "COMMIT").await?;
        Ok(took + start.elapsed())
    }

    async fn append(&mut self, made: &[LogRow], rows: Rows) -> Result<Cursor, StoreError> {
        let mut end = 0;
        for piece in rows.pieces(made) {
            end = db::insert_rows(&mut self.conn, sql::log::APPEND, piece, bind_log_row).await.map_err(store_error)?;
        }
        Ok(u64::try_from(end).unwrap_or(0))
    }

    /// Moves the cursor over what [`Self::log_rows`] has left in the log.
    async fn skip_to(&mut self, to: Cursor) -> Result<(), StoreError> {
        if self.cursor < to {
            alone(&mut self.conn, &TakeIn::new(Lane(0), self.cursor, to, Vec::new(), Arc::clone(&self.ids))?).await?;
            self.cursor = to;
        }
        Ok(())
    }

    /// New messages of different peers.
    fn batch(&mut self, size: usize) -> Vec<LogEntry> {
        let by = By { account: self.account, now: self.now, ids: self.ids.as_ref() };
        let entry = |(peer, number): (usize, u64)| LogEntry { offset: 0, entry: by.entry(peer, number) };
        let peers = (self.next..self.next + size).map(|n| n % CONVERSATIONS);
        let entries = peers.zip(self.written..).map(entry).collect();
        self.next = (self.next + size) % CONVERSATIONS;
        self.written += size as u64;
        entries
    }
}

/// Makes what turns are made of.
struct By<'a> {
    account: (TenantId, ChannelId),
    now: Timestamp,
    ids: &'a dyn Ids,
}

impl By<'_> {
    fn entry(&self, peer: usize, number: u64) -> NewEntry {
        let (tenant, channel) = self.account;
        NewEntry {
            tenant,
            channel,
            received_at: self.now,
            inbound: Inbound {
                provider_message_id: format!("wamid.{number:024}"),
                peer: Peer { address: format!("336{peer:08}"), name: Some("Camille Martin".to_owned()) },
                sent_at: self.now,
                content: Content::text(format!("Hello, what are your opening hours on day {number}, please?")),
                reply_to: None,
                raw: None,
            },
        }
    }

    /// What a plain turn commits: the fence with the snapshot, the outcome, the journalled completion, the line of the
    /// transcript, the cost.
    fn reply(&self, conversation: ConversationId, turn: u32) -> Commit {
        let text = format!("Hello, what are your opening hours on day {turn}, please?");
        let usage = Usage { prompt_tokens: 40, completion_tokens: 10, cost_micros: 0 };
        let completion = Completion { text: text.clone(), usage, ..Completion::default() };
        Commit {
            tenant: self.account.0,
            conversation,
            channel: self.account.1,
            expected_version: u64::from(turn) - 1,
            now: self.now,
            snapshot: Snapshot { next_turn: turn + 1, ..Snapshot::default() },
            heard: Vec::new(),
            settled: vec![Settled {
                seq: u64::from(turn),
                provider_message_id: String::new(),
                outcome: Outcome::Answered { turn },
            }],
            messages: vec![NewMessage {
                id: MessageId::new(self.ids.uuid()),
                speaker: Speaker::Agent,
                author: None,
                turn: Some(turn),
                text,
                rich: None,
                citations: Vec::new(),
                abstained: false,
                checks: Checks::default(),
            }],
            cuts: Vec::new(),
            outbox: Vec::new(),
            journal: vec![JournalRow {
                turn,
                step: 0,
                index: 0,
                agent: None,
                what: JournalWhat::Completion(completion),
            }],
            ledger: vec![LedgerRow { turn, step: 0, agent: None, usage }],
            dead_letters: Vec::new(),
            unanswered: Vec::new(),
            approvals: Vec::new(),
            timers: Vec::new(),
        }
    }
}

/// The tenant with an agent and a new account of it.
async fn account(store: &Store, ids: &dyn Ids) -> Result<(TenantId, ChannelId), StoreError> {
    let tenant = store.installation().ensure_default_tenant().await?.id;
    let rows = store.tenant(tenant);
    let model = ModelChoice {
        provider: "scripted".to_owned(),
        model: String::new(),
        temperature: None,
        max_tokens: None,
        sees_images: false,
    };
    let agent = AgentId::new(ids.uuid());
    rows.create_agent(AgentProfile::new(tenant, agent, "limits", model), Actor::System).await?;
    let channel = ChannelId::new(ids.uuid());
    let account = ChannelAccount {
        tenant,
        id: channel,
        kind: ChannelKind::of("webchat"),
        name: "limits".to_owned(),
        agent,
        external_id: None,
        settings: BTreeMap::new(),
        secrets: BTreeMap::new(),
        enabled: true,
    };
    rows.create_channel(account, true).await?;
    Ok((tenant, channel))
}

fn row(e: &NewEntry) -> Result<LogRow, StoreError> {
    Ok(LogRow {
        tenant: e.tenant.uuid(),
        channel: e.channel.uuid(),
        received_at: e.received_at.millis(),
        payload: InboundRecord::json(&e.inbound)?,
    })
}

async fn execute(conn: &mut Conn, statement: &'static str) -> Result<(), StoreError> {
    db::query(statement).execute(conn).await.map(|_| ()).map_err(store_error)
}

/// Without any other write of its kind.
async fn alone<M: Merge>(conn: &mut Conn, write: &M) -> Result<M::Output, StoreError> {
    let result = M::run_all(conn, &[write]).await?.pop();
    result.unwrap_or_else(|| Err(StoreError::Broken("a write has no answer".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretKey;
    use colloquy_domain::testkit::{ManualClock, SeqIds};

    #[tokio::test]
    async fn both_ways_of_writing_leave_the_rows_of_whole_turns() {
        let dir = tempfile::tempdir().expect("a folder");
        let options = StoreOptions {
            clock: Arc::new(ManualClock::default()),
            ids: Arc::new(SeqIds::default()),
            secret_key: SecretKey::from_bytes([0; 32]),
            placement: None,
        };
        let mut limits = Limits::open(dir.path(), options).await.expect("opens");
        let (tally, commits) = limits.log_rows(3, Rows::Together, Duration::from_nanos(1)).await.expect("rows");
        assert_eq!((tally.done, commits.len()), (3, 1));
        for rows in [Rows::Together, Rows::OneByOne] {
            limits.round(128, rows).await.expect("turns");
        }
        let counted = |statement: &'static str| db::query_scalar::<i64>(statement);
        let answered = counted("SELECT COUNT(*) FROM inbox WHERE outcome = 'answered'").fetch_one(&mut limits.conn);
        assert_eq!(answered.await.expect("counted"), 256);
        let replies = counted("SELECT COUNT(*) FROM messages WHERE speaker = 'agent'").fetch_one(&mut limits.conn);
        assert_eq!(replies.await.expect("counted"), 256);
        let costs = counted("SELECT COUNT(*) FROM ledger").fetch_one(&mut limits.conn);
        assert_eq!(costs.await.expect("counted"), 256);
    }
}
