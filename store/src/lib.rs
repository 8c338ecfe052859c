//! The only crate that knows SQL: conversation persistence (the domain's ports) and the platform's typed repositories.
//!
//! **Purpose.** Everything that must survive kill -9: the ingress log, inboxes, conversations, transcripts, the
//! journal, the outbox, timers, dead letters, and what tenants configure.
//!
//! **Non-goals.** No decisions: what a row means is the domain's. No SQL type in a public signature, so that another
//! database can stand behind the same calls.
//!
//! **Invariants.**
//! - A write is answered only after its transaction is on the disk; writes that wait are committed together.
//! - Every statement of a tenant's data names the tenant; only [`Installation`] looks across tenants.
//! - A commit names the version it was decided on; another version in the row refuses it.
//! - JSON in the database is one of [`records`]' versioned shapes (or the domain's versioned snapshot).
//!
//! **Start here:** [`SqliteStore::open`], then `ports/` for the domain's ports and [`TenantStore`] for the rest. [`limits`]
//! measures what the disk and the driver give without any of it.

mod bulk;
mod cipher;
mod error;
pub mod limits;
mod options;
mod ports;
pub mod records;
mod repo;
mod sql;
mod sqlite;
mod writer;

pub use error::OpenError;
pub use options::{InvalidSecretKey, SecretKey, StoreOptions};
pub use repo::*;
pub use sqlite::SqliteStore;

/// The store as its callers name it; more databases will stand behind it.
pub type Store = SqliteStore;
