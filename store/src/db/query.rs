//! Statements and their rows.

use super::{Conn, Dialect, Reads, Value};
use futures::{FutureExt as _, future::BoxFuture};
use sqlx::{
    AssertSqlSafe, FromRow, SqlSafeStr as _, SqlStr,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use std::marker::PhantomData;

/// The text of a statement, where the two databases do not understand the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

impl Sql {
    pub(crate) const fn text(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

impl From<&'static str> for Sql {
    fn from(both: &'static str) -> Self {
        Self { sqlite: both, postgres: both }
    }
}

#[derive(Debug, Clone)]
enum Text {
    Written(Sql),
    Built(String),
}

/// A statement and its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    text: Text,
    pub(super) values: Vec<Value>,
}

/// What a statement changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done {
    changed: u64,
}

impl Done {
    pub(super) const fn new(changed: u64) -> Self {
        Self { changed }
    }

    pub(crate) const fn rows_affected(self) -> u64 {
        self.changed
    }
}

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a row of either database can be read as.
pub(crate) trait FromDb:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static
{
}

impl<T> FromDb for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin + 'static {}

impl Row {
    pub(crate) fn read<T: FromDb>(&self) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => T::from_row(row),
            Self::Postgres(row) => T::from_row(row),
        }
    }
}

/// What reads rows: the writer's connection, or the readers.
pub(crate) enum On<'e> {
    Writer(&'e mut Conn),
    Readers(Reads<'e>),
}

impl<'e> From<&'e mut Conn> for On<'e> {
    fn from(conn: &'e mut Conn) -> Self {
        Self::Writer(conn)
    }
}

impl<'e> From<Reads<'e>> for On<'e> {
    fn from(readers: Reads<'e>) -> Self {
        Self::Readers(readers)
    }
}

impl On<'_> {
    async fn first(self, query: Query) -> Result<Option<Row>, sqlx::Error> {
        match self {
            Self::Writer(conn) => conn.first(query).await,
            Self::Readers(readers) => readers.first(query).await,
        }
    }

    async fn all(self, query: Query) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Writer(conn) => conn.all(query).await,
            Self::Readers(readers) => readers.all(query).await,
        }
    }
}

pub(crate) fn query(sql: impl Into<Sql>) -> Query {
    Query { text: Text::Written(sql.into()), values: Vec::new() }
}

pub(crate) fn query_as<T: FromDb>(sql: impl Into<Sql>) -> As<T> {
    As { query: query(sql), row: PhantomData }
}

/// Rows of one column.
pub(crate) fn query_scalar<T>(sql: impl Into<Sql>) -> Scalar<T>
where
    (T,): FromDb,
{
    Scalar(query_as(sql))
}

impl Query {
    /// A text that this crate put together; it must hold nothing of anybody's input.
    pub(crate) fn built(text: String) -> Self {
        Self { text: Text::Built(text), values: Vec::new() }
    }

    #[must_use]
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    fn text(text: Text, dialect: Dialect) -> SqlStr {
        match text {
            Text::Written(sql) => sql.text(dialect).into_sql_str(),
            Text::Built(text) => AssertSqlSafe(text).into_sql_str(),
        }
    }

    pub(super) fn for_sqlite(self) -> Result<(SqlStr, SqliteArguments), sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        self.values.into_iter().try_for_each(|v| v.add_sqlite(&mut arguments)).map_err(encoding)?;
        Ok((Self::text(self.text, Dialect::Sqlite), arguments))
    }

    pub(super) fn for_postgres(self) -> Result<(SqlStr, PgArguments), sqlx::Error> {
        let mut arguments = PgArguments::default();
        self.values.into_iter().try_for_each(|v| v.add_postgres(&mut arguments)).map_err(encoding)?;
        Ok((Self::text(self.text, Dialect::Postgres), arguments))
    }

    pub(crate) async fn execute(self, on: &mut Conn) -> Result<Done, sqlx::Error> {
        on.run(self).await
    }

    /// Whether there is a row, whatever is in it.
    pub(crate) fn fetch_optional<'e>(self, on: impl Into<On<'e>>) -> BoxFuture<'e, Result<Option<Row>, sqlx::Error>> {
        on.into().first(self).boxed()
    }

    pub(crate) fn fetch_all<'e>(self, on: impl Into<On<'e>>) -> BoxFuture<'e, Result<Vec<Row>, sqlx::Error>> {
        on.into().all(self).boxed()
    }
}

pub(super) fn encoding(error: BoxDynError) -> sqlx::Error {
    sqlx::Error::Encode(error)
}

/// A statement whose rows are read as `T`.
#[derive(Debug)]
pub(crate) struct As<T> {
    query: Query,
    row: PhantomData<fn() -> T>,
}

impl<T: FromDb> As<T> {
    #[must_use]
    pub(crate) fn bind(self, value: impl Into<Value>) -> Self {
        Self { query: self.query.bind(value), ..self }
    }

    pub(crate) fn fetch_optional<'e>(self, on: impl Into<On<'e>>) -> BoxFuture<'e, Result<Option<T>, sqlx::Error>> {
        let row = on.into().first(self.query);
        async move { row.await?.map(|row| row.read()).transpose() }.boxed()
    }

    pub(crate) fn fetch_one<'e>(self, on: impl Into<On<'e>>) -> BoxFuture<'e, Result<T, sqlx::Error>> {
        let row = on.into().first(self.query);
        async move { row.await?.ok_or(sqlx::Error::RowNotFound)?.read() }.boxed()
    }

    pub(crate) fn fetch_all<'e>(self, on: impl Into<On<'e>>) -> BoxFuture<'e, Result<Vec<T>, sqlx::Error>> {
        let rows = on.into().all(self.query);
        async move { rows.await?.iter().map(Row::read).collect() }.boxed()
    }
}

/// A statement whose rows have one column.
#[derive(Debug)]
pub(crate) struct Scalar<T>(As<(T,)>);

impl<T> Scalar<T>
where
    (T,): FromDb,
{
    #[must_use]
    pub(crate) fn bind(self, value: impl Into<Value>) -> Self {
        Self(self.0.bind(value))
    }

    pub(crate) fn fetch_optional<'e>(self, on: impl Into<On<'e>>) -> BoxFuture<'e, Result<Option<T>, sqlx::Error>>
    where
        T: 'e,
    {
        let row = self.0.fetch_optional(on);
        async move { Ok(row.await?.map(|(value,)| value)) }.boxed()
    }

    pub(crate) fn fetch_one<'e>(self, on: impl Into<On<'e>>) -> BoxFuture<'e, Result<T, sqlx::Error>>
    where
        T: 'e,
    {
        let row = self.0.fetch_one(on);
        async move { Ok(row.await?.0) }.boxed()
    }
}
