use super::create_admin::open_store;
use crate::{
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    folder, out,
};
use anyhow::anyhow;
use clap::{Args, Subcommand};
use colloquy_store::{KeyId, Store};

/// See and change the keys under which secrets lie in the database
#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Rotate(Rotate),
}

/// Show which keys sealed how many secrets
///
/// Keys are shown by their ids, from which nobody finds them. A key that seals nothing any more and is not the newest can be
/// taken away: its line in secret.key, or its place in secret_key.
///
/// Example:
///   colloquy keys list
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct List {}

/// Seal all secrets with a new key
///
/// The server may be running. The new key is put before the others in the data folder's secret.key (keep a copy: without it
/// the secrets are lost); whoever has the folder open seals with it from then on, and the older keys go on opening what they
/// sealed. Then everything is sealed again, a hundred secrets at a time. If this is interrupted, run it again: it goes on
/// where it was and makes no further key.
///
/// Where secret_key is configured (a cluster), put the new key before the old one, separated by a comma, start the nodes again
/// one after the other, then run this.
///
/// Example:
///   colloquy keys rotate
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
struct Rotate {}

impl Keys {
    pub async fn run(self, config: &Config) -> CommandResult {
        let (store, folder) = open_store(config, "keys").await?;
        let result = match self.command {
            Command::List(_) => list(&store).await,
            Command::Rotate(_) => rotate(config, &store).await,
        };
        store.close().await;
        drop(folder);
        result
    }
}

fn shown(key: Option<KeyId>) -> String {
    key.map_or_else(|| "(unnamed)".to_owned(), |key| key.to_string())
}

async fn list(store: &Store) -> CommandResult {
    let installation = store.installation();
    let newest = installation.newest_key();
    let mut keys = installation.keys_in_use().await?;
    keys.entry(Some(newest)).or_default();
    for (key, secrets) in keys {
        let mark = if key == Some(newest) { ", the newest" } else { "" };
        out::line(format_args!("{} seals {secrets} secrets{mark}", shown(key)));
    }
    Ok(Outcome::Done)
}

async fn rotate(config: &Config, store: &Store) -> CommandResult {
    let installation = store.installation();
    let newest = installation.newest_key();
    let unfinished = installation.keys_in_use().await?.into_keys().any(|key| key != Some(newest));
    if config.secret_key.is_none() && !unfinished {
        folder::add_secret_key(&config.data_dir)?;
    }
    let done = installation.reseal().await?;
    let key = installation.newest_key();
    if done.unreadable > 0 {
        let what = format!("{} secrets are sealed by {key} now; {} open with no key", done.changed, done.unreadable);
        return Err(Stop::Failed(anyhow!("{what}, and stay as they are (see the log)")));
    }
    out::line(format_args!("{} secrets are sealed by the key {key} now.", done.changed));
    Ok(Outcome::Done)
}
