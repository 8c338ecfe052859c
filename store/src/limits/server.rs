//! PostgreSQL: scratch databases, what the server gives at most, and what it counts itself.

use super::{By, Tally, account};
use crate::{
    OpenError, PostgresOptions, Store, StoreOptions,
    db::{self, Conn},
    error::store_error,
    ports::{Claim, Prepared, Sent, TakeIn},
    writer::Merge,
};
use colloquy_domain::{
    channel::Secret,
    conversation::{Commit, NewOutbox},
    ids::{ChannelId, ConversationId, OutboxId, TenantId},
    message::Peer,
    placement::Lane,
    ports::{Cursor, Ids, LogEntry, StoreError},
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};

/// Connections that run turns side by side.
pub const CLIENTS: usize = 32;
/// Transactions of a turn whose reply is delivered: into the inbox, the reply, its claim, its result.
pub const TRANSACTIONS: u32 = 4;
/// Conversations of each connection.
const CONVERSATIONS: usize = 128;

/// A database of the benchmark's own; [`Scratch::remove`] takes it away.
#[derive(Debug)]
pub struct Scratch {
    beside: Secret,
    name: String,
}

impl Scratch {
    /// Makes it on the server of `beside`. `name`: lower-case letters, digits and `_`.
    ///
    /// # Errors
    /// The server cannot be reached, or the role may not make databases; says what to give.
    pub async fn create(beside: &Secret, name: &str) -> Result<Self, OpenError> {
        let there = db::read_url(beside.expose()).map_err(|e| OpenError::Url { cause: e.to_string() })?;
        let cannot = |e: sqlx::Error| {
            let denied = e.as_database_error().and_then(|d| d.code()).is_some_and(|c| c == "42501");
            let hint = if denied {
                format!("; give the role this right: ALTER ROLE {} CREATEDB", there.get_username())
            } else {
                String::new()
            };
            let cause = format!("cannot make the scratch database {name}: {e}{hint}");
            OpenError::Database { path: db::shown_url(&there), cause }
        };
        let mut conn = db::connect_postgres(&there).await.map(Conn::from).map_err(cannot)?;
        conn.script(format!("CREATE DATABASE {name}")).await.map_err(cannot)?;
        // It goes with the process anyway.
        let _ = conn.close().await;
        Ok(Self { beside: beside.clone(), name: name.to_owned() })
    }

    /// How it is reached.
    #[must_use]
    pub fn url(&self) -> Secret {
        Secret::new(with_database(self.beside.expose(), &self.name))
    }

    /// Takes it away, with whoever is still connected to it.
    ///
    /// # Errors
    /// The server's.
    pub async fn remove(self) -> Result<(), StoreError> {
        let there = db::read_url(self.beside.expose()).map_err(store_error)?;
        let mut conn = db::connect_postgres(&there).await.map(Conn::from).map_err(store_error)?;
        let dropped = conn.script(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await;
        dropped.map(|_| ()).map_err(store_error)
    }
}

/// The URL of another database on the same server.
fn with_database(url: &str, name: &str) -> String {
    let (place, parameters) = url.split_once('?').map_or((url, None), |(place, p)| (place, Some(p)));
    let (scheme, rest) = place.split_once("://").unwrap_or(("postgres", place));
    let authority = rest.split('/').next().unwrap_or_default();
    let others = parameters.map(|p| p.split('&').filter(|p| !p.starts_with("dbname=")).collect::<Vec<_>>().join("&"));
    let others = others.filter(|p| !p.is_empty()).map(|p| format!("?{p}")).unwrap_or_default();
    format!("{scheme}://{authority}/{name}{others}")
}

/// What the server does by itself some time after much was written: it looks again what there is, and what everybody may
/// see.
///
/// # Errors
/// The server's.
pub async fn tidy(database: &Secret) -> Result<(), StoreError> {
    let there = db::read_url(database.expose()).map_err(store_error)?;
    let mut conn = db::connect_postgres(&there).await.map(Conn::from).map_err(store_error)?;
    conn.script("VACUUM (ANALYZE)".to_owned()).await.map(|_| ()).map_err(store_error)?;
    // It goes with the process anyway.
    let _ = conn.close().await;
    Ok(())
}

/// What the server counts for a database.
pub struct Meter {
    conn: Conn,
    syncs: Option<&'static str>,
}

/// Since the server's statistics began. They reach a reader up to a second late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Transactions of the database, those that only read, too.
    pub commits: i64,
    /// Of the whole server's write-ahead log; `None` before PostgreSQL 14.
    pub syncs: Option<i64>,
}

/// How partitions are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    pub owners: i64,
    /// Of all partitions, since the installation was made.
    pub claims: i64,
}

impl Meter {
    /// # Errors
    /// The server's.
    pub async fn open(database: &Secret) -> Result<Self, StoreError> {
        let there = db::read_url(database.expose()).map_err(store_error)?;
        let mut conn = db::connect_postgres(&there).await.map(Conn::from).map_err(store_error)?;
        let version = "SELECT CAST(current_setting('server_version_num') AS BIGINT)";
        let version: i64 = db::query_scalar(version).fetch_one(&mut conn).await.map_err(store_error)?;
        let syncs = match version {
            ..140_000 => None,
            140_000..180_000 => Some("SELECT wal_sync FROM pg_stat_wal"),
            _ => Some("SELECT CAST(SUM(fsyncs) AS BIGINT) FROM pg_stat_io WHERE object = 'wal'"),
        };
        Ok(Self { conn, syncs })
    }

    /// # Errors
    /// The server's.
    pub async fn read(&mut self) -> Result<Counters, StoreError> {
        let commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
        let commits = self.number(commits).await?;
        let syncs = match self.syncs {
            Some(statement) => Some(self.number(statement).await?),
            None => None,
        };
        Ok(Counters { commits, syncs })
    }

    /// Messages that ended without an answer and replies that may not have arrived.
    ///
    /// # Errors
    /// The server's.
    pub async fn dead_letters(&mut self) -> Result<i64, StoreError> {
        self.number("SELECT COUNT(*) FROM dead_letters").await
    }

    /// Who owns the partitions, once all of them are owned; `None` before.
    ///
    /// # Errors
    /// The server's.
    pub async fn owned(&mut self) -> Result<Option<Owned>, StoreError> {
        let statement =
            "SELECT COUNT(DISTINCT owner), CAST(SUM(epoch) AS BIGINT), COUNT(*) - COUNT(owner) FROM partitions";
        let (owners, claims, free): (i64, i64, i64) =
            db::query_as(statement).fetch_one(&mut self.conn).await.map_err(store_error)?;
        Ok((free == 0).then_some(Owned { owners, claims }))
    }

    async fn number(&mut self, statement: &'static str) -> Result<i64, StoreError> {
        db::query_scalar(statement).fetch_one(&mut self.conn).await.map_err(store_error)
    }
}

/// A scratch database and [`CLIENTS`] connections to it, each with an account, a lane and conversations of its own: they
/// wait for the server only, never for each other's rows.
pub struct ServerLimits {
    clients: Vec<Client>,
}

impl ServerLimits {
    /// Brings the database up to date and makes the accounts.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(database: &Secret, options: StoreOptions) -> Result<Self, OpenError> {
        let there = db::read_url(database.expose()).map_err(|e| OpenError::Url { cause: e.to_string() })?;
        let cannot = |cause: String| OpenError::Database { path: db::shown_url(&there), cause };
        let (ids, now) = (Arc::clone(&options.ids), options.clock.now());
        let store = Store::open(crate::Database::Postgres(PostgresOptions::new(database.clone())), options).await?;
        let mut accounts = vec![account(&store, ids.as_ref()).await.map_err(|e| cannot(e.to_string()))?];
        let rows = store.tenant(accounts[0].0);
        let mut one = rows.channel(accounts[0].1).await.map_err(|e| cannot(e.to_string()))?.account;
        for _ in 1..CLIENTS {
            one.id = ChannelId::new(ids.uuid());
            rows.create_channel(one.clone(), true).await.map_err(|e| cannot(e.to_string()))?;
            accounts.push((one.tenant, one.id));
        }
        store.close().await;
        let mut clients = Vec::with_capacity(CLIENTS);
        for (lane, account) in (0..).map(Lane).zip(accounts) {
            let conn = db::connect_postgres(&there).await.map(Conn::from).map_err(|e| cannot(e.to_string()))?;
            let conversations = vec![(None, 0); CONVERSATIONS];
            clients.push(Client { conn, ids: Arc::clone(&ids), account, now, lane, conversations, taken: 0 });
        }
        let make = "CREATE TABLE IF NOT EXISTS limit_rows (client bigint NOT NULL, words text NOT NULL)";
        clients[0].conn.script(make.to_owned()).await.map_err(|e| cannot(e.to_string()))?;
        Ok(Self { clients })
    }

    /// Commits of one small row each, on one connection or on several at the same time; each commit's time, too.
    ///
    /// # Errors
    /// The server's.
    pub async fn commits(&mut self, clients: usize, lasting: Duration) -> Result<(Tally, Vec<Duration>), StoreError> {
        let times = self.on_each(clients, Work::Row, lasting).await?;
        Ok((Tally { done: times.len() as u64, took: lasting }, times))
    }

    /// Turns, each of [`TRANSACTIONS`] transactions, one after the other on each connection.
    ///
    /// # Errors
    /// The server's.
    pub async fn turns(&mut self, lasting: Duration) -> Result<Tally, StoreError> {
        // Conversations are made, statements prepared.
        self.on_each(CLIENTS, Work::FirstTurns, Duration::MAX).await?;
        let times = self.on_each(CLIENTS, Work::Turn, lasting).await?;
        Ok(Tally { done: times.len() as u64, took: lasting })
    }

    /// Repeats the work on so many connections for as long as asked, or until there is no more of it. The time of each
    /// piece that ended before the time was over.
    async fn on_each(&mut self, clients: usize, work: Work, lasting: Duration) -> Result<Vec<Duration>, StoreError> {
        let mut running = JoinSet::new();
        let idle = self.clients.split_off(clients.min(self.clients.len()));
        let begun = Instant::now();
        for mut client in std::mem::replace(&mut self.clients, idle) {
            running.spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < lasting {
                    let start = Instant::now();
                    if !client.work(work).await? {
                        break;
                    }
                    if begun.elapsed() <= lasting {
                        times.push(start.elapsed());
                    }
                }
                Ok::<_, StoreError>((client, times))
            });
        }
        let mut all = Vec::new();
        while let Some(ended) = running.join_next().await {
            let (client, times) = ended.map_err(|e| StoreError::Broken(e.to_string()))??;
            self.clients.push(client);
            all.extend(times);
        }
        Ok(all)
    }
}

/// What a connection does.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// One row, committed.
    Row,
    /// One turn.
    Turn,
    /// One turn, as long as there is a conversation that had none.
    FirstTurns,
}

struct Client {
    conn: Conn,
    ids: Arc<dyn Ids>,
    account: (TenantId, ChannelId),
    now: Timestamp,
    lane: Lane,
    /// By the peer's number: what its next commit needs.
    conversations: Vec<(Option<ConversationId>, u32)>,
    /// Turns so far, which is the lane's cursor, too.
    taken: Cursor,
}

impl Client {
    /// Whether there was something to do.
    async fn work(&mut self, work: Work) -> Result<bool, StoreError> {
        match work {
            Work::Row => self.one_row().await?,
            Work::FirstTurns if self.taken >= CONVERSATIONS as u64 => return Ok(false),
            Work::Turn | Work::FirstTurns => self.turn().await?,
        }
        Ok(true)
    }

    async fn one_row(&mut self) -> Result<(), StoreError> {
        let query = db::query("INSERT INTO limit_rows (client, words) VALUES ($1, $2)");
        let query = query.bind(i64::from(self.lane.0)).bind("Hello, what are your opening hours, please?");
        query.execute(&mut self.conn).await.map(|_| ()).map_err(store_error)
    }

    async fn turn(&mut self) -> Result<(), StoreError> {
        let by = By { account: self.account, now: self.now, ids: self.ids.as_ref() };
        let peer = usize::try_from(self.taken).unwrap_or(0) % CONVERSATIONS;
        let entry = LogEntry { offset: self.taken + 1, entry: by.entry(peer, self.taken) };
        let to = entry.entry.inbound.peer.clone();
        let taking = TakeIn::new(self.lane, self.taken, self.taken + 1, vec![entry], Arc::clone(&self.ids))?;
        self.taken += 1;
        let taken = transaction(&mut self.conn, &taking).await?;
        let hint = taken.hints.first().ok_or_else(|| StoreError::Broken("nothing was taken in".to_owned()))?;

        let (id, turns) = &mut self.conversations[peer];
        *id = Some(hint.conversation);
        *turns += 1;
        let by = By { account: self.account, now: self.now, ids: self.ids.as_ref() };
        let reply = Prepared::new(with_delivery(by.reply(hint.conversation, *turns), to, self.ids.as_ref()))?;
        transaction(&mut self.conn, &reply).await?;

        let (tenant, channel) = (self.account.0.uuid(), self.account.1.uuid());
        let claim = Claim { tenant, channel, now: self.now.millis(), max: CLIENTS };
        for row in transaction(&mut self.conn, &claim).await? {
            let id = row.item(self.account.0)?.id.uuid();
            let name = Some(format!("wamid.out.{}.{}", self.lane.0, self.taken));
            transaction(&mut self.conn, &Sent { tenant, id, provider_message_id: name, at: claim.now }).await?;
        }
        Ok(())
    }
}

/// The commit with its reply in the outbox.
fn with_delivery(mut commit: Commit, to: Peer, ids: &dyn Ids) -> Commit {
    let Some(message) = commit.messages.first() else { return commit };
    commit.outbox.push(NewOutbox {
        id: OutboxId::new(ids.uuid()),
        message: message.id,
        peer: to,
        text: message.text.clone(),
        rich: None,
        by_person: false,
        citations: Vec::new(),
        template: None,
        last_inbound_at: commit.now,
    });
    commit
}

async fn transaction<M: Merge>(conn: &mut Conn, write: &M) -> Result<M::Output, StoreError> {
    super::execute(conn, "BEGIN").await?;
    let output = super::alone(conn, write).await?;
    super::execute(conn, "COMMIT").await?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        let of = |url: &str| with_database(url, "scratch");
        assert_eq!(
            of("postgres://ann:p%40ss@db:5433/talks?sslmode=require"),
            "postgres://ann:p%40ss@db:5433/scratch?sslmode=require"
        );
        assert_eq!(of("postgres://ann@localhost/talks?host=/run/x"), "postgres://ann@localhost/scratch?host=/run/x");
        assert_eq!(of("postgres://db?dbname=talks"), "postgres://db/scratch");
    }
}
