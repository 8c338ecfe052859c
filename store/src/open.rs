//! How each database is opened: its schema, its key, its connections.

use crate::{
    cipher::Cipher,
    db::{self, Conn, PgReaders, Readers},
    error::{OpenError, store_error},
    options::PostgresOptions,
    ports::Meeting,
    sql, transfer,
    writer::Link,
};
use colloquy_domain::ports::StoreError;
use sqlx::{ConnectOptions as _, migrate::Migrator, sqlite::SqlitePoolOptions};
use std::{path::Path, sync::Arc};

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Connections to a file that only read.
const READERS: u32 = 4;
/// A transaction that stands still on the server for so long is ended by it: a node that was stopped in the middle of
/// one must not keep its partitions' locks from whoever takes them over.
const IDLE_IN_TRANSACTION: (&str, &str) = ("idle_in_transaction_session_timeout", "3000");

/// Whether the database keeps tenants apart by itself, beneath what every statement says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walls {
    /// SQLite has no such thing.
    None,
    /// Row-level security stands on all tables of tenants.
    Standing,
    /// It stands, but not for the role that we connect as, which is a superuser or bypasses it: use another role.
    Bypassed,
}

pub(crate) struct Opened {
    pub(crate) readers: Readers,
    pub(crate) link: Link,
    pub(crate) conn: Option<Conn>,
    /// The last offset of the embedded log.
    pub(crate) log_end: u64,
    pub(crate) meeting: Option<Meeting>,
    pub(crate) walls: Walls,
    /// What people may see of where it is.
    pub(crate) shown: String,
}

pub(crate) async fn sqlite(path: &Path, cipher: &Cipher) -> Result<Opened, OpenError> {
    let shown = path.display().to_string();
    let cannot = |e: sqlx::Error| OpenError::Database { path: path.display().to_string(), cause: e.to_string() };
    let connect = db::sqlite_options(path);
    // The writer has it done beside its commits.
    let writing = connect.clone().pragma("wal_autocheckpoint", "0");
    let mut conn = writing.connect().await.map_err(cannot)?;
    let not_migrated =
        |e: sqlx::migrate::MigrateError| OpenError::Migration { path: shown.clone(), cause: e.to_string() };
    SQLITE.run(&mut conn).await.map_err(not_migrated)?;
    let mut conn = Conn::from(conn);
    let log_end = check(&mut conn, cipher, &shown).await?;
    let pool = SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .connect_with(connect.create_if_missing(false).read_only(true))
        .await
        .map_err(cannot)?;
    let (readers, link) = (Readers::Sqlite(pool), Link::Sqlite(writing));
    Ok(Opened { readers, link, conn: Some(conn), log_end, meeting: None, walls: Walls::None, shown })
}

/// `filling`: for the one who moves an installation into it.
pub(crate) async fn postgres(options: &PostgresOptions, cipher: &Cipher, filling: bool) -> Result<Opened, OpenError> {
    let connect = db::read_url(options.url.expose()).map_err(|e| OpenError::Url { cause: e.to_string() })?;
    let shown = db::shown_url(&connect);
    let cannot = |cause: String| OpenError::Database { path: shown.clone(), cause };
    if let Some(cause) = db::unreadable_file(options.url.expose()) {
        return Err(cannot(cause));
    }
    let mut conn = db::connect_postgres(&connect).await.map_err(|e| cannot(e.to_string()))?;
    let not_migrated =
        |e: sqlx::migrate::MigrateError| OpenError::Migration { path: shown.clone(), cause: e.to_string() };
    POSTGRES.run(&mut conn).await.map_err(not_migrated)?;
    let mut conn = Conn::from(conn);
    let encoding: Result<String, _> = db::query_scalar(sql::platform::ENCODING).fetch_one(&mut conn).await;
    let encoding = encoding.map_err(|e| cannot(e.to_string()))?;
    if encoding != "UTF8" {
        return Err(cannot(format!("its encoding is {encoding}, and must be UTF8")));
    }
    let log_end = check(&mut conn, cipher, &shown).await?;
    if !filling && transfer::unfinished(&mut conn).await.map_err(|e| cannot(e.to_string()))? {
        return Err(OpenError::Filling { path: shown });
    }
    let bypassed: Result<bool, _> = db::query_scalar(sql::platform::BYPASSES).fetch_one(&mut conn).await;
    let walls = if bypassed.map_err(|e| cannot(e.to_string()))? { Walls::Bypassed } else { Walls::Standing };
    let forgotten = db::query(sql::platform::FORGET_WRITERS).execute(&mut conn).await;
    forgotten.map_err(|e| cannot(e.to_string()))?;
    let renumbered = db::query(sql::events::RENUMBER).execute(&mut conn).await;
    renumbered.map_err(|e| cannot(e.to_string()))?;
    // The writer opens its own: a connection belongs to the runtime that opened it.
    if let Err(error) = conn.close().await {
        tracing::debug!(error = %error, "the connection that migrated did not close cleanly");
    }
    let readers = Readers::Postgres(Arc::new(PgReaders::new(connect.clone(), options.readers.max(1))));
    let meeting = Some(Meeting::new(&connect));
    let link = Link::Postgres(connect.options([IDLE_IN_TRANSACTION]));
    Ok(Opened { readers, link, conn: None, log_end, meeting, walls, shown })
}

/// Checks the key; the end of the log.
async fn check(conn: &mut Conn, cipher: &Cipher, shown: &str) -> Result<u64, OpenError> {
    let cannot = |e: StoreError| OpenError::Database { path: shown.to_owned(), cause: e.to_string() };
    if !key_fits(conn, cipher).await.map_err(cannot)? {
        return Err(OpenError::WrongKey { path: shown.to_owned() });
    }
    let end: i64 = db::query_scalar(sql::log::END).fetch_one(conn).await.map_err(|e| cannot(store_error(e)))?;
    Ok(u64::try_from(end).unwrap_or(0))
}

/// Where the known word is that tells whether a key fits.
pub(crate) const KEY_CHECK: &str = "secret_key_check";

/// The first open seals a known word; later ones must be able to read it.
async fn key_fits(conn: &mut Conn, cipher: &Cipher) -> Result<bool, StoreError> {
    const NAME: &str = KEY_CHECK;
    const WORD: &[u8] = b"colloquy";
    if kept(conn, NAME).await?.is_none() {
        let sealed = cipher.seal(NAME.as_bytes(), WORD)?;
        db::query(sql::platform::SET_META).bind(NAME).bind(sealed).execute(&mut *conn).await.map_err(store_error)?;
    }
    let sealed = kept(conn, NAME).await?.unwrap_or_default();
    Ok(cipher.open(NAME.as_bytes(), &sealed).is_ok())
}

pub(crate) async fn kept(conn: &mut Conn, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    db::query_scalar(sql::platform::META).bind(name).fetch_optional(conn).await.map_err(store_error)
}
