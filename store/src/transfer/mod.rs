//! Moving an installation from a file to a server: all rows under their own ids, in pages, each page in one transaction
//! with the note of how far it came, so that an interrupted transfer goes on where it was.
//!
//! Nothing else may write to either side: the source's folder is locked, and a database that is being filled opens for
//! nobody but the transfer ([`OpenError::Filling`](crate::OpenError::Filling)).

mod begin;
mod compare;
mod state;
mod tables;

pub use compare::{Compared, Rows};
pub use state::Vectors;
pub(crate) use state::unfinished;
pub(crate) use tables::{TABLES, Table};

use crate::{
    db::{self, Conn, Query, Reads, Value},
    error::store_error,
    sql::transfer as sql,
    store::Store,
};
use colloquy_domain::ports::StoreError;
use futures::FutureExt;
use state::State;
use std::sync::Arc;

/// Rows that are read or written together.
const PAGE: usize = 256;

/// An installation on its way from a file to a server.
pub struct Transfer {
    source: Store,
    target: Store,
    state: State,
}

/// Why nothing can be transferred. All need a person.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("the target already holds rows of its own (in `{0}`): an installation is moved into an empty database")]
    Occupied(&'static str),
    #[error("another installation was moved into the target: an installation is moved into an empty database")]
    OtherSource,
    #[error("a node is running on the target ({0}): stop it until the installation has been moved")]
    Running(String),
    #[error("only an embedded database can be moved, and only to a server")]
    WrongKind,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One page of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub table: &'static str,
    pub rows: usize,
}

impl Transfer {
    /// Whether everything was copied, compared and found the same at some time.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.state.finished
    }

    /// How far the vectors are.
    #[must_use]
    pub const fn vectors(&self) -> Vectors {
        self.state.vectors
    }

    /// Copies the next page; `None` when there are no more.
    ///
    /// # Errors
    /// Either store's; [`StoreError::Stale`] when somebody else transfers into the same database. Where the target does
    /// not answer, the page may have been written, and only a new [`Transfer::begin`] can tell.
    pub async fn copy_page(&mut self) -> Result<Option<Copied>, StoreError> {
        let Some((number, table)) = self.state.table()? else { return Ok(None) };
        let after: Vec<Value> = self.state.after.iter().map(state::KeyPart::value).collect();
        let rows = page(self.source.readers(), table, &after).await?;
        let copied = Copied { table: table.name, rows: rows.len() };
        let ends = rows.len() < PAGE;
        let (next, last) = match rows.last() {
            Some(row) if !ends => (self.state.behind(table.key_of(row))?, None),
            _ => (self.state.behind_table(number), self.last_number(table).await?),
        };
        let piece = Arc::new(Piece { table, rows, last, old: self.state.clone(), new: next.clone() });
        self.target
            .tell(None, move |conn| {
                let piece = Arc::clone(&piece);
                async move { piece.write(conn).await }.boxed()
            })
            .await?;
        self.state = next;
        Ok(Some(copied))
    }

    /// The last number that the source gave to a row of the table, if it numbers them.
    async fn last_number(&self, table: &Table) -> Result<Option<i64>, StoreError> {
        if !table.numbered {
            return Ok(None);
        }
        let query = db::query_scalar(sql::LAST_NUMBER).bind(table.name);
        let last: Option<i64> = query.fetch_optional(self.source.readers()).await.map_err(store_error)?;
        Ok(last.filter(|n| *n > 0))
    }

    /// Remembers how far the vectors are.
    ///
    /// # Errors
    /// As [`Transfer::copy_page`].
    pub async fn set_vectors(&mut self, vectors: Vectors) -> Result<(), StoreError> {
        self.replace(State { vectors, ..self.state.clone() }).await
    }

    /// Everything was copied and compared: the target may be used.
    ///
    /// # Errors
    /// As [`Transfer::copy_page`].
    pub async fn finish(&mut self) -> Result<(), StoreError> {
        let next = State { finished: true, ..self.state.clone() };
        if self.state == next {
            return Ok(());
        }
        let (old, new) = (self.state.clone(), next.clone());
        self.target
            .tell(None, move |conn| {
                let (old, new) = (old.clone(), new.clone());
                async move {
                    for statement in sql::SPEECH {
                        db::query(statement).execute(conn).await.map_err(store_error)?;
                    }
                    state::replace(conn, &old, &new).await
                }
                .boxed()
            })
            .await?;
        self.state = next;
        Ok(())
    }

    async fn replace(&mut self, next: State) -> Result<(), StoreError> {
        if self.state == next {
            return Ok(());
        }
        let (old, new) = (self.state.clone(), next.clone());
        self.target
            .tell(None, move |conn| {
                let (old, new) = (old.clone(), new.clone());
                async move { state::replace(conn, &old, &new).await }.boxed()
            })
            .await?;
        self.state = next;
        Ok(())
    }
}

/// What one transaction writes.
struct Piece {
    table: &'static Table,
    rows: Vec<Vec<Value>>,
    /// The last number that the table has given, where the table ends.
    last: Option<i64>,
    old: State,
    new: State,
}

impl Piece {
    async fn write(&self, conn: &mut Conn) -> Result<(), StoreError> {
        if !self.rows.is_empty() {
            let columns = self.table.names();
            db::insert_records(conn, self.table.name, &columns, &self.rows).await.map_err(store_error)?;
        }
        if let Some(last) = self.last {
            let query = Query::built(sql::set_last_number(self.table, last));
            query.fetch_optional(&mut *conn).await.map_err(store_error)?;
        }
        state::replace(conn, &self.old, &self.new).await
    }
}

/// The next rows of a table behind a key; the first ones behind none.
async fn page(on: Reads<'_>, table: &Table, after: &[Value]) -> Result<Vec<Vec<Value>>, StoreError> {
    let query = Query::built(sql::page(table, !after.is_empty(), PAGE));
    let query = after.iter().cloned().fold(query, Query::bind);
    let rows = query.fetch_all(on).await.map_err(store_error)?;
    rows.iter().map(|row| row.values(table.kinds())).collect::<Result<_, _>>().map_err(store_error)
}

#[cfg(test)]
mod tests;
