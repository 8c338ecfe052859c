//! Connections that only read.

use super::{
    Scope, Trouble, postgres,
    query::{Query, Row},
};
use crate::error::trouble;
use sqlx::{PgConnection, SqlitePool, postgres::PgConnectOptions};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a read waits for a connection, and then for its rows: a cut network says nothing by itself.
const PATIENCE: Duration = Duration::from_secs(10);

const NARROW: &str = "SELECT set_config('colloquy.tenant', $1, false)";

/// The readers of either database.
#[derive(Clone)]
pub(crate) enum Readers {
    Sqlite(SqlitePool),
    Postgres(Arc<PgReaders>),
}

/// The readers, as one tenant or the whole installation may use them.
#[derive(Clone, Copy)]
pub(crate) struct Reads<'a> {
    readers: &'a Readers,
    scope: Scope,
}

impl Readers {
    pub(crate) const fn of(&self, scope: Scope) -> Reads<'_> {
        Reads { readers: self, scope }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(readers) => readers.close(),
        }
    }
}

/// A small pool that knows whose rows each of its connections may see, so that a connection is only told when that
/// changes: sqlx's own pool has no place to remember it.
pub(crate) struct PgReaders {
    options: PgConnectOptions,
    permits: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

struct Reader {
    conn: PgConnection,
    /// `None` while it is being told, which a caller that goes away may interrupt.
    scope: Option<Scope>,
}

impl PgReaders {
    pub(crate) fn new(options: PgConnectOptions, most: usize) -> Self {
        Self { options, permits: Semaphore::new(most), idle: Mutex::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, sqlx::Error> {
        let waited = tokio::time::timeout(PATIENCE, self.permits.acquire()).await;
        waited.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)
    }

    /// An idle connection, if possible one that already has the scope.
    fn reuse(&self, scope: Scope) -> Option<Reader> {
        let mut idle = self.idle();
        let place = idle.iter().rposition(|r| r.scope == Some(scope)).or_else(|| idle.len().checked_sub(1))?;
        Some(idle.swap_remove(place))
    }

    async fn fresh(&self) -> Result<Reader, sqlx::Error> {
        Ok(Reader { conn: postgres::connect(&self.options).await?, scope: Some(Scope::Everything) })
    }

    async fn read(&self, scope: Scope, query: Query, most: Most) -> Result<Vec<Row>, sqlx::Error> {
        let _permit = self.permit().await?;
        let query = query.for_postgres()?;
        if let Some(reader) = self.reuse(scope) {
            match self.use_once(reader, scope, query.clone(), most).await {
                // It was lost while nobody looked; a read can be repeated.
                Err(error) if trouble(&error) == Trouble::Lost => {}
                done => return done,
            }
        }
        let reader = self.fresh().await?;
        self.use_once(reader, scope, query, most).await
    }

    async fn use_once(
        &self,
        mut reader: Reader,
        scope: Scope,
        (text, arguments): (sqlx::SqlStr, sqlx::postgres::PgArguments),
        most: Most,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let work = async {
            reader.narrow(scope).await?;
            let query = sqlx::query_with(text, arguments);
            let rows = match most {
                Most::One => query.fetch_optional(&mut reader.conn).await?.into_iter().collect(),
                Most::All => query.fetch_all(&mut reader.conn).await?,
            };
            Ok(rows.into_iter().map(Row::Postgres).collect())
        };
        let slow = |_| sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let result = tokio::time::timeout(PATIENCE, work).await.map_err(slow).and_then(|r| r);
        // One that failed for another reason than its connection goes on; one whose caller went away is dropped.
        if result.as_ref().map_or_else(|e| trouble(e) != Trouble::Lost, |_| true) && !self.permits.is_closed() {
            self.idle().push(reader);
        }
        result
    }
}

impl Reader {
    async fn narrow(&mut self, scope: Scope) -> Result<(), sqlx::Error> {
        if self.scope == Some(scope) {
            return Ok(());
        }
        self.scope = None;
        let name = match scope {
            Scope::Everything => "*".to_owned(),
            Scope::Tenant(tenant) => tenant.to_string(),
        };
        sqlx::query(NARROW).bind(name).execute(&mut self.conn).await?;
        self.scope = Some(scope);
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Most {
    One,
    All,
}

impl Reads<'_> {
    pub(super) async fn first(self, query: Query) -> Result<Option<Row>, sqlx::Error> {
        match self.readers {
            Readers::Sqlite(pool) => {
                let (text, arguments) = query.for_sqlite()?;
                Ok(sqlx::query_with(text, arguments).fetch_optional(pool).await?.map(Row::Sqlite))
            }
            Readers::Postgres(readers) => Ok(readers.read(self.scope, query, Most::One).await?.pop()),
        }
    }

    pub(super) async fn all(self, query: Query) -> Result<Vec<Row>, sqlx::Error> {
        match self.readers {
            Readers::Sqlite(pool) => {
                let (text, arguments) = query.for_sqlite()?;
                let rows = sqlx::query_with(text, arguments).fetch_all(pool).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Readers::Postgres(readers) => readers.read(self.scope, query, Most::All).await,
        }
    }
}
