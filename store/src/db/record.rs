//! Rows of which only the columns' names and types are known: for copying whole tables.

use super::{
    Conn, Value,
    query::{Done, Row, encoding},
    value::{add_column, storable},
};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr as _, postgres::PgArguments};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Uuid,
    Int,
    Text,
    Bytes,
    Bool,
}

macro_rules! column {
    ($row:expr, $place:expr, $kind:expr) => {
        Ok(match $kind {
            Kind::Uuid => Value::Uuid($row.try_get($place)?),
            Kind::Int => Value::Int($row.try_get($place)?),
            Kind::Text => Value::Text($row.try_get($place)?),
            Kind::Bytes => Value::Bytes($row.try_get($place)?),
            Kind::Bool => Value::Bool($row.try_get($place)?),
        })
    };
}

impl Row {
    /// All its columns, which are of these types.
    pub(crate) fn values(&self, kinds: impl Iterator<Item = Kind>) -> Result<Vec<Value>, sqlx::Error> {
        let value = |(place, kind): (usize, Kind)| match self {
            Self::Sqlite(row) => column!(row, place, kind),
            Self::Postgres(row) => column!(row, place, kind),
        };
        kinds.enumerate().map(value).collect()
    }
}

/// Inserts whole rows into a table of PostgreSQL, the values of identity columns, too; returns how many it inserted.
/// Neither name may be anybody's input.
pub(crate) async fn insert_records(
    conn: &mut Conn,
    table: &str,
    columns: &[&str],
    rows: &[Vec<Value>],
) -> Result<u64, sqlx::Error> {
    let mut by_column = vec![Vec::with_capacity(rows.len()); columns.len()];
    for row in rows {
        by_column.iter_mut().zip(row).for_each(|(column, value)| column.push(value.clone()));
    }
    let mut arguments = PgArguments::default();
    by_column.into_iter().try_for_each(|c| add_column(c, &mut arguments)).map_err(encoding)?;
    let arrays = (1..=columns.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let text =
        format!("INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT * FROM unnest({arrays})", columns.join(", "));
    conn.run_postgres(AssertSqlSafe(text).into_sql_str(), arguments).await.map(Done::rows_affected)
}

/// A hash of a row that is the same on both databases.
pub(crate) fn hash(row: Vec<Value>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for value in row {
        let bytes = match value {
            Value::Uuid(v) => v.map(|v| v.as_bytes().to_vec()),
            Value::Int(v) => v.map(|v| v.to_be_bytes().to_vec()),
            Value::Text(v) => v.map(|v| storable(v).into_bytes()),
            Value::Bytes(v) => v,
            Value::Bool(v) => v.map(|v| vec![u8::from(v)]),
        };
        match bytes {
            None => hash.update([0]),
            Some(bytes) => {
                hash.update([1]);
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            }
        }
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_rows_apart() {
        let rows = [
            vec![Value::from("ab"), Value::from("c")],
            vec![Value::from("a"), Value::from("bc")],
            vec![Value::from("ab"), Value::from(None::<String>)],
            vec![Value::from("ab"), Value::from("")],
            vec![Value::from(true)],
            vec![Value::from(false)],
        ];
        let mut hashes: Vec<_> = rows.iter().cloned().map(hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), rows.len());
        assert_eq!(hash(vec![Value::from("a\0")]), hash(vec![Value::from("a\u{fffd}")]), "as it is stored");
    }
}
