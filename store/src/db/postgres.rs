//! How a PostgreSQL database is reached.

use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use std::{str::FromStr as _, time::Duration};

/// Prepared statements kept by a connection: all of them.
const STATEMENTS: usize = 256;
/// How long the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Reads a URL, with what holds for all of our connections: they begin with all tenants in sight (each narrows that
/// for itself), and a commit is on the disk before it is answered, whatever the server's own settings say.
pub(crate) fn read_url(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?
        .application_name("colloquy")
        .statement_cache_capacity(STATEMENTS)
        .options([("colloquy.tenant", "*"), ("synchronous_commit", "on"), ("client_min_messages", "warning")])
        .disable_statement_logging())
}

/// What people may see of it.
pub(crate) fn shown(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("postgres:{}/{database}", socket.display()),
        None => format!("postgres://{}:{}/{database}", options.get_host(), options.get_port()),
    }
}

pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let slow = |_| sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(CONNECT, options.connect()).await.map_err(slow)?
}
