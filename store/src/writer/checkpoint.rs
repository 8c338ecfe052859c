//! Moving what was committed from SQLite's write-ahead log into its file, beside the writer.
//!
//! SQLite would do it within every thousandth page's commit, and whoever waits for that one would wait for tens of
//! milliseconds. So a connection of its own does it while commits go on. It cannot finish while they do: once the log has
//! grown, the writer moves the small rest between two transactions, and the next one begins the log anew.

use super::line::Link;
use crate::{
    db::{self, Conn, Dialect},
    error::store_error,
};
use colloquy_domain::ports::StoreError;
use std::time::Duration;
use tokio::{task::JoinHandle, time::Instant};

/// How often, at most, while there are commits.
const EVERY: Duration = Duration::from_millis(250);
/// After it failed: a full disk is not told of with each commit.
const PAUSE: Duration = Duration::from_secs(10);
/// Pages in the log (of 4 KiB) from which on the writer moves the rest.
const GROWN: i64 = 4_096;
/// Pages from which on the writer waits for readers, too: some never left the log.
const OVERGROWN: i64 = 65_536;

const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const RESTART: &str = "PRAGMA wal_checkpoint(RESTART)";

/// The connection that moved, and the pages that were in the log then.
type Moved = Result<(Conn, i64), StoreError>;

pub(super) struct Checkpoints {
    link: Link,
    conn: Option<Conn>,
    under_way: Option<JoinHandle<Moved>>,
    due: Instant,
}

impl Checkpoints {
    /// `None`: the database does it itself.
    pub(super) fn of(link: &Link) -> Option<Self> {
        let needed = link.dialect() == Dialect::Sqlite;
        needed.then(|| Self { link: link.clone(), conn: None, under_way: None, due: Instant::now() })
    }

    /// To be called after each commit; takes no time but when the log has grown.
    pub(super) async fn after_commit(&mut self, writer: &mut Conn) {
        match self.under_way.take() {
            Some(moving) if !moving.is_finished() => self.under_way = Some(moving),
            Some(moving) => {
                let pages = self.end_of(moving).await;
                self.due = Instant::now() + if pages.is_some() { EVERY } else { PAUSE };
                if let Some(pages) = pages.filter(|p| *p >= GROWN) {
                    let how = if pages < OVERGROWN { PASSIVE } else { RESTART };
                    tell(pages_moved(writer, how).await.err());
                }
            }
            None if Instant::now() >= self.due => self.begin(),
            None => {}
        }
    }

    fn begin(&mut self) {
        let (link, conn) = (self.link.clone(), self.conn.take());
        self.under_way = Some(tokio::spawn(async move {
            let mut conn = match conn {
                Some(conn) => conn,
                None => link.connect().await.map_err(store_error)?,
            };
            let pages = pages_moved(&mut conn, PASSIVE).await?;
            Ok((conn, pages))
        }));
    }

    /// The pages that were in the log; `None` if it failed.
    async fn end_of(&mut self, moving: JoinHandle<Moved>) -> Option<i64> {
        match moving.await {
            Ok(Ok((conn, pages))) => {
                self.conn = Some(conn);
                Some(pages)
            }
            Ok(Err(error)) => {
                tell(Some(error));
                None
            }
            // It panicked: the next one opens a connection of its own.
            Err(_) => None,
        }
    }

    /// Before the writer closes: the last connection empties the log.
    pub(super) async fn close(mut self) {
        if let Some(moving) = self.under_way.take() {
            self.end_of(moving).await;
        }
        if let Some(conn) = self.conn {
            tell(conn.close().await.err().map(store_error));
        }
    }
}

async fn pages_moved(conn: &mut Conn, how: &'static str) -> Result<i64, StoreError> {
    let (_busy, pages, _moved): (i64, i64, i64) = db::query_as(how).fetch_one(conn).await.map_err(store_error)?;
    Ok(pages)
}

/// What is committed stays so, in the log: it is tried again.
fn tell(error: Option<StoreError>) {
    if let Some(error) = error {
        tracing::warn!(error = %error, "the write-ahead log could not be moved into the database's file");
    }
}
