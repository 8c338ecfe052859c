use super::run::{show, told};
use crate::{
    exit::{CommandResult, Outcome},
    out,
};
use clap::{Args, ValueEnum};
use colloquy_sim::{
    Options, Verdict,
    load::{self, Load as Spec},
    report::Totals,
    run,
    scenario::{ChannelKind, Span},
};
use tokio::time::Instant;

/// Let people come at a rate, for virtual hours or days
///
/// Personas (one question; impatient, in bursts; thorough and slow; francophone) begin conversations at random times, on
/// average as many an hour as `--rate` says, and go on when they are answered or out of patience. Everything is held
/// against the promises of Colloquy, as in every run.
///
/// Example:
///   colloquy sim load --rate 200 --for 2d --nodes 3
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Load {
    /// New conversations an hour, on average
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Virtual time: 30m, 12h, 2d
    #[arg(long = "for", value_name = "TIME", default_value = "24h")]
    lasts: Span,
    /// Nodes that share the work
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
    /// Where people write
    #[arg(long, value_enum, default_value_t)]
    channel: Channel,
    /// Seed of the run
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Print {scenarios, trials, passed, failed, verdicts, trace_hash, seed, conversation_hours, wall_seconds}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Channel {
    #[default]
    Whatsapp,
    Messenger,
    Telegram,
    Webchat,
}

impl From<Channel> for ChannelKind {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Whatsapp => Self::Whatsapp,
            Channel::Messenger => Self::Messenger,
            Channel::Telegram => Self::TelegramPoll,
            Channel::Webchat => Self::Webchat,
        }
    }
}

impl Load {
    pub async fn run(self) -> CommandResult {
        let (rate, lasts, nodes, seed) = (self.rate, self.lasts.0, self.nodes, self.seed);
        let spec = Spec { rate, lasts, nodes, channel: self.channel.into(), faults: Vec::new() };
        let (report, wall) = tokio::task::spawn_blocking(move || {
            let scenario = load::scenario(&spec, seed);
            let start = Instant::now();
            (run(&scenario, seed, Options::default()), start.elapsed())
        })
        .await?;
        let mut totals = Totals::default();
        totals.scenario();
        totals.add(&report);
        let summary = totals.summary(wall);
        show(&format!("load of {rate} an hour"), &report, wall, self.json);
        if self.json {
            out::json(&summary)?;
        } else {
            let stats = &report.stats;
            out::line(format_args!("{} messages, {:?}", stats.messages, stats.outcomes));
            out::line(told(&summary));
        }
        Ok(if report.verdict == Verdict::Pass { Outcome::Done } else { Outcome::Failed })
    }
}
