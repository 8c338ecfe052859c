//! Statements over many rows that do not see each other's rows. PostgreSQL gets them as one statement, in one round trip;
//! SQLite, where a statement costs no way, one after the other.

use super::{
    Conn, Dialect, Query, Row, Rows,
    bulk::{columns, pieces},
    query::encoding,
    value::Value,
};
use crate::error::{conflict_on, store_error};
use colloquy_domain::ports::StoreError;
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr as _, postgres::PgArguments};

/// What is to be run. On PostgreSQL all of it sees the same snapshot, and nothing says which statement is first.
#[derive(Default)]
pub(crate) struct Together {
    parts: Vec<Part>,
}

struct Part {
    statement: Rows,
    values: Vec<Value>,
    /// It writes; otherwise it only looks, or locks.
    writes: bool,
    unique: Option<Unique>,
}

/// A taken unique value in this table is a conflict on the field.
type Unique = (&'static str, &'static str);

impl Together {
    /// Adds a statement that writes. Without rows there is nothing to run.
    #[must_use]
    pub(crate) fn write<T>(self, statement: Rows, rows: &[T], bind: impl Fn(Query, &T) -> Query) -> Self {
        self.part(statement, rows, bind, true, None)
    }

    /// As [`Self::write`]; if a unique value of `table` is taken, the answer is [`StoreError::Conflict`] on `field`.
    #[must_use]
    pub(crate) fn insert<T>(
        self,
        (table, field): (&'static str, &'static str),
        statement: Rows,
        rows: &[T],
        bind: impl Fn(Query, &T) -> Query,
    ) -> Self {
        self.part(statement, rows, bind, true, Some((table, field)))
    }

    /// Adds a statement whose rows are locked, or only looked at.
    #[must_use]
    pub(crate) fn look<T>(self, statement: Rows, rows: &[T], bind: impl Fn(Query, &T) -> Query) -> Self {
        self.part(statement, rows, bind, false, None)
    }

    fn part<T>(
        mut self,
        statement: Rows,
        rows: &[T],
        bind: impl Fn(Query, &T) -> Query,
        writes: bool,
        unique: Option<Unique>,
    ) -> Self {
        let values = rows.iter().fold(Query::built(String::new()), bind).values;
        self.parts.push(Part { statement, values, writes, unique });
        self
    }

    /// How many rows each statement changed, in the order in which they were added.
    pub(crate) async fn run(self, conn: &mut Conn) -> Result<Vec<u64>, StoreError> {
        match conn.dialect() {
            Dialect::Sqlite => self.in_turn(conn).await,
            Dialect::Postgres => self.at_once(conn).await,
        }
    }

    async fn in_turn(self, conn: &mut Conn) -> Result<Vec<u64>, StoreError> {
        let mut changed = Vec::with_capacity(self.parts.len());
        for part in self.parts {
            let (mut count, width) = (0, part.statement.width());
            let (rows, mut values) = (vec![(); part.values.len() / width], part.values.into_iter());
            for piece in pieces(&rows) {
                let mut query = Query::built(part.statement.text(Dialect::Sqlite, piece.len()));
                query.values = values.by_ref().take(piece.len() * width).collect();
                let done = conn.run(query).await;
                count += match part.unique {
                    Some((_, field)) => done.map_err(conflict_on(field)),
                    None => done.map_err(store_error),
                }?
                .rows_affected();
            }
            changed.push(count);
        }
        Ok(changed)
    }

    async fn at_once(self, conn: &mut Conn) -> Result<Vec<u64>, StoreError> {
        let mut changed = vec![0; self.parts.len()];
        let (places, parts): (Vec<usize>, Vec<Part>) =
            self.parts.into_iter().enumerate().filter(|(_, part)| !part.values.is_empty()).unzip();
        if parts.is_empty() {
            return Ok(changed);
        }
        let unique: Vec<Unique> = parts.iter().filter_map(|p| p.unique).collect();
        let (text, arguments) = one(parts).map_err(store_error)?;
        let rows = conn.all_postgres(AssertSqlSafe(text).into_sql_str(), arguments).await;
        let rows = rows.map_err(|error| match taken(&error, &unique) {
            Some(field) => StoreError::Conflict(field),
            None => store_error(error),
        })?;
        let Some(Row::Postgres(counts)) = rows.first() else {
            return Err(StoreError::Broken("statements without an answer".to_owned()));
        };
        for (n, place) in places.into_iter().enumerate() {
            let count: i64 = counts.try_get(n).map_err(store_error)?;
            changed[place] = u64::try_from(count).unwrap_or(0);
        }
        Ok(changed)
    }
}

/// `WITH s0 AS (…), s1 AS (…) SELECT …`, which counts what each of them did.
fn one(parts: Vec<Part>) -> Result<(String, PgArguments), sqlx::Error> {
    let (mut arguments, mut with, mut counts, mut first) = (PgArguments::default(), Vec::new(), Vec::new(), 0);
    for (n, part) in parts.into_iter().enumerate() {
        let returning = if part.writes { " RETURNING 1" } else { "" };
        with.push(format!("s{n} AS ({}{returning})", part.statement.numbered_from(first).text(Dialect::Postgres, 0)));
        counts.push(format!("(SELECT COUNT(*) FROM s{n})"));
        first += part.statement.width();
        columns(part.statement.width(), part.values, &mut arguments).map_err(encoding)?;
    }
    Ok((format!("WITH {} SELECT {}", with.join(", "), counts.join(", ")), arguments))
}

/// The field whose value was taken, if that is what the error says.
fn taken(error: &sqlx::Error, unique: &[Unique]) -> Option<&'static str> {
    let error = error.as_database_error().filter(|e| e.is_unique_violation())?;
    let table = error.table()?;
    unique.iter().find(|(name, _)| *name == table).map(|(_, field)| *field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_the_second_statement_follow_those_of_the_first() {
        let rows = [(1_i64, "a"), (2, "b")];
        let together = Together::default()
            .write(Rows::new("INSERT INTO x (n, w) ", 2, ""), &rows, |q, (n, w)| q.bind(*n).bind(*w))
            .look(Rows::new("SELECT 1 FROM y WHERE n IN (", 1, ") FOR UPDATE"), &rows, |q, (n, _)| q.bind(*n));
        let (text, _) = one(together.parts).expect("one");
        assert_eq!(
            text,
            "WITH s0 AS (INSERT INTO x (n, w) SELECT * FROM unnest($1,$2) AS given(column1,column2) RETURNING 1), \
             s1 AS (SELECT 1 FROM y WHERE n IN (SELECT * FROM unnest($3) AS given(column1)) FOR UPDATE) \
             SELECT (SELECT COUNT(*) FROM s0), (SELECT COUNT(*) FROM s1)"
        );
    }
}
