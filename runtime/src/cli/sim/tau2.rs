use crate::{
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::Args;
use colloquy_sim::{
    Options, Verdict, run,
    tau2::{Retail, Tally, score},
};
use serde::Serialize;
use std::path::PathBuf;

/// Run the retail tasks of tau2-bench, and score what catches mistakes in them
///
/// FOLDER holds `tasks.json` and `db.json` as tau2-bench publishes them. An oracle that makes each task's right calls must
/// reach the right end state in every task; oracles with one mistake each (a call dropped, swapped, garbled, unknown, made
/// twice, an answer too early, another tenant's word told) must fail.
///
/// Example:
///   colloquy sim tau2 tau2/domains/retail
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Tau2 {
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The oracle only
    #[arg(long)]
    no_mutants: bool,
    /// Print {tasks, passed, mutants: {…}}
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Found<S> {
    tasks: usize,
    passed: usize,
    mutants: Option<S>,
}

impl Tau2 {
    pub async fn run(self) -> CommandResult {
        let wrong = |e: colloquy_sim::scenario::LoadError| Stop::wrong(format!("{}: {e}", self.folder.display()));
        let scenarios = Retail::open(&self.folder).map_err(wrong)?.scenarios();
        let mutants = !self.no_mutants;
        let found = tokio::task::spawn_blocking(move || {
            let passes = |s: &&_| run(s, 1, Options::default()).verdict == Verdict::Pass;
            let passed = scenarios.iter().filter(passes).count();
            Found { tasks: scenarios.len(), passed, mutants: mutants.then(|| score(&scenarios)) }
        })
        .await?;
        if self.json {
            out::json(&found)?;
        } else {
            out::line(format_args!("oracle: {} of {} tasks", found.passed, found.tasks));
            if let Some(score) = &found.mutants {
                for (operator, Tally { all, killed, by_outcome }) in &score.by_operator {
                    out::line(format_args!("{operator}: {killed} of {all} caught, {by_outcome} by the outcome alone"));
                }
                let Tally { all, killed, by_outcome } = score.total();
                out::line(format_args!("mutants: {killed} of {all} caught, {by_outcome} by the outcome alone"));
            }
        }
        let all = found.mutants.as_ref().is_none_or(|s| s.survivors.is_empty());
        Ok(if found.passed == found.tasks && all { Outcome::Done } else { Outcome::Failed })
    }
}
