mod files;
mod passages;
mod table;

use super::migrate::store_options;
use crate::{
    config::{self, Config, Flags},
    exit::{CommandResult, Outcome, Stop},
    folder::{DataFolder, FolderError},
    nats::Connection,
    out,
};
use anyhow::{Context, anyhow};
use clap::Args;
use colloquy_rag::index::{Index, VectorStore};
use colloquy_store::{Database, PostgresOptions, Store, transfer::Transfer};
use files::Files;
use indicatif::{ProgressBar, ProgressStyle};
use std::{path::PathBuf, time::Duration};
use table::Line;

const TICK: Duration = Duration::from_millis(200);

/// Move this installation into a cluster's engines
///
/// Copies everything of the data folder (rows, vectors, files) to the PostgreSQL database and the Qdrant server that
/// `--config` names, compares both sides, and prints what it found. Here `--config` is the configuration of the cluster,
/// where everything goes; what is moved is the installation that `serve` would start here without it, and `--data-dir`
/// names another one.
///
/// Stop the server first, and leave it stopped: what two installations answer would be answered twice. The database must
/// be empty, and `secret_key` in the cluster's configuration must be this installation's (the content of `secret.key` in
/// the data folder, unless it was configured). The data folder is left as it is, but for messages that waited in the log:
/// they are moved into the inboxes.
///
/// An interrupted move goes on where it was when the command is run again, and no node starts on the database before it
/// is finished. Run once more after that, it copies nothing and compares again. Exit code 1: something differs.
///
/// Example:
///   colloquy migrate-to --config cluster.toml
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct MigrateTo {
    /// Configuration file of the installation that is moved [default: as `serve` finds it without `--config`]
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Where everything goes.
struct Engines {
    postgres: PostgresOptions,
    vectors: VectorStore,
}

/// Both sides, open.
struct Sides {
    source: Store,
    target: Store,
    passages: Index,
    moved_passages: Index,
}

impl MigrateTo {
    /// `target` is what `--config` names.
    pub async fn run(self, flags: &Flags, target: &Config) -> CommandResult {
        let engines = engines(target)?;
        let source = self.source(flags)?;
        if !source.database_path().exists() {
            return Err(Stop::wrong(format!(
                "there is nothing to move: no database at {} (`--data-dir` names another data folder)",
                source.database_path().display()
            )));
        }
        let folder = DataFolder::open(&source, "migrate-to").map_err(|error| match error {
            FolderError::InUse { .. } => {
                Stop::Failed(anyhow!("{error}: stop it first, because nothing may change while everything is moved"))
            }
            other => other.into(),
        })?;
        if target.secret_key.as_ref().is_some_and(|key| key != folder.secret_key()) {
            return Err(Stop::wrong(format!(
                "the cluster's secret_key is not this installation's, and would not open the secrets of its channels: \
                 use the content of {} (or the secret_key that was configured here)",
                folder.path().join("secret.key").display()
            )));
        }
        if let Some(nats) = target.nats() {
            Connection::connect(&nats).await?;
        }
        let sides = Sides::open(&source, &folder, engines).await?;
        let same = move_all(&sides, &folder).await;
        sides.close().await;
        // Nothing may change until here.
        drop(folder);
        same
    }

    /// The installation of one node that is moved.
    fn source(&self, flags: &Flags) -> CommandResult<Config> {
        let flags = Flags { file: self.from.clone(), settings: flags.settings.clone() };
        config::load_embedded_from_machine(&flags).map_err(|problems| Stop::Wrong(problems.to_string()))
    }
}

fn engines(target: &Config) -> CommandResult<Engines> {
    let vectors = target.vector_store(PathBuf::new());
    match (target.database(), &vectors) {
        (Database::Postgres(postgres), VectorStore::Server { .. }) => Ok(Engines { postgres, vectors }),
        _ => Err(Stop::wrong(
            "`--config` must be the file in which the cluster is configured: with database_url = \"postgres://…\" and \
             qdrant_url",
        )),
    }
}

impl Sides {
    async fn open(source: &Config, folder: &DataFolder, engines: Engines) -> anyhow::Result<Self> {
        // A key that does not even fit the source must not be noted in the target: the source first.
        let moved_passages = Index::open(engines.vectors).await?;
        let options = || store_options(folder.secret_key().clone());
        let source = Store::open(source.database_path(), options()).await?;
        let passages = Index::open(VectorStore::Embedded { dir: folder.vectors() }).await?;
        let target = Store::open_to_fill(engines.postgres, options()).await?;
        Ok(Self { source, target, passages, moved_passages })
    }

    async fn close(self) {
        for index in [&self.passages, &self.moved_passages] {
            if let Err(error) = index.close().await {
                tracing::error!(error = %error, "vector store not closed");
            }
        }
        self.source.close().await;
        self.target.close().await;
    }
}

async fn move_all(sides: &Sides, folder: &DataFolder) -> CommandResult {
    let mut transfer = Transfer::begin(&sides.source, &sides.target).await?;
    let was_finished = transfer.is_finished();
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").context("the bar's look")?);
    bar.enable_steady_tick(TICK);
    if !was_finished {
        rows(&mut transfer, &bar).await?;
        passages::copy(&mut transfer, &sides.passages, &sides.moved_passages, &bar).await?;
    }
    let files = Files { source: &sides.source, target: &sides.target, folder: folder.files() };
    let files = files.look(!was_finished, &bar).await?;
    bar.set_message("comparing");
    let mut lines: Vec<Line> = transfer.compare().await?.iter().map(Line::of_rows).collect();
    lines.push(passages::compare(&sides.passages, &sides.moved_passages).await?);
    lines.push(files.line());
    bar.finish_and_clear();
    table::print(&lines);
    files.wrong.iter().for_each(out::note);
    let same = lines.iter().all(Line::is_same);
    if same {
        transfer.finish().await?;
    }
    out::line(conclusion(same, was_finished));
    Ok(if same { Outcome::Done } else { Outcome::Failed })
}

async fn rows(transfer: &mut Transfer, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut rows = 0;
    while let Some(copied) = transfer.copy_page().await? {
        rows += copied.rows;
        bar.set_message(format!("rows: {rows} ({})", copied.table));
    }
    Ok(())
}

const fn conclusion(same: bool, was_finished: bool) -> &'static str {
    match (same, was_finished) {
        (true, false) => {
            "Everything was moved, and both sides are the same. Start the nodes of the cluster now, and do not start the \
             installation of the data folder again."
        }
        (true, true) => "Everything was moved before, and both sides are still the same.",
        (false, false) => {
            "The sides differ. Nodes will not start on this database. Either the data folder was used since the move was \
             begun: then empty the database and the vector collections, and run this again; or see above what is wrong."
        }
        (false, true) => {
            "Everything was moved before, and the sides differ now: as they do once nodes have worked on the cluster."
        }
    }
}
