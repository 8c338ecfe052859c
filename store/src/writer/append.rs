//! Appends to the log: those of a batch become few statements.

use crate::{
    db::{self, Conn, Query},
    error::store_error,
    sql::log::APPEND,
};
use colloquy_domain::ports::StoreError;
use tokio::sync::oneshot;
use uuid::Uuid;

/// One line of the log.
#[derive(Debug)]
pub(crate) struct LogRow {
    pub tenant: Uuid,
    pub channel: Uuid,
    pub received_at: i64,
    pub payload: String,
}

pub(super) struct Append {
    rows: Vec<LogRow>,
    pub(super) result: Result<(), StoreError>,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Append {
    pub(super) fn new(rows: Vec<LogRow>, reply: oneshot::Sender<Result<(), StoreError>>) -> Self {
        Self { rows, result: Ok(()), reply }
    }

    pub(super) fn answer(self) {
        let _ = self.reply.send(self.result);
    }
}

/// Writes the rows of all appends, in order; returns the last offset, or `None` if there was no row.
pub(super) async fn write(conn: &mut Conn, appends: &[Append]) -> Result<Option<u64>, StoreError> {
    let rows: Vec<&LogRow> = appends.iter().flat_map(|a| &a.rows).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let last = db::insert_rows(conn, APPEND, &rows, |q, r| bind(q, r)).await.map_err(store_error)?;
    Ok(u64::try_from(last).ok())
}

pub(crate) fn bind(query: Query, r: &LogRow) -> Query {
    query.bind(r.tenant).bind(r.channel).bind(r.received_at).bind(r.payload.clone())
}
