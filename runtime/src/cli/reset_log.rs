use super::migrate::store_options;
use crate::{
    cluster::alive,
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    machine::MachineIds,
    nats::{Connection, JetStreamLog, NatsOptions},
    out,
};
use anyhow::anyhow;
use clap::Args;
use colloquy_domain::placement::LEASE;
use colloquy_store::Store;
use uuid::Uuid;

/// Accept that NATS lost a part of the log, and have it read from its beginning
///
/// The database remembers how far each lane of the log was read. If the log in NATS ends before that, or is another log
/// (an older copy was restored, the streams were made anew, or power failed on a server without sync_interval: always),
/// nodes do not go on: messages that were accepted may be missing. Try to restore the streams first.
///
/// If they cannot be restored, stop all nodes and run this. All lanes are then read from their beginning; if there are
/// no streams, they are made. What an inbox has already is recognised and dropped, so nothing is answered twice.
/// Messages that were accepted and lost before they reached an inbox stay lost.
///
/// Example:
///   colloquy reset-log --yes
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct ResetLog {
    /// Yes, what NATS lost is lost
    #[arg(long)]
    yes: bool,
}

impl ResetLog {
    pub async fn run(self, config: &Config) -> CommandResult {
        let (Some(nats), Some(key)) = (config.nats(), &config.secret_key) else {
            return Err(Stop::wrong(
                "no log in NATS is configured (nats_url): an installation of one node has its own",
            ));
        };
        if !self.yes {
            return Err(Stop::wrong(
                "nothing was done: messages that NATS lost before they reached an inbox would stay lost. Restore the \
                 log's streams if you can; otherwise stop all nodes and say --yes",
            ));
        }
        let store = Store::open(config.database(), store_options(key.clone())).await?;
        let done = reset(config, &nats, &store).await;
        store.close().await;
        let log = done?;
        out::line(format_args!("The log {log} is read from its beginning when a node starts."));
        Ok(Outcome::Done)
    }
}

async fn reset(config: &Config, nats: &NatsOptions, store: &Store) -> anyhow::Result<Uuid> {
    // Before anything is touched; and again together with the change.
    refuse_beside_nodes(store).await?;
    let connection = Connection::connect(nats).await?;
    let log = JetStreamLog::open(connection, &config.log_options(), &MachineIds).await?.log_id();
    if store.installation().begin_log(log).await? {
        return Ok(log);
    }
    refuse_beside_nodes(store).await?;
    Err(anyhow!("a node was alive a moment ago: nothing was done"))
}

async fn refuse_beside_nodes(store: &Store) -> anyhow::Result<()> {
    let alive = alive(store).await?;
    if alive.is_empty() {
        return Ok(());
    }
    Err(anyhow!(
        "nothing was done, because nodes are alive: {}. Stop all of them first (one that was killed counts as alive for \
         {} seconds)",
        alive.join(", "),
        LEASE.as_secs()
    ))
}
