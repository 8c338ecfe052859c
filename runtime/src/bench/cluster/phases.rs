//! The measurements, one after the other.

use super::{
    super::{
        figures::{Percentiles, median},
        neighbour,
        open::{Fared, at_rate},
    },
    load::{Account, Crowd, OTHERS, Senders, Writers},
    nodes::Nodes,
    report::{Figures, Restart, Throughput},
    rows::Accounts,
};
use crate::{
    nats::{LogOptions, NatsLimits},
    out,
};
use colloquy_store::limits::server::{CLIENTS, Counters, Meter, ServerLimits, TRANSACTIONS};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

const ROUNDS: u32 = 3;
/// Nodes at most.
pub const NODES: usize = 3;
/// Conversations at the same time: those of the target, and many.
pub const CROWDS: [u64; 2] = [32, 256];
/// Entries of one message in NATS.
const BATCH: usize = 128;
/// Before counting begins: conversations are in memory, statements prepared.
const WARM: Duration = Duration::from_secs(2);
/// Share of the turns that three nodes do of 32 conversations at once, at which they are restarted.
const MODERATE: f64 = 0.3;
/// Restarts are held against twice the time of other measurements.
const PATIENT: u32 = 2;

/// What may be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Phase {
    /// Limits, and turns per second of one to three nodes
    Turns,
    /// A rolling restart
    Restart,
    /// A loud tenant
    Neighbour,
}

pub struct Bench {
    pub server: ServerLimits,
    pub nats: NatsLimits,
    pub log: LogOptions,
    pub meter: Meter,
    pub nodes: Nodes,
    pub senders: Arc<Senders>,
    pub accounts: Accounts,
    pub lasting: Duration,
}

/// All rounds' values of the limits.
#[derive(Default)]
struct Limits {
    commits: Vec<f64>,
    commit_times: Vec<Duration>,
    commits_together: Vec<f64>,
    turn_transactions: Vec<f64>,
    batched: Vec<f64>,
    pipelined: Vec<f64>,
}

/// What is counted while a crowd writes.
#[derive(Clone, Copy)]
struct Counted {
    at: Instant,
    turns: u64,
    server: Counters,
    logged: u64,
}

impl Bench {
    /// Measures these phases.
    ///
    /// # Errors
    /// Something could not be measured at all.
    pub async fn run(mut self, phases: &[Phase]) -> anyhow::Result<Figures> {
        let mut figures = Figures::default();
        let most = if phases.contains(&Phase::Turns) { self.rounds(&mut figures).await? } else { self.most().await? };
        if phases.contains(&Phase::Restart) {
            out::note("a rolling restart …");
            figures.restart = Some(self.restart(most * MODERATE).await?);
        }
        if phases.contains(&Phase::Neighbour) {
            out::note("a loud tenant …");
            let quiet = self.writers(&self.accounts.quiet, neighbour::PEOPLE);
            let loud = &self.accounts.usual;
            let loud = self.writers(loud, neighbour::LOUD_PEOPLE.div_ceil(loud.len() as u64));
            figures.neighbour = Some(neighbour::measure(quiet, loud, most, self.lasting).await?);
        }
        figures.doubled_replies = self.senders.replies.doubled();
        figures.dead_letters = self.meter.dead_letters().await?;
        self.nodes.stop_all().await?;
        Ok(figures)
    }

    /// Limits and turns in rounds; the nodes go on. Returns the turns per second that all of them do of few conversations: what
    /// they do of many beyond that, they do by letting them wait for each other.
    async fn rounds(&mut self, figures: &mut Figures) -> anyhow::Result<f64> {
        let (mut limits, mut rounds) = (Limits::default(), Vec::new());
        for round in 1..=ROUNDS {
            out::note(format_args!("round {round} of {ROUNDS}: limits of PostgreSQL and NATS …"));
            self.limits(&mut limits).await?;
            for count in 1..=NODES {
                out::note(format_args!("round {round} of {ROUNDS}: turns of {count} of {NODES} nodes …"));
                self.one_more_node(count).await?;
                for people in CROWDS {
                    rounds.push(self.turns(people).await?);
                }
            }
            if round < ROUNDS {
                self.nodes.stop_all().await?;
            }
        }
        *figures = limits.into_figures();
        figures.throughput = medians(&rounds);
        let few = figures.throughput.iter().find(|t| (t.nodes, t.conversations) == (NODES, CROWDS[0]));
        Ok(few.map_or(0.0, |t| t.turns_per_second).max(1.0))
    }

    /// The same turns per second alone.
    async fn most(&mut self) -> anyhow::Result<f64> {
        out::note(format_args!("turns of {NODES} nodes …"));
        for count in 1..=NODES {
            self.one_more_node(count).await?;
        }
        Ok(self.turns(CROWDS[0]).await?.turns_per_second)
    }

    async fn limits(&mut self, into: &mut Limits) -> anyhow::Result<()> {
        let piece = self.lasting / ROUNDS;
        let (alone, times) = self.server.commits(1, piece).await?;
        into.commits.push(alone.per_second());
        into.commit_times.extend(times);
        into.commits_together.push(self.server.commits(CLIENTS, piece).await?.0.per_second());
        let turns = self.server.turns(piece).await?;
        into.turn_transactions.push(turns.per_second() * f64::from(TRANSACTIONS));
        into.batched.push(self.nats.batched(BATCH, piece).await?);
        into.pipelined.push(self.nats.pipelined(piece).await?);
        Ok(())
    }

    async fn one_more_node(&mut self, count: usize) -> anyhow::Result<()> {
        self.nodes.start(count - 1).await?;
        self.nodes.shared(&mut self.meter).await?;
        self.senders.aim_at(self.nodes.addresses());
        Ok(())
    }

    async fn turns(&mut self, people: u64) -> anyhow::Result<Throughput> {
        let crowd = Crowd::start(&self.senders, &self.accounts.usual, people);
        sleep(WARM).await;
        let before = self.count(&crowd).await?;
        sleep(self.lasting / ROUNDS).await;
        let after = self.count(&crowd).await?;
        let fared = crowd.end().await;
        let turns = (after.turns - before.turns).max(1) as f64;
        let syncs = after.server.syncs.zip(before.server.syncs).map(|(a, b)| (a - b) as f64 / turns);
        Ok(Throughput {
            nodes: self.nodes.count(),
            conversations: people,
            turns_per_second: turns / (after.at - before.at).as_secs_f64(),
            commits_per_turn: (after.server.commits - before.server.commits) as f64 / turns,
            syncs_per_turn: syncs,
            log_messages_per_turn: (after.logged - before.logged) as f64 / turns,
            unanswered: fared.unanswered,
            reply: Percentiles::of(fared.times),
        })
    }

    async fn count(&mut self, crowd: &Crowd) -> anyhow::Result<Counted> {
        let server = self.meter.read().await?;
        let logged = self.nats.logged(&self.log).await?;
        Ok(Counted { at: Instant::now(), turns: crowd.answered(), server, logged })
    }

    /// The same load twice: without, and with a restart of each node in turn.
    async fn restart(&mut self, rate: f64) -> anyhow::Result<Restart> {
        let (over, elsewhere) = (Arc::<AtomicBool>::default(), self.senders.elsewhere());
        let writing = self.write(&self.accounts.usual, rate, &over);
        sleep(self.lasting * PATIENT).await;
        let calm = ended(over, writing).await?;

        let over = Arc::<AtomicBool>::default();
        let writing = self.write(&self.accounts.usual, rate, &over);
        let begun = Instant::now();
        for number in 0..NODES {
            sleep(WARM / 2).await;
            self.nodes.stop(number).await?;
            self.senders.aim_at(self.nodes.addresses());
            self.nodes.start(number).await?;
            self.senders.aim_at(self.nodes.addresses());
            self.nodes.shared(&mut self.meter).await?;
        }
        let took = begun.elapsed();
        let restarted = ended(over, writing).await?;
        Ok(Restart {
            rate,
            seconds: took.as_secs_f64(),
            messages: restarted.times.len() as u64 + restarted.unanswered,
            failed: calm.unanswered + restarted.unanswered,
            elsewhere: self.senders.elsewhere() - elsewhere,
            calm: Percentiles::of(calm.times),
            restarted: Percentiles::of(restarted.times),
        })
    }

    fn writers(&self, to: &[Account], people: u64) -> Writers {
        Writers { senders: Arc::clone(&self.senders), accounts: to.into(), people }
    }

    fn write(&self, to: &[Account], rate: f64, over: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Fared> {
        tokio::spawn(at_rate(self.writers(to, OTHERS), rate, Arc::clone(over)))
    }
}

/// What came of it, once the last reply is there.
async fn ended(over: Arc<AtomicBool>, writing: tokio::task::JoinHandle<Fared>) -> anyhow::Result<Fared> {
    over.store(true, Ordering::Relaxed);
    Ok(writing.await?)
}

impl Limits {
    fn into_figures(self) -> Figures {
        Figures {
            commits_per_second: median(self.commits),
            commit: Percentiles::of(self.commit_times),
            commits_together_per_second: median(self.commits_together),
            turn_transactions_per_second: median(self.turn_transactions),
            entries_batched_per_second: median(self.batched),
            entries_pipelined_per_second: median(self.pipelined),
            ..Figures::default()
        }
    }
}

/// Of the rounds of each number of nodes and people.
fn medians(rounds: &[Throughput]) -> Vec<Throughput> {
    let kinds = (1..=NODES).flat_map(|n| CROWDS.map(|people| (n, people)));
    let of = |(nodes, conversations): (usize, u64)| {
        let same: Vec<_> = rounds.iter().filter(|t| (t.nodes, t.conversations) == (nodes, conversations)).collect();
        let middle = |of: fn(&Throughput) -> f64| median(same.iter().map(|t| of(t)).collect());
        let syncs: Option<Vec<f64>> = same.iter().map(|t| t.syncs_per_turn).collect();
        Throughput {
            nodes,
            conversations,
            turns_per_second: middle(|t| t.turns_per_second),
            commits_per_turn: middle(|t| t.commits_per_turn),
            syncs_per_turn: syncs.map(median),
            log_messages_per_turn: middle(|t| t.log_messages_per_turn),
            unanswered: same.iter().map(|t| t.unanswered).sum(),
            reply: Percentiles { p50: middle(|t| t.reply.p50), p99: middle(|t| t.reply.p99) },
        }
    };
    kinds.map(of).collect()
}
