use crate::{
    client::in_use_by_server,
    config::Config,
    exit::{CommandResult, Outcome},
    folder::DataFolder,
    machine::{MachineClock, MachineIds},
    out,
};
use clap::Args;
use colloquy_store::{Database, SecretKey, Store, StoreOptions};
use std::sync::Arc;

/// Bring the database up to date
///
/// Every start does this too. As a step of its own it shows before a deployment whether the database can be opened and
/// migrated. Migrations only go forward; take a backup first (of the data folder with the server stopped, or of the
/// PostgreSQL database).
///
/// Example:
///   colloquy migrate --data-dir /var/lib/colloquy
///   DATABASE_URL=postgres://colloquy:…@db.example/colloquy colloquy migrate
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Migrate {}

impl Migrate {
    pub async fn run(self, config: &Config) -> CommandResult {
        let database = config.database();
        if let (Database::Postgres(_), Some(key)) = (&database, &config.secret_key) {
            // Nothing of the folder is needed: a server may be running on it.
            return migrate(database, key.clone(), "is up to date").await;
        }
        if let Some(api) = in_use_by_server(config).await? {
            out::line(format_args!(
                "The server at {} has {database} open: it brought the database up to date when it started.",
                api.url(),
            ));
            return Ok(Outcome::Done);
        }
        let folder = DataFolder::open(config, "migrate")?;
        let made = matches!(&database, Database::Sqlite(path) if !path.exists());
        migrate(database, folder.secret_key().clone(), if made { "was made" } else { "is up to date" }).await
    }
}

async fn migrate(database: Database, key: SecretKey, done: &str) -> CommandResult {
    let shown = database.to_string();
    Store::open(database, store_options(key)).await?.close().await;
    out::line(format_args!("The database {shown} {done}."));
    Ok(Outcome::Done)
}

/// How commands that are no node open the store.
pub fn store_options(secret_key: SecretKey) -> StoreOptions {
    StoreOptions { clock: Arc::new(MachineClock), ids: Arc::new(MachineIds), secret_key, placement: None }
}
