//! What a loud tenant costs the quiet ones, on one node or on several: how it is measured and told.

use super::{
    figures::{Percentiles, median},
    open::{Fared, at_rate},
    report::{Target, at_most, ratio, row, times},
};
use serde::Serialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;

/// Share of the turns per second there can be that the loud tenant has; each quiet one has a hundredth of that.
const LOUD: f64 = 0.3;
const TIMES_LOUDER: f64 = 100.0;
/// The quiet tenants.
pub const QUIET: usize = 20;
/// How often quiet and loud time alternate: what else happens on the machine happens in both. What happens for some
/// seconds only is in few of the rounds, and the middle one counts.
const ROUNDS: u32 = 7;
/// Messages of the quiet tenants in each of the two kinds of time: a percentile of fewer in a round says little.
const MESSAGES: f64 = 1400.0;
/// Where that takes so many times longer than asked, it is left at that.
const PATIENT: u32 = 10;
/// People of each quiet tenant, who write in turn.
pub const PEOPLE: u64 = 16;
/// People of the loud one: it is as the others, a hundred times.
pub const LOUD_PEOPLE: u64 = 100 * PEOPLE;
/// Before anything counts everybody writes once, at this share of the turns per second there can be.
const WARM: f64 = 0.5;
/// How long the crowd writes before the quiet ones count.
const AHEAD: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Neighbour {
    pub tenants: usize,
    /// Messages a second of each of them.
    pub each: f64,
    pub loud: f64,
    /// Of the quiet ones beside the loud one.
    pub messages: u64,
    pub failed: u64,
    pub alone: Percentiles,
    pub beside: Percentiles,
    /// Of the same tenants while they write as much as all together before: what the load costs, whoever makes it.
    pub spread: Percentiles,
    pub loud_reply: Percentiles,
}

/// Who writes a message and waits for its reply: how long that took, or `None` if none came.
pub trait Ask: Clone + Send + Sync + 'static {
    /// `number` grows by one with each message of this asker.
    fn ask(&self, number: u64) -> impl Future<Output = Option<Duration>> + Send;
}

/// The quiet tenants' load without and with the loud one's beside it, and the same load from the quiet ones alone, in turn.
/// `turns_per_second`: what there can be at most.
///
/// # Errors
/// A task panicked.
pub async fn measure(
    quiet: impl Ask,
    loud: impl Ask,
    turns_per_second: f64,
    lasting: Duration,
) -> anyhow::Result<Neighbour> {
    let noise = (turns_per_second * LOUD).max(1.0);
    let each = noise / TIMES_LOUDER;
    let rate = each * QUIET as f64;
    let piece = Duration::from_secs_f64(MESSAGES / rate).clamp(lasting, lasting * PATIENT) / ROUNDS;
    let mut told = Neighbour { tenants: QUIET, each, loud: noise, ..Neighbour::default() };
    let (mut alone, mut beside, mut louds, mut spread) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    everybody(&quiet, PEOPLE * QUIET as u64, turns_per_second * WARM).await?;
    everybody(&loud, LOUD_PEOPLE, turns_per_second * WARM).await?;
    for _ in 0..ROUNDS {
        alone.push(written(&quiet, rate, piece).await?);
        let over = Arc::<AtomicBool>::default();
        let (until, asker) = (Arc::clone(&over), loud.clone());
        let noisy = tokio::spawn(async move { at_rate(asker, noise, until).await });
        // Not of the first moment: the crowd is there.
        sleep(AHEAD).await;
        beside.push(written(&quiet, rate, piece).await?);
        over.store(true, Ordering::Relaxed);
        louds.push(noisy.await?);
        spread.push(written(&quiet, rate + noise, piece).await?);
    }
    told.messages = beside.iter().map(|round| round.times.len() as u64).sum();
    told.failed = [&alone, &beside, &louds, &spread].into_iter().flatten().map(|round| round.unanswered).sum();
    (told.alone, told.spread) = (middle(alone), middle(spread));
    (told.beside, told.loud_reply) = (middle(beside), middle(louds));
    Ok(told)
}

/// Of the rounds.
fn middle(rounds: Vec<Fared>) -> Percentiles {
    let of: Vec<Percentiles> = rounds.into_iter().map(|round| Percentiles::of(round.times)).collect();
    let middle = |value: fn(&Percentiles) -> f64| median(of.iter().map(value).collect());
    Percentiles { p50: middle(|p| p.p50), p99: middle(|p| p.p99) }
}

/// One message of each: their conversations are there, and in memory.
async fn everybody(asker: &impl Ask, people: u64, rate: f64) -> anyhow::Result<()> {
    let rate = rate.max(1.0);
    written(asker, rate, Duration::from_secs_f64(people as f64 / rate)).await.map(|_| ())
}

/// Messages for so long, and what came of them.
async fn written(asker: &impl Ask, rate: f64, lasting: Duration) -> anyhow::Result<Fared> {
    let over = Arc::<AtomicBool>::default();
    let (until, asker) = (Arc::clone(&over), asker.clone());
    let writing = tokio::spawn(async move { at_rate(asker, rate, until).await });
    sleep(lasting).await;
    over.store(true, Ordering::Relaxed);
    Ok(writing.await?)
}

impl Neighbour {
    pub fn rows(&self) -> Vec<Vec<String>> {
        vec![
            row(
                &format!("reply to {} tenants at {:.2} messages/s each", self.tenants, self.each),
                &format!("p99 {:.1} ms", self.alone.p99),
                &format!("p50 {:.1} ms", self.alone.p50),
            ),
            row(
                &format!("… beside one at {:.0} messages/s", self.loud),
                &format!("p99 {:.1} ms", self.beside.p99),
                &format!(
                    "p50 {:.1} ms, {} messages; its own {}; {} unanswered",
                    self.beside.p50,
                    self.messages,
                    times(self.loud_reply),
                    self.failed
                ),
            ),
            row(
                "… with as much, all of it from them",
                &format!("p99 {:.1} ms", self.spread.p99),
                &format!("p50 {:.1} ms", self.spread.p50),
            ),
        ]
    }

    pub fn target(&self) -> Target {
        let louder = ratio(self.beside.p99, self.alone.p99);
        at_most("p99 beside a tenant of 100 times the load / without it", 1.5, Some(louder))
    }
}
