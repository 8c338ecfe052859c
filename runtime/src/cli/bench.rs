use crate::{
    bench,
    config::Config,
    exit::{CommandResult, Outcome},
    out,
};
use clap::Args;
use std::path::PathBuf;

/// Measure this machine's limits and Colloquy's own figures, side by side
///
/// First what the disk and SQLite give at most, then what Colloquy makes of it, in one run: webhooks accepted per
/// second over HTTP, turns per second with a model that answers at once, the latency that Colloquy adds to a message,
/// the memory of an active conversation, and what 100,000 conversations that were active once cost the next message.
/// Limits and figures alternate in rounds, so that a busy machine slows both: the ratios say more than the rates.
///
/// What is counted:
///   batched log rate   rows of the ingress log, 128 to a commit, through the same driver (WAL, synchronous=FULL)
///   webhooks           signed WhatsApp deliveries answered with 200, that is durable, on 192 connections of clients in
///                      this process, while the actors answer the messages
///   commits per turn   3 in a web chat: into the log, into the inbox, the reply (2 more where a reply is delivered:
///                      its claim and its result); the limit runs exactly these statements, 128 turns to a commit
///   turns              messages that got the outcome `answered`, of 1024 people who write again once they have it
///   added latency      from the call that appends a message to the log until its reply is committed, at a fifth of the
///                      measured turns per second; compared with the commits of single rows in the same seconds
///
/// Everything happens in a scratch folder that is removed afterwards; no data is touched, no provider is called. Run it
/// with a release build, and on the disk that will hold the data. It takes a few minutes. The exit code is 0 whether
/// or not the targets are met.
///
/// Example:
///   colloquy bench --dir /var/lib/colloquy
///   colloquy bench --json | jq '.targets[] | select(.met | not)'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Bench {
    /// Seconds for each measurement
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Folder for the scratch data [default: the data folder if there is one, else the current folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print all figures and {targets: [{name, bound, measured, met}]}
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub async fn run(self, config: &Config) -> CommandResult {
        let usual = if config.data_dir.is_dir() { config.data_dir.clone() } else { PathBuf::from(".") };
        let report = Box::pin(bench::run(&self.dir.unwrap_or(usual), self.seconds)).await?;
        if self.json {
            out::json(&report)?;
        } else {
            report.print();
        }
        Ok(Outcome::Done)
    }
}
