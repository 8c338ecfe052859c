mod checks;
mod engines;
mod report;

use crate::{
    config::{Config, Problems},
    exit::{CommandResult, Outcome},
    logging, out,
};
use clap::Args;
use report::{Report, State};

/// Check this installation and say what to do
///
/// Looks at the configuration, the data folder, the running server, the database, the disk, the embedding model, the
/// reading of documents and the model's endpoint; of several nodes also at PostgreSQL (version, role, clock, who is
/// alive), at NATS (version, lanes, replicas, limits) and at Qdrant. Each finding is ok, warn or fail, with a hint. Nothing is changed but
/// what a first start would make. Exit code 1 if anything failed.
///
/// Example:
///   colloquy doctor
///   colloquy doctor --json | jq -e '.status != "fail"'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Doctor {
    /// Print {status, checks: [{name, status, message, hint}]}
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub async fn run(self, loaded: Result<Config, Problems>) -> CommandResult {
        let mut report = Report::default();
        match loaded {
            Ok(config) => {
                let _ends_with_it = logging::start(&config, "error")?;
                report.ok("config", format!("model provider: {}", config.default_model().provider));
                checks::all(&config, &mut report).await;
            }
            Err(problems) => {
                for problem in problems.0 {
                    let message = format!("{}: {}", problem.name, problem.sentence);
                    report.fail("config", message, format!("correct it in {}", problem.origin));
                }
            }
        }
        if self.json {
            out::json(&report.summary())?;
        } else {
            report.print();
        }
        Ok(if report.worst() == State::Fail { Outcome::Failed } else { Outcome::Done })
    }
}
