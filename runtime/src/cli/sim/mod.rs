mod against;
mod compare;
mod found;
mod fuzz;
mod load;
mod minimise;
mod record;
mod replay;
mod reports;
mod run;
mod schema;
mod servers;
mod tau2;
mod work;

use crate::{
    config::Config,
    exit::{CommandResult, Stop},
};
use clap::{Args, Subcommand};

/// Simulate conversations: the same actors in virtual time, with faults, from a seed
///
/// What runs are the actors, channel drivers and tool engine that `serve` runs; simulated are the
/// clock, the people, the providers, the model, and everything that can go wrong. Days pass in
/// milliseconds, and the same seed makes the same run again. No server, no data folder and no
/// network is needed, and nothing is written but the reports asked for.
///
/// Verdicts: pass; fail_agent, an expectation of the scenario was not met; fail_user_sim, a person
/// who is played by a model broke their own rules; fail_infra, a promise of Colloquy was broken (a
/// lost or doubled message, a tool started twice, a reply outside of the provider's window, …);
/// inconclusive, a fault that the scenario asks for never struck, or a model could not be asked.
/// Exit code 0 if all runs passed (or as many as a scenario expects of its trials), 1 if not, 2 if
/// a scenario cannot be used.
///
/// docs/SIMULATION.md explains scenarios.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Sim {
    /// Show the log of the simulated nodes (its times are the machine's, not the world's); `--log` says what of it
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Run(run::Run),
    Fuzz(fuzz::Fuzz),
    Replay(replay::Replay),
    Minimise(minimise::Minimise),
    Load(load::Load),
    Compare(compare::Compare),
    Record(record::Record),
    Tau2(tau2::Tau2),
    Schema(schema::Schema),
    /// Be the child of a server: read what is asked from standard input, and print the internal form
    #[command(hide = true)]
    Hosted,
}

impl Sim {
    /// A world's log is about faults that were planned: nobody wants to read it unasked.
    pub const fn usual_log(&self) -> &'static str {
        if self.verbose { "colloquy=debug" } else { "off" }
    }

    pub const fn is_hosted(&self) -> bool {
        matches!(self.what, What::Hosted)
    }

    pub async fn run(self, config: &Config) -> CommandResult {
        match self.what {
            What::Run(run) => run.run().await,
            What::Fuzz(fuzz) => fuzz.run().await,
            What::Replay(replay) => replay.run().await,
            What::Minimise(minimise) => minimise.run().await,
            What::Load(load) => load.run().await,
            What::Compare(compare) => compare.run().await,
            What::Record(record) => record.run(config).await,
            What::Tau2(tau2) => tau2.run().await,
            What::Schema(schema) => schema.run(),
            What::Hosted => Err(Stop::wrong("a server asks this of its child, which has no runtime")),
        }
    }
}
