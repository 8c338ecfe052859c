//! From the drivers' errors to [`StoreError`]'s verdicts.

use crate::db::Trouble;
use colloquy_domain::ports::StoreError;
use sqlx::{error::DatabaseError, postgres::PgDatabaseError};

/// Why a store could not be opened. All need a person. None of them holds a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder cannot be opened, or is not a database; or the server cannot be reached or lets nobody
    /// in. `path` is the server's address and the database's name then.
    #[error("cannot open the database {path}: {cause}")]
    Database { path: String, cause: String },
    /// The URL of a server cannot be read.
    #[error("the database's URL cannot be read: {cause}")]
    Url { cause: String },
    /// The schema is not one that this version can bring up to date (for example, of a newer version).
    #[error("cannot migrate the database {path}: {cause}")]
    Migration { path: String, cause: String },
    /// The secrets in it were written with another key.
    #[error("the secret key does not fit the database {path}: its secrets were written with another key")]
    WrongKey { path: String },
    /// An installation is being moved into it: see [`Transfer`](crate::transfer::Transfer).
    #[error("an installation is being moved into the database {path}: let `colloquy migrate-to` finish first")]
    Filling { path: String },
}

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>).
mod code {
    pub const BUSY: i64 = 5;
    pub const LOCKED: i64 = 6;
    pub const NOMEM: i64 = 7;
    pub const INTERRUPT: i64 = 9;
    pub const IOERR: i64 = 10;
    pub const FULL: i64 = 13;
    pub const CANTOPEN: i64 = 14;
    pub const PROTOCOL: i64 = 15;
}

/// For `map_err`.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(db) => match db.try_downcast_ref::<PgDatabaseError>() {
            Some(postgres) => of_postgres(postgres),
            None => of_sqlite(db.as_ref()),
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Broken(error.to_string()),
    }
}

fn of_sqlite(error: &dyn DatabaseError) -> StoreError {
    // Extended codes carry the primary one in their low byte.
    let primary = error.code().and_then(|c| c.parse::<i64>().ok()).unwrap_or(0) & 0xff;
    match primary {
        code::FULL => StoreError::Full(error.to_string()),
        code::BUSY | code::LOCKED | code::NOMEM | code::INTERRUPT | code::IOERR | code::CANTOPEN | code::PROTOCOL => {
            StoreError::Unavailable(error.to_string())
        }
        _ => StoreError::Broken(error.to_string()),
    }
}

/// By SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>). The message names constraints, never
/// values.
fn of_postgres(error: &PgDatabaseError) -> StoreError {
    let code = error.code();
    let said = || format!("{} ({code})", error.message());
    match code {
        "53100" => StoreError::Full(said()),
        // Logins and names: a server that is being set up or changed.
        "3D000" | "55P03" | "57014" | "58030" => StoreError::Unavailable(said()),
        _ if lost(code) || again(code) || code.starts_with("53") || code.starts_with("28") => {
            StoreError::Unavailable(said())
        }
        _ => StoreError::Broken(said()),
    }
}

/// The server ends the connection with it, or is none to write to (any more).
fn lost(code: &str) -> bool {
    const READ_ONLY: &str = "25006";
    const IDLE_IN_TRANSACTION: &str = "25P03";
    const TOO_MANY: &str = "53300";
    code.starts_with("08") || code.starts_with("57P") || [READ_ONLY, IDLE_IN_TRANSACTION, TOO_MANY].contains(&code)
}

/// A serialization failure or a deadlock: the same transaction may succeed now.
fn again(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

/// What an error says about its connection and its transaction.
pub(crate) fn trouble(error: &sqlx::Error) -> Trouble {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Trouble::Lost,
        sqlx::Error::Database(db) => match db.try_downcast_ref::<PgDatabaseError>() {
            Some(postgres) if lost(postgres.code()) => Trouble::Lost,
            Some(postgres) if again(postgres.code()) => Trouble::Again,
            _ => Trouble::Failed,
        },
        _ => Trouble::Failed,
    }
}

/// Like `store_error`, for statements on which a taken unique value is an answer: it becomes a conflict on `field`.
pub(crate) fn conflict_on(field: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match error.as_database_error() {
        Some(db) if db.is_unique_violation() => StoreError::Conflict(field),
        _ => store_error(error),
    }
}

/// What is stored in `what` is not what this version writes there.
pub(crate) fn unreadable(what: &'static str) -> StoreError {
    StoreError::Broken(format!("unreadable {what}"))
}
