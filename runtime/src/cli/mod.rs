//! The command line: one file for each command, with its arguments, its help and its work.

mod agents;
mod answers;
mod ask;
mod backup;
mod bench;
mod channels;
mod chat;
mod create_admin;
mod dead_letters;
mod demo;
mod doctor;
mod eval;
mod extract;
mod ingest;
mod keys;
mod migrate;
mod migrate_to;
mod models;
mod openapi;
mod propose;
mod reset;
mod reset_log;
mod restore;
mod seed;
mod serve;
mod sim;
mod sources;
mod unanswered;

use crate::{
    config::{self, Config, Flags},
    exit::{CommandResult, Stop},
    logging,
};
pub use extract::be_the_child as be_the_reading_child;

use clap::{Args, Parser, Subcommand};
use colloquy_rag::extract::ExtractLimits;
use std::{future::Future, path::PathBuf, pin::Pin};

/// Connect WhatsApp, Messenger, Telegram and web chat to agents that answer from your documents.
///
/// Every conversation, agent and channel is a supervised actor; every reply that states facts cites the passage it
/// rests on; an accepted message is never lost and never answered twice. One program, one folder, nothing else to
/// install.
#[derive(Debug, Parser)]
#[command(name = "colloquy", version, max_term_width = 100, after_help = AFTER, after_long_help = AFTER_LONG)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "Exit codes: 0 done, 1 failed, 2 wrong use. `colloquy COMMAND --help` explains each command.";
const AFTER_LONG: &str = "\
Start with `colloquy demo`. Then, with your own documents:
  colloquy ingest ./handbook --kb handbook
  colloquy ask \"How many days of leave do I have?\" --kb handbook
  colloquy serve

Results go to standard output, logs and progress to standard error.
Exit codes: 0 done, 1 failed, 2 wrong use.";

#[derive(Debug, Args)]
struct Global {
    /// Configuration file [default: ./colloquy.toml, else colloquy.toml in the data folder, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder with everything that Colloquy keeps [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// What is logged: `info`, `debug`, `warn,colloquy=debug`, …
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

/// In the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Ingest(ingest::Ingest),
    Ask(ask::Ask),
    Chat(chat::Chat),
    Unanswered(unanswered::Unanswered),
    Answers(answers::Answers),
    Propose(propose::Propose),
    Agents(agents::Agents),
    Channels(channels::Channels),
    DeadLetters(dead_letters::DeadLetters),
    Models(models::Models),
    Doctor(doctor::Doctor),
    Extract(extract::Extract),
    Eval(eval::Eval),
    Sim(sim::Sim),
    Bench(bench::Bench),
    CreateAdmin(create_admin::CreateAdmin),
    Seed(seed::Seed),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Reset(reset::Reset),
    Keys(keys::Keys),
    Openapi(openapi::Openapi),
    Migrate(migrate::Migrate),
    MigrateTo(migrate_to::MigrateTo),
    ResetLog(reset_log::ResetLog),
}

type Work<'a> = Pin<Box<dyn Future<Output = CommandResult> + 'a>>;

impl Cli {
    /// The document to read and its limits, if this process is a reading child: it needs neither configuration nor
    /// runtime.
    #[must_use]
    pub fn reading_child(&self) -> Option<(PathBuf, ExtractLimits)> {
        match &self.command {
            Command::Extract(extract) if extract.wire => {
                Some((extract.file.clone(), extract.limits.clone().unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// Whether this process is one that runs a scenario for a server: it needs neither configuration nor runtime, too.
    #[must_use]
    pub const fn is_simulating_child(&self) -> bool {
        matches!(&self.command, Command::Sim(sim) if sim.is_hosted())
    }

    /// Configuration, logging, then the command.
    ///
    /// # Errors
    /// See [`Stop`].
    pub async fn run(self) -> CommandResult {
        let flags = self.flags();
        let loaded = match &self.command {
            Command::Bench(bench) if bench.is_on_engines() => config::load_bench_from_machine(&flags),
            _ => config::load_from_machine(&flags),
        };
        if let Command::Doctor(doctor) = self.command {
            // A wrong configuration is one of its findings.
            return Box::pin(doctor.run(loaded)).await;
        }
        let mut config = loaded.map_err(|problems| Stop::Wrong(problems.to_string()))?;
        let telemetry = logging::start(&config, self.command.usual_log())?;
        if let Command::Demo(_) = self.command {
            demo::adapt(&mut config, self.global.data_dir.is_some());
        }
        let result = self.command.run(&flags, &config).await;
        telemetry.end().await;
        result
    }

    fn flags(&self) -> Flags {
        let mut settings = Vec::new();
        let mut add = |key, flag, value: &Option<String>| {
            settings.extend(value.as_ref().map(|v| (key, flag, v.clone())));
        };
        add("data_dir", "--data-dir", &self.global.data_dir);
        add("log", "--log", &self.global.log);
        match &self.command {
            Command::Serve(serve) => {
                add("port", "--port", &serve.port);
                add("host", "--host", &serve.host);
            }
            Command::Demo(demo) => add("port", "--port", &demo.port),
            Command::Bench(bench) => {
                if let Some(engines) = bench.engines() {
                    add("database_url", "--database-url", &engines.database_url);
                    add("nats_url", "--nats-url", &engines.nats_url);
                }
            }
            _ => {}
        }
        Flags { file: self.global.config.clone(), settings }
    }
}

impl Command {
    /// Commands that end soon tell themselves what went wrong; a server's log is all that it says. The vector store
    /// speaks of its own insides.
    fn usual_log(&self) -> &'static str {
        match self {
            Self::Serve(_) => "warn,colloquy=info,qdrant_edge=error,async_nats=off",
            Self::Demo(_) => "warn,qdrant_edge=error",
            Self::Bench(bench) => bench.usual_log(),
            Self::Sim(sim) => sim.usual_log(),
            _ => "error",
        }
    }

    fn run<'a>(self, flags: &'a Flags, config: &'a Config) -> Work<'a> {
        match self {
            Self::Demo(c) => Box::pin(c.run(config)),
            Self::Serve(c) => Box::pin(c.run(config)),
            Self::Ingest(c) => Box::pin(c.run(config)),
            Self::Ask(c) => Box::pin(c.run(config)),
            Self::Chat(c) => Box::pin(c.run(config)),
            Self::Unanswered(c) => Box::pin(c.run(config)),
            Self::Answers(c) => Box::pin(c.run(config)),
            Self::Propose(c) => Box::pin(c.run(config)),
            Self::Agents(c) => Box::pin(c.run(config)),
            Self::Channels(c) => Box::pin(c.run(config)),
            Self::DeadLetters(c) => Box::pin(c.run(config)),
            Self::Models(c) => Box::pin(c.run(config)),
            Self::Doctor(c) => Box::pin(c.run(Ok(config.clone()))),
            Self::Extract(c) => Box::pin(c.run(config)),
            Self::Eval(c) => Box::pin(c.run(config)),
            Self::Sim(c) => Box::pin(c.run(config)),
            Self::Bench(c) => Box::pin(c.run(config)),
            Self::CreateAdmin(c) => Box::pin(c.run(config)),
            Self::Seed(c) => Box::pin(c.run(config)),
            Self::Backup(c) => Box::pin(c.run(config)),
            Self::Restore(c) => Box::pin(c.run(config)),
            Self::Reset(c) => Box::pin(c.run(config)),
            Self::Keys(c) => Box::pin(c.run(config)),
            Self::Openapi(c) => Box::pin(async move { c.run() }),
            Self::Migrate(c) => Box::pin(c.run(config)),
            Self::MigrateTo(c) => Box::pin(c.run(flags, config)),
            Self::ResetLog(c) => Box::pin(c.run(config)),
        }
    }
}

#[cfg(test)]
mod tests;
