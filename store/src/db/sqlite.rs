//! How a SQLite file is opened.

use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{path::Path, time::Duration};

/// How long one statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);
/// Memory for pages of each connection, in KiB (negative means KiB to SQLite): the hot ends of the indexes.
const CACHE: &str = "-16384";
/// Prepared statements kept by a connection: all hot ones in all their sizes.
const STATEMENTS: usize = 256;

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
