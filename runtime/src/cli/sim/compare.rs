use super::{found, servers};
use crate::{
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::Args;
use colloquy_sim::{
    Options,
    compare::{Change, Comparison, Side, compare},
    run_with,
};
use std::path::PathBuf;

/// Hold two configurations against each other on the same conversations
///
/// Both scenarios must have the same conversations; what differs is the agent (its instructions, tools, gathering, limits)
/// or the model. Shown are the answers that changed, the tool calls, the cost, and how often the agent did not know.
///
/// Example:
///   colloquy sim compare today.yaml tomorrow.yaml --seed 7
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Compare {
    #[arg(value_name = "A")]
    a: PathBuf,
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Seed of both runs [default: that of A]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print {conversations, a, b, changed: [{who, answer, a, b}]}
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub async fn run(self) -> CommandResult {
        let (a, b) = (found::one(&self.a)?, found::one(&self.b)?);
        if a.conversations != b.conversations {
            return Err(Stop::wrong("conversations: A and B must have the same ones"));
        }
        let seed = self.seed.unwrap_or(a.runs.seed);
        servers::check_keys(&self.a, &a, false)?;
        servers::check_keys(&self.b, &b, false)?;
        let outside = servers::outside(false);
        let comparison = tokio::task::spawn_blocking(move || {
            let [a, b] = [a, b].map(|s| run_with(&s, seed, Options::default(), Some(&outside)));
            compare(&a, &b)
        })
        .await?;
        if self.json {
            out::json(&comparison)?;
        } else {
            print(&comparison);
        }
        Ok(Outcome::Done)
    }
}

fn print(found: &Comparison) {
    for Change { who, answer, a, b } in &found.changed {
        out::line(format_args!("{who}, answer {answer}"));
        out::line(format_args!("  A: {}", a.as_deref().unwrap_or("(none)")));
        out::line(format_args!("  B: {}", b.as_deref().unwrap_or("(none)")));
    }
    for (name, side) in [("A", &found.a), ("B", &found.b)] {
        let Side { verdict, replies, abstentions, tools, cost_micros } = side;
        let calls: u64 = tools.values().sum();
        out::line(format_args!(
            "{name}: {}, {replies} answers, {abstentions} of them not knowing, {calls} tool calls {tools:?}, {:.4} USD",
            verdict.name(),
            usd(*cost_micros)
        ));
    }
    out::line(format_args!("{} of the answers of {} conversations changed", found.changed.len(), found.conversations));
}

#[expect(clippy::cast_precision_loss, reason = "for reading")]
fn usd(micros: u64) -> f64 {
    micros as f64 / 1e6
}
