//! The benchmark: what this machine gives, what Colloquy makes of it, in one run, side by side.
//!
//! Everything is measured on the whole application as [`crate::wire`] builds it, on scratch data folders next to each
//! other on one disk. Limits and ours alternate in rounds, so that a busy machine slows both; each figure is the median of
//! its rounds.

mod chat;
pub mod cluster;
mod disk;
mod figures;
mod graph;
pub mod ingest;
mod memory;
mod neighbour;
mod open;
pub mod pacing;
pub mod reads;
mod report;
mod rig;
pub mod search;
pub mod sim;
mod slow;
mod speaker;
mod strict;
pub mod voice;
mod webhooks;

pub use report::Report;

use crate::{
    machine::{MachineClock, MachineIds},
    out,
};
use chat::{Chat, Writers};
use colloquy_store::{
    SecretKey, StoreOptions,
    limits::{Limits, Rows},
};
use figures::{Percentiles, median};
use neighbour::{LOUD_PEOPLE, PEOPLE, QUIET};
use report::{Figures, Latency};
use rig::{Base, Rig};
use std::{path::Path, sync::Arc, time::Duration};
use webhooks::Request;

/// Rounds of each measurement.
const ROUNDS: u32 = 3;
/// Rows of one batched commit.
const BATCH: usize = 128;
/// Share of the measured turns per second at which latency is measured.
const MODERATE: f64 = 0.2;
/// Idle time that nothing reaches.
const LONG: Duration = Duration::from_secs(3600);

/// Measures everything; `seconds` for each measurement.
///
/// # Errors
/// Something could not be measured at all.
pub async fn run(dir: &Path, seconds: u64) -> anyhow::Result<Report> {
    let scratch = tempfile::Builder::new().prefix("colloquy-bench-").tempdir_in(dir)?;
    let base = Base::start(scratch.path()).await?;
    let lasting = Duration::from_secs(seconds.max(1));
    let round = lasting / ROUNDS;
    let mut figures = Figures::default();

    // First, while this process is fresh: growth of memory cannot be seen where freed memory is used again.
    out::note("memory of active conversations, and a hundred thousand that were once active …");
    figures.memory = memory::measure(&base).await?;

    out::note("limits of this machine, accepted webhooks and turns, in turn …");
    let mut measured = Rounds::default();
    let options = StoreOptions {
        clock: Arc::new(MachineClock),
        ids: Arc::new(MachineIds),
        secret_key: SecretKey::from_bytes([0; 32]),
        placement: None,
    };
    let mut limits = Limits::open(scratch.path(), options).await?;
    for _ in 0..ROUNDS {
        measured.syncs.push(disk::syncs_per_second(scratch.path(), round).await?);
        let (single, commits) = limits.log_rows(1, Rows::OneByOne, round).await?;
        measured.single_commits.push(single.per_second());
        measured.commits.extend(commits);
        measured.log_rows.push(limits.log_rows(BATCH, Rows::OneByOne, round).await?.0.per_second());
        measured.log_rows_together.push(limits.log_rows(BATCH, Rows::Together, round).await?.0.per_second());
        let rig = Rig::start(&base, "webhooks", LONG).await?;
        measured.http.push(webhooks::measure(&rig, Request::Alive, round).await?.per_second);
        let webhooks = webhooks::measure(&rig, Request::Webhook, round).await?;
        measured.accepted.push(webhooks.per_second);
        measured.accept_times.extend(webhooks.times);
        measured.refused += webhooks.refused;
        rig.stop().await;
        measured.turn_limit.push(limits.turns(BATCH, Rows::OneByOne, round).await?.per_second());
        measured.turn_limit_together.push(limits.turns(BATCH, Rows::Together, round).await?.per_second());
        let rig = Rig::start(&base, "turns", LONG).await?;
        let turns = chat::closed_loop(&rig, round).await?;
        measured.turns.push(turns.per_second);
        measured.unanswered += turns.unanswered;
        rig.stop().await;
    }
    measured.into_figures(&mut figures);

    out::note("latency outside the model …");
    let rate = (figures.turns_per_second * MODERATE).max(1.0);
    let rig = Rig::start(&base, "latency", LONG).await?;
    let latency = chat::open_loop(&rig, rate, lasting).await?;
    rig.stop().await;
    figures.latency = Latency {
        rate,
        messages: latency.added.len() as u64,
        added: Percentiles::of(latency.added),
        commit: Percentiles::of(latency.commit),
    };

    out::note("a loud tenant …");
    let rig = Rig::start(&base, "neighbours", LONG).await?;
    let mut quiet = Vec::with_capacity(QUIET);
    for n in 0..QUIET {
        let (tenant, channel) = rig.another_tenant(&format!("quiet-{n}")).await?;
        quiet.push(Chat::of(&rig, tenant, channel));
    }
    let quiet = Writers { chats: quiet.into(), people: PEOPLE };
    let loud = Writers { chats: [Chat::new(&rig)].into(), people: LOUD_PEOPLE };
    figures.neighbour = neighbour::measure(quiet, loud, figures.turns_per_second, lasting).await?;
    rig.stop().await;
    Ok(Report::new(seconds, figures))
}

#[derive(Default)]
struct Rounds {
    syncs: Vec<f64>,
    single_commits: Vec<f64>,
    commits: Vec<Duration>,
    log_rows: Vec<f64>,
    log_rows_together: Vec<f64>,
    turn_limit: Vec<f64>,
    turn_limit_together: Vec<f64>,
    http: Vec<f64>,
    accepted: Vec<f64>,
    accept_times: Vec<Duration>,
    refused: u64,
    turns: Vec<f64>,
    unanswered: u64,
}

impl Rounds {
    fn into_figures(self, figures: &mut Figures) {
        figures.syncs_per_second = median(self.syncs);
        figures.single_commits_per_second = median(self.single_commits);
        figures.single_commit = Percentiles::of(self.commits);
        figures.log_rows_per_second = median(self.log_rows);
        figures.log_rows_together_per_second = median(self.log_rows_together);
        figures.turn_limit_per_second = median(self.turn_limit);
        figures.turn_limit_together_per_second = median(self.turn_limit_together);
        figures.http_per_second = median(self.http);
        figures.webhooks_per_second = median(self.accepted);
        figures.webhook = Percentiles::of(self.accept_times);
        figures.webhooks_refused = self.refused;
        figures.turns_per_second = median(self.turns);
        figures.turns_unanswered = self.unanswered;
    }
}
