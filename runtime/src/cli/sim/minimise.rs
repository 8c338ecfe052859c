use super::{found, fuzz::Size};
use crate::{
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::Args;
use colloquy_sim::{
    Options, fuzz,
    minimise::{events, minimise},
    scenario::to_yaml,
};
use std::path::PathBuf;

/// Make a failing run as small as it can be
///
/// Takes away conversations, messages, faults, nodes, delays and words for as long as the same promise stays broken for the
/// same conversation, and prints what is left as a scenario: something to read, to keep, and to run again.
///
/// Example:
///   colloquy sim minimise --seed 4711 > sim/scenarios/found.yaml
///   colloquy sim minimise failing.yaml --seed 3
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Minimise {
    /// Scenario file [default: the world of the seed]
    #[arg(value_name = "FILE", conflicts_with = "size")]
    file: Option<PathBuf>,
    /// Seed of the failing run [default: the scenario's]
    #[arg(long, value_name = "N", required_unless_present = "file")]
    seed: Option<u64>,
    /// Size of the world that `sim fuzz` made
    #[arg(long, value_enum, default_value_t)]
    size: Size,
}

impl Minimise {
    pub async fn run(self) -> CommandResult {
        let scenario = match &self.file {
            Some(file) => found::one(file)?,
            None => fuzz::scenario(self.seed.unwrap_or_default(), self.size.into()),
        };
        let (seed, before) = (self.seed.unwrap_or(scenario.runs.seed), events(&scenario));
        let small = tokio::task::spawn_blocking(move || minimise(&scenario, seed, Options::default())).await?;
        let Some(small) = small else {
            return Err(Stop::wrong(format!("seed {seed} breaks no promise: there is nothing to make smaller")));
        };
        out::note(format!(
            "{}; {before} events before, {} now, after {} runs",
            small.violation,
            small.events(),
            small.runs
        ));
        out::line(to_yaml(&small.scenario)?.trim_end());
        Ok(Outcome::Done)
    }
}
