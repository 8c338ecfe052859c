//! The benchmark of a cluster: what PostgreSQL and NATS give, what one to three nodes make of it, and what a rolling restart
//! and a loud tenant cost everybody else.
//!
//! Nodes are processes of this program, built by [`crate::wire`] as `serve` builds them. The load and the stand-in for the
//! Graph API are in this process. Limits and ours alternate in rounds; each figure is the median of its rounds.

mod load;
mod nodes;
mod phases;
mod replies;
mod report;
mod rows;

pub use phases::Phase;
pub use report::Report;

use super::graph;
use crate::{
    config::Config,
    machine::MachineIds,
    nats::{Connection, LogOptions, NatsLimits, remove_streams},
    serving,
    signals::stop_signal,
};
use anyhow::{Context, bail};
use colloquy_domain::{channel::Secret, ports::Ids};
use colloquy_store::{
    SecretKey,
    limits::server::{Meter, Scratch, ServerLimits},
};
use load::Senders;
use nodes::Nodes;
use phases::Bench;
use replies::Replies;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// Encrypts the secrets of the scratch installation, which are none.
const KEY: [u8; 32] = [0x5a; 32];

/// One node, for as long as its process lives.
///
/// # Errors
/// As `serve`.
pub async fn serve_node(config: &Config) -> crate::exit::CommandResult<()> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    serving::serve(config, "bench", any, async |_| Ok(())).await
}

/// Measures these phases; `seconds` for each measurement. What was made for it is removed, also after an error or Ctrl-C.
///
/// # Errors
/// Engines are not named or cannot be used, or something could not be measured at all.
pub async fn run(config: &Config, seconds: u64, phases: &[Phase]) -> anyhow::Result<Report> {
    let Some(postgres) = &config.engines.postgres else {
        bail!("no PostgreSQL is named: set DATABASE_URL, or give --database-url postgres://…");
    };
    let Some(nats) = config.nats() else {
        bail!("no NATS is named: set NATS_URL, or give --nats-url nats://…");
    };
    let connection = Connection::connect(&nats).await?;
    let tag = hex::encode(&MachineIds.uuid().as_bytes()[10..]);
    let log = LogOptions { prefix: format!("bench-{tag}"), ..config.log_options() };
    let folder = tempfile::Builder::new().prefix("colloquy-bench-").tempdir()?;
    let for_limits = Scratch::create(postgres, &format!("colloquy_bench_limits_{tag}")).await?;
    let for_nodes = match Scratch::create(postgres, &format!("colloquy_bench_{tag}")).await {
        Ok(made) => made,
        Err(e) => {
            let _ = for_limits.remove().await;
            return Err(e.into());
        }
    };
    let places = Places { config, folder: folder.path(), limits: for_limits.url(), nodes: for_nodes.url(), log: &log };
    let measured = tokio::select! {
        measured = Box::pin(measure(places, &connection, Duration::from_secs(seconds), phases)) => measured,
        () = stop_signal() => Err(anyhow::anyhow!("interrupted")),
    };
    let streams = remove_streams(&connection, &log.prefix).await;
    let removed = [for_limits.remove().await, for_nodes.remove().await];
    let figures = measured?;
    streams?;
    removed.into_iter().collect::<Result<(), _>>().context("the scratch databases were not removed")?;
    Ok(Report::new(seconds, figures))
}

/// Where everything happens.
struct Places<'a> {
    config: &'a Config,
    folder: &'a Path,
    limits: Secret,
    nodes: Secret,
    log: &'a LogOptions,
}

async fn measure(
    at: Places<'_>,
    connection: &Connection,
    lasting: Duration,
    phases: &[Phase],
) -> anyhow::Result<report::Figures> {
    let key = || SecretKey::from_bytes(KEY);
    let replies = Arc::new(Replies::default());
    let heard = Arc::clone(&replies);
    let graph = graph::start(move |sent| heard.heard(sent)).await?;
    let accounts = rows::prepare(&at.nodes, key(), &graph).await?;
    Bench {
        server: ServerLimits::open(&at.limits, rows::store_options(key())).await?,
        nats: NatsLimits::open(connection, at.log).await?,
        log: at.log.clone(),
        meter: Meter::open(&at.nodes).await?,
        nodes: Nodes::new(at.config, at.folder, &at.nodes, &at.log.prefix, &hex::encode(KEY))?,
        senders: Senders::new(replies),
        accounts,
        lasting,
    }
    .run(phases)
    .await
}
