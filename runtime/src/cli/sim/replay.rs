use super::{found, fuzz::Size, reports::Reports, run::show, servers};
use crate::{
    exit::{CommandResult, Outcome},
    out,
};
use clap::Args;
use colloquy_sim::{
    Options, Verdict, fuzz,
    report::{Run, Totals},
    run_with,
    scenario::{Scenario, to_yaml},
};
use std::{path::PathBuf, sync::Arc};
use tokio::time::Instant;

/// Make one run again and show it event by event
///
/// Prints the trace: the age of the world in seconds, the node, what happened, whom it concerns.
/// Without a file the seed is one of `sim fuzz`, whose world is made again; `--yaml` shows that
/// world as a scenario instead of running it.
///
/// Example:
///   colloquy sim replay --seed 4711 --html run.html
///   colloquy sim replay sim/scenarios/burst.yaml --seed 9
///   colloquy sim replay --seed 4711 --yaml > found.yaml
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Replay {
    /// Scenario file [default: the world of the seed]
    #[arg(value_name = "FILE", conflicts_with = "size")]
    file: Option<PathBuf>,
    /// Seed of the run [default: the scenario's]
    #[arg(long, value_name = "N", required_unless_present = "file")]
    seed: Option<u64>,
    /// Size of the world that `sim fuzz` made
    #[arg(long, value_enum, default_value_t)]
    size: Size,
    /// Print the scenario instead of running it
    #[arg(long)]
    yaml: bool,
    #[command(flatten)]
    reports: Reports,
}

impl Replay {
    pub async fn run(self) -> CommandResult {
        let (source, scenario) = self.scenario()?;
        if self.yaml {
            out::line(to_yaml(&scenario)?.trim_end());
            return Ok(Outcome::Done);
        }
        let seed = self.seed.unwrap_or(scenario.runs.seed);
        let scenario = Arc::new(scenario);
        let (report, wall) = {
            let scenario = Arc::clone(&scenario);
            let (traced, outside) = (Options { trace: true, ..Options::default() }, servers::outside(false));
            tokio::task::spawn_blocking(move || {
                let start = Instant::now();
                (run_with(&scenario, seed, traced, Some(&outside)), start.elapsed())
            })
            .await?
        };
        report.trace.iter().for_each(out::line);
        show(&source, &report, wall, false);
        out::line(format_args!("trace {}", report.trace_hash));
        let passed = report.verdict == Verdict::Pass;
        let mut totals = Totals::default();
        totals.scenario();
        totals.add(&report);
        self.reports.write(&totals.summary(wall), &[Run { source, scenario, report, wall }])?;
        Ok(if passed { Outcome::Done } else { Outcome::Failed })
    }

    /// With where it comes from.
    fn scenario(&self) -> CommandResult<(String, Scenario)> {
        match (&self.file, self.seed) {
            (Some(file), _) => {
                let scenario = found::one(file)?;
                servers::check_keys(file, &scenario, false)?;
                Ok((file.display().to_string(), scenario))
            }
            (None, seed) => {
                let seed = seed.unwrap_or_default();
                Ok((format!("colloquy sim replay --seed {seed}"), fuzz::scenario(seed, self.size.into())))
            }
        }
    }
}
