use super::migrate::store_options;
use crate::{
    backup::{DATABASE, Manifest, copy_files, must_be_empty},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    folder::{DataFolder, KEYS, make_private_dir},
    out,
};
use anyhow::Context;
use clap::Args;
use colloquy_store::{Database, Store};
use std::path::PathBuf;

/// Make an installation out of a backup
///
/// Everything is checked against the checksums first. The data folder must not exist, or be empty, and so must the place of
/// the database. Documents are read and indexed again when the server starts.
///
/// What came after the backup is not in it: providers may deliver again what was answered since, and it is answered again.
/// Do not run the old installation beside the new one.
///
/// Example:
///   colloquy restore /backups/colloquy-monday --data-dir /var/lib/colloquy
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Restore {
    /// Folder that `colloquy backup` made
    #[arg(value_name = "DIR")]
    from: PathBuf,
}

impl Restore {
    pub async fn run(self, config: &Config) -> CommandResult {
        let Database::Sqlite(database) = config.database() else {
            return Err(Stop::wrong("backups are of SQLite: restore without database_url, then `colloquy migrate-to`"));
        };
        let manifest = Manifest::read(&self.from)?;
        manifest.check(&self.from)?;
        must_be_empty(&config.data_dir)?;
        if database.exists() {
            return Err(Stop::wrong(format!("{} exists already", database.display())));
        }
        make_private_dir(&config.data_dir)?;
        for key in KEYS.into_iter().filter(|key| self.from.join(key).exists()) {
            std::fs::copy(self.from.join(key), config.data_dir.join(key)).context("cannot copy a key")?;
        }
        copy_files(&self.from.join("files"), &config.data_dir.join("files"))?;
        std::fs::copy(self.from.join(DATABASE), &database).context("cannot copy the database")?;
        let folder = DataFolder::open(config, "restore")?;
        let store = Store::open(database, store_options(folder.secret_key().clone())).await?;
        let settled = store.settle_in(&folder.files()).await;
        store.close().await;
        out::line(format_args!(
            "Restored in {}, with {} documents to be indexed when the server starts.",
            folder.path().display(),
            settled?
        ));
        Ok(Outcome::Done)
    }
}
