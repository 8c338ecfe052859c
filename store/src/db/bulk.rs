//! Statements over many rows. SQLite gets them as lists of values, cut so that only a few texts of each are ever
//! prepared; PostgreSQL gets one array for each column, so that one text and one round trip do for all of them.

use super::{
    Conn, Dialect, FromDb, Query, Sql,
    query::{Done, encoding},
    value::{Value, add_column},
};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, error::BoxDynError, postgres::PgArguments};

/// A piece is one trip to SQLite's thread, which costs more than its rows.
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

/// The text of a statement: what stands before its rows, how wide they are, and what stands behind. The columns of the
/// rows are `column1`, `column2` and so on. On SQLite its parameters have neither names nor numbers, before the rows
/// either: looking a name up costs SQLite a walk over all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    before: Sql,
    columns: usize,
    after: Sql,
    /// Parameters that stand before the rows.
    first: usize,
}

impl Rows {
    pub(crate) const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        let before = Sql { sqlite: before, postgres: before };
        Self { before, columns, after: Sql { sqlite: after, postgres: after }, first: 0 }
    }

    /// The same statement in PostgreSQL's words.
    pub(crate) const fn on_postgres(self, before: &'static str, after: &'static str) -> Self {
        let before = Sql { sqlite: self.before.sqlite, postgres: before };
        Self { before, after: Sql { sqlite: self.after.sqlite, postgres: after }, ..self }
    }

    /// So many parameters stand before the rows.
    pub(crate) const fn after_parameters(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// The same statement where so many parameters of others stand before its own.
    pub(super) const fn numbered_from(self, first: usize) -> Self {
        Self { first: self.first + first, ..self }
    }

    pub(super) const fn width(&self) -> usize {
        self.columns
    }

    /// `…VALUES (?,?),(?,?)…` for two rows of two columns, or `…SELECT * FROM unnest($1,$2) AS v(column1,column2)…` for
    /// any number of them.
    pub(crate) fn text(&self, dialect: Dialect, rows: usize) -> String {
        let (before, after) = (self.before.text(dialect), self.after.text(dialect));
        let given = match dialect {
            Dialect::Sqlite => {
                let row = format!("({})", vec!["?"; self.columns].join(","));
                format!("VALUES {}", vec![row; rows].join(","))
            }
            Dialect::Postgres => {
                let listed = |of: &dyn Fn(usize) -> String| (1..=self.columns).map(of).collect::<Vec<_>>().join(",");
                let arrays = listed(&|n| format!("${}", n + self.first));
                format!("SELECT * FROM unnest({arrays}) AS given({})", listed(&|n| format!("column{n}")))
            }
        };
        [before, &given, after].concat()
    }

    /// The statement for PostgreSQL: its first parameters, then the columns.
    fn arrays(&self, query: Query) -> Result<(String, PgArguments), sqlx::Error> {
        let mut arguments = PgArguments::default();
        let mut values = query.values.into_iter();
        let first = values.by_ref().take(self.first);
        first.into_iter().try_for_each(|v| v.add_postgres(&mut arguments)).map_err(encoding)?;
        columns(self.columns, values.collect(), &mut arguments).map_err(encoding)?;
        Ok((self.text(Dialect::Postgres, 0), arguments))
    }
}

/// An array for each column of rows of this width.
pub(super) fn columns(width: usize, values: Vec<Value>, to: &mut PgArguments) -> Result<(), BoxDynError> {
    let mut columns = vec![Vec::with_capacity(values.len() / width.max(1)); width];
    for (place, value) in values.into_iter().enumerate() {
        columns[place % width].push(value);
    }
    columns.into_iter().try_for_each(|column| add_column(column, to))
}

/// Runs the statement over all rows; returns how many it changed.
pub(crate) async fn execute<T: Sync>(
    conn: &mut Conn,
    statement: Rows,
    rows: &[T],
    bind: impl Fn(Query, &T) -> Query + Send + Sync,
) -> Result<u64, sqlx::Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    if conn.dialect() == Dialect::Postgres {
        let (text, arguments) = statement.arrays(rows.iter().fold(Query::built(String::new()), bind))?;
        return conn.run_postgres(AssertSqlSafe(text).into_sql_str(), arguments).await.map(Done::rows_affected);
    }
    let mut changed = 0;
    for piece in pieces(rows) {
        let query = Query::built(statement.text(Dialect::Sqlite, piece.len()));
        changed += conn.run(piece.iter().fold(query, &bind)).await?.rows_affected();
    }
    Ok(changed)
}

/// Inserts all rows; returns the last number that the database gave to one. On PostgreSQL the statement returns it.
pub(crate) async fn insert<T: Sync>(
    conn: &mut Conn,
    statement: Rows,
    rows: &[T],
    bind: impl Fn(Query, &T) -> Query + Send + Sync,
) -> Result<i64, sqlx::Error> {
    if conn.dialect() == Dialect::Postgres {
        let (text, arguments) = statement.arrays(rows.iter().fold(Query::built(String::new()), bind))?;
        let found = conn.all_postgres(AssertSqlSafe(text).into_sql_str(), arguments).await?;
        return found.first().ok_or(sqlx::Error::RowNotFound)?.read().map(|(last,)| last);
    }
    let mut last = 0;
    for piece in pieces(rows) {
        let query = Query::built(statement.text(Dialect::Sqlite, piece.len()));
        last = conn.insert_sqlite(piece.iter().fold(query, &bind)).await?;
    }
    Ok(last)
}

/// Rows by a list of keys. `first` binds the parameters before the keys.
pub(crate) async fn fetch<T: FromDb, K: Sync>(
    conn: &mut Conn,
    statement: Rows,
    first: impl Fn(Query) -> Query + Send + Sync,
    keys: &[K],
    bind: impl Fn(Query, &K) -> Query + Send + Sync,
) -> Result<Vec<T>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    if conn.dialect() == Dialect::Postgres {
        let (text, arguments) = statement.arrays(keys.iter().fold(first(Query::built(String::new())), bind))?;
        let rows = conn.all_postgres(AssertSqlSafe(text).into_sql_str(), arguments).await?;
        return rows.iter().map(super::Row::read).collect();
    }
    let mut found = Vec::new();
    for piece in pieces(keys) {
        let query = first(Query::built(statement.text(Dialect::Sqlite, piece.len())));
        for row in conn.all(piece.iter().fold(query, &bind)).await? {
            found.push(row.read()?);
        }
    }
    Ok(found)
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
        let statement = Rows::new("x ", 2, " y");
        assert_eq!(statement.text(Dialect::Sqlite, 2), "x VALUES (?,?),(?,?) y");
    }

    #[test]
    fn postgres_gets_columns() {
        let statement = Rows::new("x ? ", 2, " y").on_postgres("x $1 (", ") z").after_parameters(1);
        let want = "x $1 (SELECT * FROM unnest($2,$3) AS given(column1,column2)) z";
        assert_eq!(statement.text(Dialect::Postgres, 9), want);
    }
}
