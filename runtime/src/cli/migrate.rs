use crate::{
    client::in_use_by_server,
    config::Config,
    exit::{CommandResult, Outcome},
    folder::DataFolder,
    machine::{MachineClock, MachineIds},
    out,
};
use clap::Args;
use colloquy_store::{Store, StoreOptions};
use std::sync::Arc;

/// Bring the database up to date
///
/// Every start does this too. As a step of its own it shows before a deployment whether the database can be opened and
/// migrated. Migrations only go forward; back up the data folder first (stop the server, copy the folder).
///
/// Example:
///   colloquy migrate --data-dir /var/lib/colloquy
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Migrate {}

impl Migrate {
    pub async fn run(self, config: &Config) -> CommandResult {
        let path = config.database_path();
        if let Some(api) = in_use_by_server(config).await? {
            out::line(format_args!(
                "The server at {} has {} open: it brought the database up to date when it started.",
                api.url(),
                path.display()
            ));
            return Ok(Outcome::Done);
        }
        let folder = DataFolder::open(config, "migrate")?;
        let existed = path.exists();
        let options = store_options(&folder);
        Store::open(&path, options).await?.close().await;
        let done = if existed { "is up to date" } else { "was made" };
        out::line(format_args!("The database {} {done}.", path.display()));
        Ok(Outcome::Done)
    }
}

/// How every command of this program opens the store.
pub fn store_options(folder: &DataFolder) -> StoreOptions {
    StoreOptions { clock: Arc::new(MachineClock), ids: Arc::new(MachineIds), secret_key: folder.secret_key().clone() }
}
