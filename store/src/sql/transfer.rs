//! Whole tables. The names in these texts are the ones of [`TABLES`](crate::transfer::TABLES), never anybody's input.

use crate::transfer::Table;

/// The next rows behind a key, or the first ones, in the order of the key.
pub(crate) fn page(table: &Table, begun: bool, limit: usize) -> String {
    let names = table.names();
    let key = names[..table.key].join(", ");
    let behind = if begun {
        let places = (1..=table.key).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
        format!(" WHERE ({key}) > ({places})")
    } else {
        String::new()
    };
    format!("SELECT {} FROM {}{behind} ORDER BY {key} LIMIT {limit}", names.join(", "), table.name)
}

pub(crate) fn any_row(table: &str) -> String {
    format!("SELECT 1 FROM {table} LIMIT 1")
}

/// SQLite's: the last number that it gave to a row, of rows that are gone, too.
pub(crate) const LAST_NUMBER: &str = "SELECT seq FROM sqlite_sequence WHERE name = $1";

/// PostgreSQL's: the next number is the one behind it.
pub(crate) fn set_last_number(table: &Table, last: i64) -> String {
    format!("SELECT setval(pg_get_serial_sequence('{}', '{}'), {last})", table.name, table.columns[0].0)
}

/// Only by the one who knows what is there.
pub(crate) const REPLACE_META: &str = "UPDATE meta SET value = $3 WHERE name = $1 AND value = $2";

/// PostgreSQL's: what is copied happened elsewhere, and its events and figures are copied, too.
pub(crate) const SILENCE: [&str; 13] = [
    "ALTER TABLE conversations DISABLE TRIGGER tells",
    "ALTER TABLE messages DISABLE TRIGGER tells",
    "ALTER TABLE dead_letters DISABLE TRIGGER tells",
    "ALTER TABLE events DISABLE TRIGGER tells",
    "ALTER TABLE whatsapp_fallbacks DISABLE TRIGGER tells",
    "ALTER TABLE calls DISABLE TRIGGER tells",
    "ALTER TABLE approvals DISABLE TRIGGER tells",
    "ALTER TABLE conversations DISABLE TRIGGER counts",
    "ALTER TABLE messages DISABLE TRIGGER counts",
    "ALTER TABLE journal DISABLE TRIGGER counts",
    "ALTER TABLE ledger DISABLE TRIGGER counts",
    "ALTER TABLE contacts DISABLE TRIGGER sizes",
    "ALTER TABLE conversations DISABLE TRIGGER sizes",
];

/// PostgreSQL's: from now on things happen here.
pub(crate) const SPEECH: [&str; 13] = [
    "ALTER TABLE conversations ENABLE TRIGGER tells",
    "ALTER TABLE messages ENABLE TRIGGER tells",
    "ALTER TABLE dead_letters ENABLE TRIGGER tells",
    "ALTER TABLE events ENABLE TRIGGER tells",
    "ALTER TABLE whatsapp_fallbacks ENABLE TRIGGER tells",
    "ALTER TABLE calls ENABLE TRIGGER tells",
    "ALTER TABLE approvals ENABLE TRIGGER tells",
    "ALTER TABLE conversations ENABLE TRIGGER counts",
    "ALTER TABLE messages ENABLE TRIGGER counts",
    "ALTER TABLE journal ENABLE TRIGGER counts",
    "ALTER TABLE ledger ENABLE TRIGGER counts",
    "ALTER TABLE contacts ENABLE TRIGGER sizes",
    "ALTER TABLE conversations ENABLE TRIGGER sizes",
];
