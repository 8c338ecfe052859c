//! The list of tables is the schemas'.

use super::{TABLES, tables::NOT_COPIED};
use crate::{
    Database, PostgresOptions, SecretKey, Store, StoreOptions,
    db::{Kind, Query},
    sql::plans::server,
};
use colloquy_domain::{
    channel::Secret,
    testkit::{ManualClock, SeqIds},
};
use std::{collections::BTreeSet, sync::Arc};

async fn open(database: impl Into<Database>) -> Store {
    let options = StoreOptions {
        clock: Arc::new(ManualClock::default()),
        ids: Arc::new(SeqIds::default()),
        secret_key: SecretKey::from_bytes([0; 32]),
        placement: None,
    };
    Store::open(database, options).await.expect("opens")
}

/// Table, column and the type's name, for all columns that there are.
async fn columns(store: &Store, text: &str) -> BTreeSet<(String, String, String)> {
    let rows = Query::built(text.to_owned()).fetch_all(store.readers()).await.expect("listed");
    let all: BTreeSet<(String, String, String)> = rows.iter().map(|r| r.read().expect("texts")).collect();
    all.into_iter().filter(|(table, ..)| !NOT_COPIED.contains(&table.as_str())).collect()
}

fn listed(type_of: impl Fn(Kind) -> &'static str) -> BTreeSet<(String, String, String)> {
    let of = |t: &'static super::Table| t.columns.iter().map(move |(column, kind)| (t.name, *column, *kind));
    let all = TABLES.iter().flat_map(of);
    all.map(|(table, column, kind)| (table.to_owned(), column.to_owned(), type_of(kind).to_owned())).collect()
}

// req: S2-TBL-1
#[tokio::test]
async fn no_table_and_no_column_is_forgotten() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = open(folder.path().join("colloquy.db")).await;
    let text = "SELECT m.name, p.name, p.type FROM sqlite_master m, pragma_table_info(m.name) p \
                WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let types = |kind| match kind {
        Kind::Uuid | Kind::Bytes => "BLOB",
        Kind::Int | Kind::Bool => "INTEGER",
        Kind::Text => "TEXT",
    };
    assert_eq!(columns(&sqlite, text).await, listed(types));

    let server = server::Server::shared();
    let url = Secret::new(server.url(&server.database()));
    let postgres = open(Database::Postgres(PostgresOptions::new(url))).await;
    let text = "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns \
                WHERE table_schema = 'public'";
    let types = |kind| match kind {
        Kind::Uuid => "uuid",
        Kind::Bytes => "bytea",
        Kind::Int => "bigint",
        Kind::Bool => "boolean",
        Kind::Text => "text",
    };
    assert_eq!(columns(&postgres, text).await, listed(types));
}
