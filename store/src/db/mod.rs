//! A thin layer over the two drivers, in the shape of sqlx's own builders: `query(sql).bind(v)`, then `execute` or
//! `fetch_…` on the writer's connection or on the readers. Each database keeps its native driver; only what this crate
//! uses of them is here.

mod bulk;
mod conn;
mod postgres;
mod query;
mod readers;
mod record;
mod sqlite;
mod together;
mod value;

pub(crate) use bulk::{Rows, execute as execute_rows, fetch as fetch_rows, insert as insert_rows};
pub(crate) use conn::{Conn, Trouble};
pub(crate) use postgres::{connect as connect_postgres, read_url, shown as shown_url, unreadable_file};
pub(crate) use query::{FromDb, Query, Row, Scalar, Sql, query, query_as, query_scalar};
pub(crate) use readers::{PgReaders, Readers, Reads};
pub(crate) use record::{Kind, hash as hash_record, insert_records};
pub(crate) use sqlite::connect_options as sqlite_options;
pub(crate) use together::Together;
pub(crate) use value::{Value, storable};

/// Whose rows a connection sees where the database keeps tenants apart itself (PostgreSQL's row-level security).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All tenants': the writer's batches, and what concerns the whole installation.
    Everything,
    Tenant(uuid::Uuid),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}
