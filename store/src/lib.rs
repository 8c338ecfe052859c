//! The only crate that knows SQL: conversation persistence (the domain's ports) and the platform's typed repositories.
//!
//! **Purpose.** Everything that must survive kill -9: the ingress log, inboxes, conversations, transcripts, the
//! journal, the outbox, timers, dead letters, and what tenants configure.
//!
//! **Non-goals.** No decisions: what a row means is the domain's. No SQL type in a public signature: a SQLite file and a
//! PostgreSQL server stand behind the same calls, each through its own driver (`db/`). The embedded log on PostgreSQL is
//! for one node; several share a log of another kind.
//!
//! **Invariants.**
//! - A write is answered only after its transaction is on the disk; writes that wait are committed together.
//! - Every statement of a tenant's data names the tenant; only [`Installation`] looks across tenants. PostgreSQL itself
//!   keeps tenants apart, too ([`Walls`]).
//! - A commit names the version it was decided on; another version in the row refuses it.
//! - On a node of a cluster, what belongs to a partition is written only under the epoch in which the node owns it, and
//!   the database decides ([`Store::fenced`] counts what it refused).
//! - A COMMIT that nobody answered is asked after, not repeated.
//! - JSON in the database is one of [`records`]' versioned shapes (or the domain's versioned snapshot).
//!
//! **Start here:** [`Store::open`], then `ports/` for the domain's ports and [`TenantStore`] for the rest; `writer/` is
//! how anything is written. [`transfer`] moves an installation from a file to a server. [`limits`] measures what the
//! disk and the driver give without any of it.

pub mod backup;
mod cipher;
mod db;
mod error;
pub mod limits;
mod open;
mod options;
mod ports;
pub mod records;
mod repo;
mod sql;
mod store;
pub mod transfer;
mod writer;

pub use cipher::KeyId;
pub use error::OpenError;
pub use open::Walls;
pub use options::{Database, InvalidSecretKey, KeySource, Placed, PostgresOptions, SecretKey, StoreOptions};
pub use repo::*;
pub use store::Store;
