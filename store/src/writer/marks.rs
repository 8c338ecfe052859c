//! What became of a transaction whose COMMIT was sent and never answered.
//!
//! Each transaction writes its number into the writer's own row. After a lost connection the row says whether the
//! transaction was committed, and asking for it waits for one that is still under way. PostgreSQL's own transaction
//! numbers (`pg_xact_status`) would not do: after a crash the server gives unfinished ones to other transactions.

use crate::{db::Conn, error::store_error};
use colloquy_domain::ports::StoreError;
use uuid::Uuid;

pub(super) struct Marks {
    /// The writer's row.
    writer: Uuid,
    last: i64,
}

impl Marks {
    pub(super) const fn new(writer: Uuid) -> Self {
        Self { writer, last: 0 }
    }

    /// The statement that marks the next transaction.
    pub(super) fn next(&mut self) -> String {
        self.last += 1;
        let Self { writer, last } = self;
        format!(
            "INSERT INTO writers (id, mark, seen_at) VALUES ('{writer}', {last}, now()) ON CONFLICT (id) DO UPDATE \
             SET mark = excluded.mark, seen_at = excluded.seen_at"
        )
    }

    /// Whether the last marked transaction was committed.
    pub(super) async fn committed(&self, conn: &mut Conn) -> Result<bool, StoreError> {
        // An insert waits for the other transaction that writes the same row, even for one that is still invisible.
        let script = format!(
            "INSERT INTO writers (id, mark, seen_at) VALUES ('{}', 0, now()) ON CONFLICT (id) DO UPDATE \
             SET seen_at = excluded.seen_at RETURNING mark",
            self.writer
        );
        let rows = conn.script(script).await.map_err(store_error)?;
        let gone = || StoreError::Broken("the writer's row is gone".to_owned());
        let (mark,): (i64,) = rows.first().ok_or_else(gone)?.read().map_err(store_error)?;
        Ok(mark == self.last)
    }

    /// The row is of no use to anybody else.
    pub(super) fn forget(&self) -> String {
        format!("DELETE FROM writers WHERE id = '{}'", self.writer)
    }
}
