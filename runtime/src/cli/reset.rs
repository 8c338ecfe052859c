use super::migrate::store_options;
use crate::{
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    folder::DataFolder,
    out,
};
use anyhow::Context;
use clap::Args;
use colloquy_store::{Database, Store};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Begin anew: forget every tenant, conversation and document
///
/// Of an installation of one node: its database, documents, vectors and unsent letters go, its keys stay. An empty database
/// is made. No server may be running on the data folder. Take a backup first if anything in it may still be wanted.
///
/// An installation on PostgreSQL is shared by nodes: there, drop and make the database, and the streams of the log.
///
/// Example:
///   colloquy reset --yes && colloquy seed
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Reset {
    /// Yes, all of it
    #[arg(long)]
    yes: bool,
}

impl Reset {
    pub async fn run(self, config: &Config) -> CommandResult {
        let Database::Sqlite(database) = config.database() else {
            return Err(Stop::wrong(
                "nothing was done: a PostgreSQL database is shared by nodes. Stop them, drop the database and make it again",
            ));
        };
        if !self.yes {
            return Err(Stop::wrong(format!(
                "nothing was done: everything in {} and {} would be lost. If that is meant, say --yes",
                config.data_dir.display(),
                database.display()
            )));
        }
        let folder = DataFolder::open(config, "reset")?;
        // The database first: without it nothing else means anything, and a half-done reset is simply done again.
        for file in ["", "-wal", "-shm"].map(|end| beside(&database, end)) {
            gone(&file, fs::remove_file(&file))?;
        }
        for dir in [folder.files(), folder.vectors(), folder.mail()] {
            gone(&dir, fs::remove_dir_all(&dir))?;
        }
        Store::open(database, store_options(folder.secret_key().clone())).await?.close().await;
        out::line(format_args!("{} is empty; its keys are the same.", folder.path().display()));
        Ok(Outcome::Done)
    }
}

fn beside(database: &Path, end: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn gone(path: &Path, removed: io::Result<()>) -> anyhow::Result<()> {
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
