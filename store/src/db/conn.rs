//! The writer's connection to either database.

use super::{
    Dialect,
    query::{Done, Query, Row},
};
use crate::{error::trouble, writer::Fence};
use sqlx::{
    Connection as _, Executor as _, PgConnection, SqlStr, SqliteConnection,
    postgres::{PgArguments, PgRow},
};

/// Why the last statement failed, for the one who decides whether to run it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The connection is of no use any more.
    Lost,
    /// The database chose this transaction to make way for another: the same one may succeed now.
    Again,
    /// Something else: the transaction cannot be committed.
    Failed,
}

/// A connection that writes.
pub(crate) struct Conn {
    driver: Driver,
    trouble: Option<Trouble>,
    /// What the transaction under way may write.
    pub(crate) fence: Fence,
}

enum Driver {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl From<SqliteConnection> for Conn {
    fn from(conn: SqliteConnection) -> Self {
        Self { driver: Driver::Sqlite(conn), trouble: None, fence: Fence::open() }
    }
}

impl From<PgConnection> for Conn {
    fn from(conn: PgConnection) -> Self {
        Self { driver: Driver::Postgres(conn), trouble: None, fence: Fence::open() }
    }
}

impl Conn {
    pub(crate) const fn dialect(&self) -> Dialect {
        match self.driver {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    /// What went wrong since the last [`Conn::calm`]; a lost connection outweighs the rest.
    pub(crate) const fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Forgets what went wrong: it was rolled back.
    pub(crate) const fn calm(&mut self) {
        self.trouble = None;
    }

    fn noted<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if let Err(error) = &result
            && self.trouble != Some(Trouble::Lost)
        {
            self.trouble = Some(trouble(error));
        }
        result
    }

    /// Runs statements of which nothing is input, in one round trip, and returns the rows of all of them.
    pub(crate) async fn script(&mut self, text: String) -> Result<Vec<Row>, sqlx::Error> {
        let text = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        let result = match &mut self.driver {
            Driver::Sqlite(conn) => conn.fetch_all(text).await.map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Driver::Postgres(conn) => {
                conn.fetch_all(text).await.map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        };
        self.noted(result)
    }

    pub(super) async fn run(&mut self, query: Query) -> Result<Done, sqlx::Error> {
        let result = match &mut self.driver {
            Driver::Sqlite(conn) => {
                let (text, arguments) = query.for_sqlite()?;
                sqlx::query_with(text, arguments).execute(conn).await.map(|d| d.rows_affected())
            }
            Driver::Postgres(conn) => {
                let (text, arguments) = query.for_postgres()?;
                sqlx::query_with(text, arguments).execute(conn).await.map(|d| d.rows_affected())
            }
        };
        self.noted(result.map(Done::new))
    }

    pub(super) async fn first(&mut self, query: Query) -> Result<Option<Row>, sqlx::Error> {
        let result = match &mut self.driver {
            Driver::Sqlite(conn) => {
                let (text, arguments) = query.for_sqlite()?;
                sqlx::query_with(text, arguments).fetch_optional(conn).await.map(|row| row.map(Row::Sqlite))
            }
            Driver::Postgres(conn) => {
                let (text, arguments) = query.for_postgres()?;
                sqlx::query_with(text, arguments).fetch_optional(conn).await.map(|row| row.map(Row::Postgres))
            }
        };
        self.noted(result)
    }

    pub(super) async fn all(&mut self, query: Query) -> Result<Vec<Row>, sqlx::Error> {
        let result = match &mut self.driver {
            Driver::Sqlite(conn) => {
                let (text, arguments) = query.for_sqlite()?;
                let rows = sqlx::query_with(text, arguments).fetch_all(conn).await;
                rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Driver::Postgres(conn) => {
                let (text, arguments) = query.for_postgres()?;
                let rows = sqlx::query_with(text, arguments).fetch_all(conn).await;
                rows.map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        };
        self.noted(result)
    }

    pub(super) async fn run_postgres(&mut self, text: SqlStr, arguments: PgArguments) -> Result<Done, sqlx::Error> {
        let Driver::Postgres(conn) = &mut self.driver else { return Err(other_database()) };
        let result = sqlx::query_with(text, arguments).execute(conn).await;
        self.noted(result.map(|done| Done::new(done.rows_affected())))
    }

    pub(super) async fn all_postgres(&mut self, text: SqlStr, arguments: PgArguments) -> Result<Vec<Row>, sqlx::Error> {
        let Driver::Postgres(conn) = &mut self.driver else { return Err(other_database()) };
        let result: Result<Vec<PgRow>, _> = sqlx::query_with(text, arguments).fetch_all(conn).await;
        self.noted(result.map(|rows| rows.into_iter().map(Row::Postgres).collect()))
    }

    /// The row id of the last row that was inserted.
    pub(super) async fn insert_sqlite(&mut self, query: Query) -> Result<i64, sqlx::Error> {
        let (text, arguments) = query.for_sqlite()?;
        let Driver::Sqlite(conn) = &mut self.driver else { return Err(other_database()) };
        let result = sqlx::query_with(text, arguments).execute(conn).await;
        self.noted(result.map(|done| done.last_insert_rowid()))
    }

    /// Whether the database answers.
    pub(crate) async fn answers(&mut self) -> bool {
        match &mut self.driver {
            Driver::Sqlite(conn) => conn.ping().await.is_ok(),
            Driver::Postgres(conn) => conn.ping().await.is_ok(),
        }
    }

    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        match self.driver {
            Driver::Sqlite(conn) => conn.close().await,
            Driver::Postgres(conn) => conn.close().await,
        }
    }
}

fn other_database() -> sqlx::Error {
    sqlx::Error::Protocol("a statement of the other database".to_owned())
}
