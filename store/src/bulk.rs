//! Statements over many rows, cut so that only a few texts of each are ever prepared.

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

pub(crate) type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A piece is one trip to the connection's thread, which costs more than its rows.
const SIZES: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/// Cuts rows into pieces of these sizes.
pub(crate) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|s| *s <= rows.len())?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// The text of a statement: what stands before its rows, how wide they are, and what stands behind. Its parameters have
/// neither names nor numbers, before the rows either: looking a name up costs SQLite a walk over all of them.

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    pub before: &'static str,
    pub columns: usize,
    pub after: &'static str,
}

impl Rows {
    /// `…(?,?),(?,?)…` for two rows of two columns.
    pub(crate) fn text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let mut text = String::with_capacity(self.before.len() + rows * (row.len() + 1) + self.after.len());
        text.push_str(self.before);
        for n in 0..rows {
            text.push_str(if n == 0 { "" } else { "," });
            text.push_str(&row);
        }
        text.push_str(self.after);
        text
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
        let text = statement.text(piece.len());
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
    fn rows_are_cut_into_few_sizes() {
        let rows: Vec<u32> = (0..343).collect();
        let sizes: Vec<usize> = pieces(&rows).map(<[u32]>::len).collect();
        assert_eq!(sizes, [256, 64, 16, 4, 2, 1]);
        assert_eq!(pieces(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        let statement = Rows { before: "x VALUES ", columns: 2, after: " y" };
        assert_eq!(statement.text(2), "x VALUES (?,?),(?,?) y");
    }
}
