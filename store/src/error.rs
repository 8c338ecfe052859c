//! From the driver's errors to [`StoreError`]'s verdicts.

use colloquy_domain::ports::StoreError;

/// Why a store could not be opened. All need a person.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder cannot be opened, or is not a database.
    #[error("cannot open the database {path}: {cause}")]
    Database { path: String, cause: String },
    /// The schema is not one that this version can bring up to date (for example, of a newer version).
    #[error("cannot migrate the database {path}: {cause}")]
    Migration { path: String, cause: String },
    /// The secrets in it were written with another key.
    #[error("the secret key does not fit the database {path}: its secrets were written with another key")]
    WrongKey { path: String },
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

pub(crate) fn store_error(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(db) => {
            // Extended codes carry the primary one in their low byte.
            let primary = db.code().and_then(|c| c.parse::<i64>().ok()).unwrap_or(0) & 0xff;
            match primary {
                code::FULL => StoreError::Full(error.to_string()),
                code::BUSY
                | code::LOCKED
                | code::NOMEM
                | code::INTERRUPT
                | code::IOERR
                | code::CANTOPEN
                | code::PROTOCOL => StoreError::Unavailable(error.to_string()),
                _ => StoreError::Broken(error.to_string()),
            }
        }
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreError::Unavailable(error.to_string())
        }
        _ => StoreError::Broken(error.to_string()),
    }
}

/// Like `store_error`, for statements on which a taken unique value is an answer: it becomes a conflict on `field`.
pub(crate) fn conflict_on(field: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match error.as_database_error() {
        Some(db) if db.is_unique_violation() => StoreError::Conflict(field),
        _ => store_error(&error),
    }
}

/// For `map_err`.
pub(crate) fn db(error: sqlx::Error) -> StoreError {
    store_error(&error)
}

/// What is stored in `what` is not what this version writes there.
pub(crate) fn unreadable(what: &'static str) -> StoreError {
    StoreError::Broken(format!("unreadable {what}"))
}
