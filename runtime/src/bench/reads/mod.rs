//! What the team's lists and pages take from a database with a million messages.
//!
//! The database is filled through the store's own ports, as two months of work would have filled it; then the whole
//! application serves it as [`crate::wire`] builds it, and clients on the same machine read what a console reads, over
//! HTTP: one request after the other, then several at once.

mod client;
mod endpoints;
mod fill;
mod login;
mod report;

pub use report::Report;

use super::{
    figures::Percentiles,
    rig::{account, profile},
};
use crate::{
    config::Config,
    folder::DataFolder,
    machine::{MachineClock, MachineIds},
    nats::{Connection, LogOptions, remove_streams},
    out,
    signals::stop_signal,
    wire::App,
};
use anyhow::{Context, bail};
use client::{Client, at_once};
use colloquy_domain::{ports::Ids, rate::Quotas};
use colloquy_store::{
    SecretKey, Store, StoreOptions,
    limits::server::{Scratch, tidy},
};
use report::Measured;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// Requests at once, in the second measurement of each endpoint.
const AT_ONCE: usize = 4;
/// Seals the scratch installation's secrets, which are none.
const KEY: [u8; 32] = [0x5a; 32];

/// How much there is to read, and for how long each endpoint is read.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Of the tenant that is measured; another one has a tenth.
    pub messages: usize,
    pub contacts: usize,
    pub lasting: Duration,
}

/// Measures on PostgreSQL if one is configured, else on a file in a scratch folder of `dir`. What was made is removed,
/// also after an error or Ctrl-C.
///
/// # Errors
/// Engines cannot be used, or something could not be measured at all.
pub async fn run(config: &Config, dir: &Path, work: Work) -> anyhow::Result<Report> {
    let scratch = tempfile::Builder::new().prefix("colloquy-bench-").tempdir_in(dir)?;
    let mut own = Config {
        data_dir: scratch.path().join("data"),
        // No embedding model: nothing is searched by meaning here.
        models_dir: scratch.path().join("models"),
        secret_key: Some(SecretKey::from_bytes(KEY)),
        ..Config::defaults()
    };
    own.edges.quotas = Quotas { api: None, anonymous: None, upload: None, chat: None, payment: None, key: None };
    // Sign-ins come from many places: each may try a few times only.
    own.people.trusted_proxies = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let Some(postgres) = &config.engines.postgres else {
        let measured = Box::pin(measure(&own, work));
        return tokio::select! {
            report = measured => report,
            () = stop_signal() => bail!("interrupted"),
        };
    };
    let nats = config.nats().context("PostgreSQL is served by nodes of a cluster: set NATS_URL, or give --nats-url")?;
    let connection = Connection::connect(&nats).await?;
    let tag = hex::encode(&MachineIds.uuid().as_bytes()[10..]);
    let log = LogOptions { prefix: format!("bench-{tag}"), ..config.log_options() };
    let database = Scratch::create(postgres, &format!("colloquy_bench_reads_{tag}")).await?;
    own.engines = config.engines.clone();
    own.engines.postgres = Some(database.url());
    own.engines.nats.prefix = Some(log.prefix.clone());
    own.engines.qdrant_url = None;
    let measured = tokio::select! {
        measured = Box::pin(measure(&own, work)) => measured,
        () = stop_signal() => Err(anyhow::anyhow!("interrupted")),
    };
    let streams = remove_streams(&connection, &log.prefix).await;
    let removed = database.remove().await.context("the scratch database was not removed");
    let report = measured?;
    streams?;
    removed?;
    Ok(report)
}

async fn measure(config: &Config, work: Work) -> anyhow::Result<Report> {
    let folder = DataFolder::open(config, "bench")?;
    let options = StoreOptions {
        clock: Arc::new(MachineClock),
        ids: Arc::new(MachineIds),
        secret_key: folder.secret_key().clone(),
        placement: None,
    };
    let store = Store::open(config.database(), options).await?;
    let filled = fill::fill(&store, work).await?;
    store.close().await;
    if let Some(postgres) = &config.engines.postgres {
        out::note("tidying, as the server does by itself now and then …");
        tidy(postgres).await?;
    }

    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let app = Box::pin(App::start(config, &folder, any)).await?;
    let address = app.url.strip_prefix("http://").context("the address of the server")?.to_owned();
    let key = folder.api_key().expose().to_owned();
    let mut client = Client::connect(&address, &key).await?;
    let alive = one_by_one(&mut client, &["/health/live".to_owned()], work.lasting).await?;
    let mut measured = Vec::new();
    for endpoint in endpoints::found(&mut client, filled.base).await? {
        out::note(format_args!("{} …", endpoint.name));
        let paths: Arc<[String]> = endpoint.paths.into();
        // The first ones read from the disk what later ones find in memory.
        for path in paths.iter() {
            client.get(path).await?;
        }
        let alone = one_by_one(&mut client, &paths, work.lasting).await?;
        let together = at_once(&address, &key, &paths, AT_ONCE, work.lasting).await?;
        measured.push(Measured::new(endpoint.name, alone, together));
    }
    let alive_at_once = at_once(&address, &key, &["/health/live".to_owned()].into(), AT_ONCE, work.lasting).await?;
    out::note("signing in …");
    let login = Percentiles::of(login::measure(&mut client, work.lasting).await?);
    Box::pin(app.stop()).await;
    let bare = Measured::new("/health/live", alive, alive_at_once);
    let database = if config.engines.postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    Ok(Report::new(database, work, filled.filling, bare, measured, login))
}

/// At least a few, however long they take.
async fn one_by_one(client: &mut Client, paths: &[String], lasting: Duration) -> anyhow::Result<Vec<Duration>> {
    const LEAST: usize = 10;
    let (begun, mut times) = (tokio::time::Instant::now(), Vec::new());
    for path in paths.iter().cycle() {
        if begun.elapsed() >= lasting && times.len() >= LEAST {
            break;
        }
        times.push(client.get(path).await?.0);
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S1-DB-1
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_small_run_measures_everything() {
        // What `main` does before any command.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().expect("a folder");
        let work = Work { messages: 2_400, contacts: 400, lasting: Duration::from_millis(20) };
        let config = Config { data_dir: dir.path().to_owned(), ..Config::defaults() };
        let report = run(&config, dir.path(), work).await.expect("measured");
        assert_eq!(report.targets.len(), report.endpoints.len() + 1);
        assert!(report.endpoints.len() > 40, "{report:?}");
        assert!(report.endpoints.iter().all(|e| e.alone.p99 > 0.0 && e.together.p99 > 0.0), "{report:?}");
        assert!(report.login.p50 > 0.0 && report.filling.messages >= 2_640, "{report:?}");
    }
}
