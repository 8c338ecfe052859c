//! How far a transfer is: one row of the target, changed together with what it tells of.

use super::{TABLES, Table};
use crate::{
    db::{self, Conn, Value},
    error::{store_error, unreadable},
    records,
    sql::{platform, transfer as sql},
};
use colloquy_domain::ports::StoreError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Its name in `meta`.
const NAME: &str = "transfer";

/// A transfer into this database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) v: u16,
    /// The installation that is moved.
    pub(super) source: Uuid,
    /// The table that is being copied; none when all are.
    pub(super) table: Option<String>,
    /// The key of its last row that was copied.
    pub(super) after: Vec<KeyPart>,
    pub(super) vectors: Vectors,
    /// All of it was compared and is the same.
    pub(super) finished: bool,
}

/// How far the vectors are, which lie elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vectors {
    /// None was copied yet.
    Untouched,
    /// The next page begins here; at the first one if there is no id.
    From(Option<Uuid>),
    All,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyPart {
    Uuid(Uuid),
    Int(i64),
    Text(String),
}

impl State {
    const VERSION: u16 = 1;

    pub(super) fn new(source: Uuid) -> Self {
        let table = Some(TABLES[0].name.to_owned());
        Self { v: Self::VERSION, source, table, after: Vec::new(), vectors: Vectors::Untouched, finished: false }
    }

    /// The table that is being copied, and its number.
    pub(super) fn table(&self) -> Result<Option<(usize, &'static Table)>, StoreError> {
        let Some(name) = &self.table else { return Ok(None) };
        let found = TABLES.iter().enumerate().find(|(_, t)| t.name == name);
        found.map(Some).ok_or_else(|| unreadable("state of a transfer: unknown table"))
    }

    /// The state after all rows up to this key.
    pub(super) fn behind(&self, key: Vec<Value>) -> Result<Self, StoreError> {
        let after = key.into_iter().map(KeyPart::of).collect::<Result<_, _>>()?;
        Ok(Self { after, ..self.clone() })
    }

    /// The state after all of the table.
    pub(super) fn behind_table(&self, number: usize) -> Self {
        let table = TABLES.get(number + 1).map(|t| t.name.to_owned());
        Self { table, after: Vec::new(), ..self.clone() }
    }

    fn bytes(&self) -> Result<Vec<u8>, StoreError> {
        records::write(self).map(String::into_bytes)
    }
}

impl KeyPart {
    fn of(value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Uuid(Some(v)) => Ok(Self::Uuid(v)),
            Value::Int(Some(v)) => Ok(Self::Int(v)),
            Value::Text(Some(v)) => Ok(Self::Text(v)),
            _ => Err(unreadable("key of a row")),
        }
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::Uuid(v) => v.into(),
            Self::Int(v) => v.into(),
            Self::Text(v) => v.into(),
        }
    }
}

/// The transfer into this database, if there ever was one.
pub(super) async fn read(conn: &mut Conn) -> Result<Option<State>, StoreError> {
    let kept: Option<Vec<u8>> =
        db::query_scalar(platform::META).bind(NAME).fetch_optional(conn).await.map_err(store_error)?;
    let parse = |kept: Vec<u8>| {
        let state: State = serde_json::from_slice(&kept).map_err(|_| unreadable("state of a transfer"))?;
        if state.v == State::VERSION { Ok(state) } else { Err(unreadable("state of a transfer: unknown version")) }
    };
    kept.map(parse).transpose()
}

/// Whether a transfer into this database was begun and not finished.
pub(crate) async fn unfinished(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(read(conn).await?.is_some_and(|state| !state.finished))
}

pub(super) async fn begin(conn: &mut Conn, state: &State) -> Result<(), StoreError> {
    let query = db::query(platform::SET_META).bind(NAME).bind(state.bytes()?);
    query.execute(conn).await.map(|_| ()).map_err(store_error)
}

/// Goes on from `old`, and only from there: two who transfer at once cannot both succeed.
pub(super) async fn replace(conn: &mut Conn, old: &State, new: &State) -> Result<(), StoreError> {
    let query = db::query(sql::REPLACE_META).bind(NAME).bind(old.bytes()?).bind(new.bytes()?);
    match query.execute(conn).await.map_err(store_error)?.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::Stale),
    }
}
