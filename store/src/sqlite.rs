//! The embedded store: one SQLite file, one writer, a few readers.

use crate::{
    cipher::Cipher,
    error::{OpenError, db},
    options::StoreOptions,
    sql,
    writer::{Told, Write, Writer},
};
use colloquy_domain::{
    ids::{DocumentId, TenantId},
    ports::{Clock, Ids, StoreError},
    time::Timestamp,
};
use futures::future::BoxFuture;
use sqlx::{
    ConnectOptions, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};
use tokio::sync::Mutex;
use uuid::Uuid;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// How long one statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);
/// Connections that only read.
const READERS: u32 = 4;
/// Memory for pages of each connection, in KiB (negative means KiB to SQLite): the hot ends of the indexes.
const CACHE: &str = "-16384";
/// Prepared statements kept by a connection: all hot ones in all their sizes.
const STATEMENTS: usize = 256;

/// Documents, each with its tenant: another tenant cannot give one back.
pub(crate) type Taken = HashSet<(TenantId, DocumentId)>;

/// The store on one SQLite file. Cheap to clone; all clones share the writer and the readers.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    readers: SqlitePool,
    writer: Writer,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    cipher: Cipher,
    /// Documents handed out by this process and not yet finished.
    taken: Mutex<Taken>,
}

impl SqliteStore {
    /// Opens the file (made if missing, its folder must exist), brings its schema up to date and starts the writer.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed except migrations that already succeeded.
    pub async fn open(path: impl AsRef<Path>, options: StoreOptions) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let shown = || path.display().to_string();
        let cannot = |e: sqlx::Error| OpenError::Database { path: shown(), cause: e.to_string() };
        let connect = connect_options(path);
        let mut conn = connect.connect().await.map_err(cannot)?;
        MIGRATIONS.run(&mut conn).await.map_err(|e| OpenError::Migration { path: shown(), cause: e.to_string() })?;
        let cipher = Cipher::new(&options.secret_key);
        check_key(&mut conn, &cipher).await.map_err(|e| match e {
            KeyCheck::Wrong => OpenError::WrongKey { path: shown() },
            KeyCheck::Store(e) => OpenError::Database { path: shown(), cause: e.to_string() },
        })?;
        let log_end: i64 = sqlx::query_scalar(sql::log::END).fetch_one(&mut conn).await.map_err(cannot)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .connect_with(connect.clone().create_if_missing(false).read_only(true))
            .await
            .map_err(cannot)?;
        let writer = Writer::start(conn, connect, u64::try_from(log_end).unwrap_or(0))
            .map_err(|e| cannot(sqlx::Error::Io(e)))?;
        let StoreOptions { clock, ids, .. } = options;
        Ok(Self { inner: Arc::new(Inner { readers, writer, clock, ids, cipher, taken: Mutex::default() }) })
    }

    /// Writes what is queued and closes all connections. Afterwards every call answers
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.inner.writer.close().await;
        self.inner.readers.close().await;
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    pub(crate) fn cipher(&self) -> &Cipher {
        &self.inner.cipher
    }

    pub(crate) fn taken(&self) -> &Mutex<Taken> {
        &self.inner.taken
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn uuid(&self) -> Uuid {
        self.inner.ids.uuid()
    }

    pub(crate) fn ids(&self) -> Arc<dyn Ids> {
        Arc::clone(&self.inner.ids)
    }

    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Output, StoreError> {
        self.inner.writer.write(write).await
    }

    /// A write told by a closure that can be run again.
    pub(crate) async fn tell<T, F>(&self, write: F) -> Result<T, StoreError>
    where
        F: for<'c> Fn(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.inner.writer.write(Told(write)).await
    }
}

pub(crate) fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit is on the disk before it is answered, whatever happens to the machine.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS)
        .pragma("cache_size", CACHE)
        .disable_statement_logging()
}

enum KeyCheck {
    Wrong,
    Store(StoreError),
}

/// The first open seals a known word; later ones must be able to read it.
async fn check_key(conn: &mut SqliteConnection, cipher: &Cipher) -> Result<(), KeyCheck> {
    const NAME: &str = "secret_key_check";
    const WORD: &[u8] = b"colloquy";
    let store = |e: sqlx::Error| KeyCheck::Store(db(e));
    let kept: Option<Vec<u8>> =
        sqlx::query_scalar(sql::platform::META).bind(NAME).fetch_optional(&mut *conn).await.map_err(store)?;
    if let Some(sealed) = kept {
        return cipher.open(NAME.as_bytes(), &sealed).map(|_| ()).map_err(|_| KeyCheck::Wrong);
    }
    let sealed = cipher.seal(NAME.as_bytes(), WORD).map_err(KeyCheck::Store)?;
    sqlx::query(sql::platform::SET_META).bind(NAME).bind(sealed).execute(conn).await.map_err(store)?;
    Ok(())
}
