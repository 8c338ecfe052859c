//! How a PostgreSQL database is reached.

use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use std::{str::FromStr as _, time::Duration};

/// Prepared statements kept by a connection: all of them.
const STATEMENTS: usize = 256;
/// How long the server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// What holds for each of our connections. They begin with all tenants in sight (each narrows that for itself). A commit is
/// on the disk before it is answered, whatever the server's own settings say. Statements are the same few all the time, and
/// find their rows by an index whatever their parameters are: a plan is made once, and not of a table that was empty then. A
/// table of three rows that has no index must be read whole all the same, and looks so expensive then that the server would
/// compile the plan first, for a fifth of a second each time.
const SETTINGS: [(&str, &str); 7] = [
    ("colloquy.tenant", "*"),
    ("synchronous_commit", "on"),
    ("client_min_messages", "warning"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    // As on the disks of today: looking a thousand rows up is cheaper than walking over a hundred thousand to join them.
    ("random_page_cost", "1.1"),
    ("jit", "off"),
];

/// Reads a URL; the connections get our [`SETTINGS`].
pub(crate) fn read_url(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url)?
        .application_name("colloquy")
        .statement_cache_capacity(STATEMENTS)
        .options(SETTINGS)
        .disable_statement_logging())
}

/// What is wrong with a file that the URL names, which the driver would say without its name.
pub(crate) fn unreadable_file(url: &str) -> Option<String> {
    let (_, parameters) = url.split_once('?')?;
    let files = parameters.split('&').filter_map(|p| p.split_once('=')).filter(|(key, file)| {
        // A certificate itself may stand there, and an escaped name is the driver's to read.
        ["sslrootcert", "sslcert", "sslkey"].contains(key) && !file.contains(['%', ' '])
    });
    let wrong = |(key, file)| std::fs::File::open(file).err().map(|e| format!("{key}: cannot read {file}: {e}"));
    files.filter_map(wrong).next()
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
