//! Statements over many rows, cut so that only four texts of each are ever prepared.

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};
use std::fmt::Write as _;

pub(crate) type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Cuts rows into pieces of 64, 16, 4 and 1.
pub(crate) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|s| *s <= rows.len())?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// `($1, $2), ($3, $4)` for two rows of two columns, numbered after `skip` parameters that stand before them.
pub(crate) fn tuples(skip: usize, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}${}", skip + row * columns + column + 1);
        }
        text.push(')');
    }
    text
}

/// The text of a statement: what stands before its rows, how wide they are, and what stands behind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    pub before: &'static str,
    pub columns: usize,
    pub after: &'static str,
}

impl Rows {
    pub(crate) fn text(&self, skip: usize, rows: usize) -> String {
        format!("{}{}{}", self.before, tuples(skip, rows, self.columns), self.after)
    }
}

/// Runs the statement over all rows; returns how many it changed, and the last row id.
pub(crate) async fn execute<T: Sync>(
    conn: &mut SqliteConnection,
    statement: Rows,
    rows: &[T],
    bind: impl for<'q> Fn(SqliteQuery<'q>, &T) -> SqliteQuery<'q> + Send + Sync,
) -> Result<(u64, i64), sqlx::Error> {
    let (mut changed, mut last) = (0, 0);
    for piece in pieces(rows) {
        let text = statement.text(0, piece.len());
        let query = piece.iter().fold(sqlx::query(AssertSqlSafe(text)), &bind);
        let done = query.execute(&mut *conn).await?;
        changed += done.rows_affected();
        last = done.last_insert_rowid();
    }
    Ok((changed, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_few_sizes_and_numbered_through() {
        let rows: Vec<u32> = (0..87).collect();
        let sizes: Vec<usize> = pieces(&rows).map(<[u32]>::len).collect();
        assert_eq!(sizes, [64, 16, 4, 1, 1, 1]);
        assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(tuples(1, 2, 2), "($2, $3), ($4, $5)");
    }
}
