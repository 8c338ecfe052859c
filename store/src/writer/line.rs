//! The write connection, opened again when it is lost.

use crate::{
    db::{self, Conn, Dialect},
    error::store_error,
};
use colloquy_domain::ports::StoreError;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use std::time::Duration;
use tokio::time::Instant;

/// How long writes wait for a lost server before they are refused; later ones are refused at once.
const PATIENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How the connection is opened.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

impl Link {
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(super) async fn connect(&self) -> Result<Conn, sqlx::Error> {
        match self {
            Self::Sqlite(options) => options.connect().await.map(Conn::from),
            Self::Postgres(options) => db::connect_postgres(options).await.map(Conn::from),
        }
    }
}

pub(super) struct Line {
    link: Link,
    conn: Option<Conn>,
    down: Option<Down>,
}

/// The server cannot be reached.
struct Down {
    since: Instant,
    next_try: Instant,
    pause: Duration,
}

impl Line {
    /// Without a connection, the first one is opened when it is needed.
    pub(super) const fn new(link: Link, conn: Option<Conn>) -> Self {
        Self { link, conn, down: None }
    }

    pub(super) const fn dialect(&self) -> Dialect {
        self.link.dialect()
    }

    /// The connection; waits for the server if it has not been gone for long.
    pub(super) async fn ready(&mut self) -> Result<&mut Conn, StoreError> {
        while self.conn.is_none() {
            self.wait().await?;
            match self.link.connect().await {
                Ok(conn) => self.opened(conn),
                Err(error) => self.failed(error)?,
            }
        }
        self.conn.as_mut().ok_or_else(gone)
    }

    pub(super) const fn opened_already(&mut self) -> Option<&mut Conn> {
        self.conn.as_mut()
    }

    /// Waits for the next try; refuses where that would keep callers for too long.
    async fn wait(&self) -> Result<(), StoreError> {
        let Some(down) = &self.down else { return Ok(()) };
        if Instant::now() >= down.next_try {
            return Ok(());
        }
        if down.since.elapsed() >= PATIENCE {
            return Err(gone());
        }
        tokio::time::sleep_until(down.next_try).await;
        Ok(())
    }

    fn opened(&mut self, conn: Conn) {
        self.conn = Some(conn);
        if let Some(down) = self.down.take() {
            tracing::info!(database.down_ms = down.since.elapsed().as_millis() as u64, "the database is back");
        }
    }

    /// One failed try: said once, then only tried.
    fn failed(&mut self, error: sqlx::Error) -> Result<(), StoreError> {
        let error = store_error(error);
        self.note_down(&error);
        let Some(down) = &mut self.down else { return Err(error) };
        down.next_try = Instant::now() + down.pause;
        down.pause = (down.pause * 2).min(LONGEST_PAUSE);
        if down.since.elapsed() < PATIENCE { Ok(()) } else { Err(error) }
    }

    /// The connection is of no use any more.
    pub(super) fn lost(&mut self, error: &StoreError) {
        self.conn = None;
        self.note_down(error);
    }

    fn note_down(&mut self, error: &StoreError) {
        if self.down.is_none() {
            let now = Instant::now();
            self.down = Some(Down { since: now, next_try: now, pause: FIRST_PAUSE });
            tracing::warn!(error = %error, "lost the database; trying to reach it again");
        }
    }

    /// Ends a failed transaction; SQLite may already have done so itself, and then says so.
    pub(super) async fn reset(&mut self, error: &StoreError) {
        let Some(conn) = &mut self.conn else { return };
        let rolled_back = db::query("ROLLBACK").execute(conn).await;
        conn.calm();
        let lost = match self.link.dialect() {
            Dialect::Sqlite => error.is_retry() && !conn.answers().await,
            Dialect::Postgres => rolled_back.is_err(),
        };
        if lost {
            self.lost(error);
        }
    }

    pub(super) async fn close(self) {
        if let Some(conn) = self.conn
            && let Err(error) = conn.close().await
        {
            tracing::warn!(error = %error, "the write connection did not close cleanly");
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the database cannot be reached".to_owned())
}
