use crate::{
    bench::{self, cluster::Phase},
    config::Config,
    exit::{CommandResult, Outcome, Stop},
    out,
};
use clap::{Args, Subcommand, ValueEnum};
use colloquy_rag::models::{ModelFiles, ModelState, manifest::DEFAULT_MODEL};
use std::{path::PathBuf, time::Duration};

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
///   a loud tenant      has 0.3 of the measured turns per second, each of twenty quiet ones a hundredth of that: replies to
///                      the quiet ones with and without the loud one, by turns
///   added latency      from the call that appends a message to the log until its reply is committed, at a fifth of the
///                      measured turns per second; compared with the commits of single rows in the same seconds
///
/// Everything happens in a scratch folder that is removed afterwards; no data is touched, no provider is called. Run it
/// with a release build, and on the disk that will hold the data. It takes a few minutes. The exit code is 0 whether
/// or not the targets are met.
///
/// `colloquy bench cluster` does the same for PostgreSQL, NATS and several nodes, `colloquy bench sim` for the simulator;
/// `colloquy bench reads` measures lists and pages of a full database; `colloquy bench search` and `colloquy bench ingest`
/// measure knowledge, `colloquy bench pacing` how fast a burst of messages leaves, `colloquy bench voice` how long callers wait.
///
/// Example:
///   colloquy bench --dir /var/lib/colloquy
///   colloquy bench --json | jq '.targets[] | select(.met | not)'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true)]
pub struct Bench {
    #[command(subcommand)]
    what: Option<What>,
    /// Seconds for each measurement
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Folder for the scratch data [default: the data folder if there is one, else the current folder]
    #[arg(long, value_name = "DIR", value_parser = existing_folder)]
    dir: Option<PathBuf>,
    /// Print all figures and {targets: [{name, bound, measured, met}]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    Cluster(OnCluster),
    Reads(OfReads),
    Search(OfSearch),
    Ingest(OfIngest),
    Pacing(OfPacing),
    Voice(OfVoice),
    Sim(OnSim),
    /// A node of that benchmark: a process of its own.
    #[command(hide = true)]
    Node,
}

/// Measure how fast the simulator is, next to the bare actors
///
/// People write messages, minutes apart, within a virtual day. By turns they write to a simulated world (drivers, providers,
/// seams, traces, checkers, and the restart of every node in the end) and to the bare actors on the same store and clock.
/// Both run on one core. It needs no server and no data folder.
///
/// What is counted:
///   messages             answered, by the seconds that the machine took
///   hours people talk    from each person's first message to their last, all together
///   conversation-hours   conversations x virtual hours of the world, as `colloquy sim` counts them
///
/// Example:
///   colloquy bench sim --json | jq .ratio
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct OnSim {
    /// People in each round
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    conversations: u64,
    /// Print all figures and {targets: [{name, bound, measured, met}]}
    #[arg(long)]
    json: bool,
}

/// Servers on which a benchmark runs.
#[derive(Debug, Args)]
pub struct OnEngines {
    /// Any database of the server, `postgres://…` [default: the configured one, DATABASE_URL]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// `nats://…` [default: the configured one, NATS_URL]
    #[arg(long, value_name = "URL")]
    pub nats_url: Option<String>,
}

/// Measure PostgreSQL, NATS and one to three nodes on them, side by side
///
/// First what the engines give at most, then what nodes make of it, in one run whose rounds alternate: turns per second
/// of one, two and three nodes, fsyncs and commits for each turn, what a rolling restart of all nodes adds to the time
/// of an answer, and what a tenant with a hundred times the load of each other one adds to theirs. Nodes are processes
/// of this program; people write by signed WhatsApp webhooks over HTTP, and a stand-in for the Graph API takes the
/// replies: a turn counts when its reply has arrived there. The model answers at once.
///
/// What is counted:
///   turn transactions  a turn takes part in 4 transactions of the database: into the inbox, the reply, its claim, its
///                      result. The limit runs exactly their statements, one turn after the other on each of 32
///                      connections with accounts and conversations of their own, with nothing else around
///   ratio              turns per second x 4 / those transactions per second
///   fsyncs per turn    of PostgreSQL's write-ahead log (pg_stat_wal), the whole server's, so nothing else may use it
///   entries            of the log in NATS: 128 to a message and one message on its way to each of the lanes' streams,
///                      as the log does it, and one to a message, 256 on their way. Whether NATS fsyncs each message
///                      before it acknowledges is its own setting (`sync_interval: always`), which no client can see
///   moderate load      restarts and neighbours are measured at 0.3 of the turns per second that three nodes do of 32
///                      conversations at once: the loud tenant has all of that, each of twenty quiet ones a hundredth
///   a loud tenant      replies to the quiet ones with and without the loud one, by turns, 1,400 of each unless that takes
///                      ten times the seconds asked for
///   restart            each node in turn gets SIGTERM and is started again; a request that a node does not take is sent
///                      to the next one, as a load balancer does. A turn without exactly one reply has failed
///
/// It needs PostgreSQL (the role must be allowed to make databases: ALTER ROLE … CREATEDB) and NATS with JetStream, both
/// named as for `serve`, and no vector store. Everything happens in two scratch databases and in streams with a prefix
/// of their own, which are removed afterwards. Run it with a release build and on engines that do nothing else. The
/// exit code is 0 whether or not the targets are met.
///
/// Example:
///   DATABASE_URL=postgres://me@localhost/postgres NATS_URL=nats://localhost:4222 colloquy bench cluster
///   colloquy bench cluster --only neighbour
///   colloquy bench cluster --seconds 20 --json | jq '.targets[] | select(.met | not)'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct OnCluster {
    #[command(flatten)]
    engines: OnEngines,
    /// Seconds for each measurement
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
    /// Measure this alone; may be given several times
    #[arg(long, value_name = "PHASE")]
    only: Vec<Phase>,
    /// Print all figures and {targets: [{name, bound, measured, met}]}
    #[arg(long)]
    json: bool,
}

/// Measure the lists and pages of a team whose database is full
///
/// Fills a database with conversations of many people (each of whom wrote and was answered as often as the others, but for
/// one who wrote much; some were handed over, closed, tagged, noted; replies of every other channel were delivered, read, or
/// failed), and a second tenant with a tenth of all that. Then the whole application serves it, and clients in this process
/// read every list and page that a team uses daily, over HTTP with an API key: one request after the other, then 4 at
/// once. The times are those of whole requests; those of `/health/live` stand beside them. In the end somebody signs in.
///
/// It runs on SQLite in a scratch folder; where PostgreSQL and NATS are named (as for `serve`, without a vector store), in a
/// scratch database there, for which the role must be allowed to make databases. Everything is removed afterwards. Run it
/// with a release build. The exit code is 0 whether or not the targets are met.
///
/// Example:
///   colloquy bench reads
///   colloquy bench reads --messages 100000 --contacts 10000 --json | jq '.targets[] | select(.met | not)'
///   DATABASE_URL=postgres://me@localhost/postgres NATS_URL=nats://localhost:4222 colloquy bench reads
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct OfReads {
    #[command(flatten)]
    engines: OnEngines,
    /// Messages of the tenant that is measured, received and sent
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    messages: u32,
    /// People who wrote them, each in a conversation
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(200..=10_000_000))]
    contacts: u32,
    /// Seconds for each measurement
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Folder for the scratch data [default: the data folder if there is one, else the current folder]
    #[arg(long, value_name = "DIR", value_parser = existing_folder)]
    dir: Option<PathBuf>,
    /// Print all figures and {targets: [{name, bound, measured, met}]}
    #[arg(long)]
    json: bool,
}

/// Measure searches over a filled embedded index
///
/// Fills an index in a scratch folder with made-up passages (words with the frequencies of a language, vectors in clusters,
/// both by subject), of which one tenant has half and fifty share the rest, optimises it, opens it anew, and asks as an
/// agent does: the best hundred passages by words and by meaning, filtered by tenant and knowledge base, fused and read.
/// The time that the embedding model takes for a question is not in the figures. A release build writes 100,000 passages
/// in a few minutes.
///
/// Example:
///   colloquy bench search --passages 100000
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct OfSearch {
    /// Passages in the index
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    passages: u32,
    /// Questions of each tenant that is measured
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    questions: u32,
    /// Folder for the scratch data [default: the data folder if there is one, else the current folder]
    #[arg(long, value_name = "DIR", value_parser = existing_folder)]
    dir: Option<PathBuf>,
    /// Print all figures and {targets: [{name, bound, measured, met}]}
    #[arg(long)]
    json: bool,
}

/// Measure how a burst of messages keeps to a provider's rates
///
/// A program writes so many messages to so many Telegram chats as fast as it can. They leave through the real driver to a
/// stand-in for the Bot API on this machine that counts: so many messages in any second, to one chat one a second with
/// bursts of 3. What is too fast is answered with 429. Others may ask meanwhile: what is shown of their answers must not
/// keep the burst waiting.
///
/// Example:
///   colloquy bench pacing
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct OfPacing {
    /// Messages, all together
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    messages: u32,
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    chats: u32,
    /// Messages in any second that the provider takes
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// People and groups who ask something else meanwhile, again and again, and see their answers being written
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    askers: u32,
    /// Folder for the scratch data [default: the data folder if there is one, else the current folder]
    #[arg(long, value_name = "DIR", value_parser = existing_folder)]
    dir: Option<PathBuf>,
    /// Print all figures and {targets: [{name, bound, measured, met}]}
    #[arg(long)]
    json: bool,
}

/// Measure the silence that Colloquy adds to a call
///
/// Callers speak by turns, as Twilio tells of it: with requests (gather), until the document that says the answer, and on a
/// line (relay), until the first words of it. The model stands in on this machine and takes a known time, which is not
/// counted. Everything else is: what was said is durable before the model is asked.
///
/// Example:
///   colloquy bench voice
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct OfVoice {
    /// Turns of each kind
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    turns: u32,
    /// Calls at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    calls: u32,
    /// Milliseconds that the model takes
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=4_000))]
    model: u64,
    /// Folder for the scratch data [default: the data folder if there is one, else the current folder]
    #[arg(long, value_name = "DIR", value_parser = existing_folder)]
    dir: Option<PathBuf>,
    /// Print all figures and {targets: [{name, bound, measured, met}]}
    #[arg(long)]
    json: bool,
}

/// Measure what one document takes from the file to searchable passages
///
/// Reads, cuts, embeds and stores it in a scratch folder, with the installed embedding model or with other weights of it.
/// `benches/ingestion` in the sources compares this with a Python pipeline.
///
/// Example:
///   colloquy bench ingest handbook.pdf
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct OfIngest {
    file: PathBuf,
    /// Weights of all-MiniLM-L6-v2 as an ONNX file [default: the installed ones]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Its tokenizer.json [default: the installed one]
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// The library of ONNX Runtime [default: the installed one]
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Write the texts that were embedded to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    chunks: Option<PathBuf>,
    /// Print {chunks, pages, seconds, cpu_seconds, model_seconds} on one line
    #[arg(long)]
    json: bool,
}

impl OfIngest {
    async fn run(self, config: &Config) -> CommandResult {
        let chosen = self.weights.clone().zip(self.tokenizer.clone()).zip(self.library.clone());
        let files = match (chosen, config.models().with(DEFAULT_MODEL).locate()) {
            (Some(((weights, tokenizer), library)), _) => ModelFiles { library, weights, tokenizer },
            (None, ModelState::Ready(installed)) => ModelFiles {
                library: self.library.unwrap_or(installed.library),
                weights: self.weights.unwrap_or(installed.weights),
                tokenizer: self.tokenizer.unwrap_or(installed.tokenizer),
            },
            (None, ModelState::Missing { what, hint }) => return Err(Stop::wrong(format!("{what}: {hint}"))),
        };
        let work = bench::ingest::Work { file: self.file, files, chunks: self.chunks };
        let report = Box::pin(bench::ingest::run(config, work)).await?;
        if self.json {
            out::line(serde_json::to_string(&report)?);
        } else {
            report.print();
        }
        Ok(Outcome::Done)
    }
}

impl Bench {
    /// Whether it runs on engines, of which not all need to be configured.
    pub const fn is_on_engines(&self) -> bool {
        matches!(self.what, Some(What::Cluster(_) | What::Reads(_) | What::Node))
    }

    pub const fn engines(&self) -> Option<&OnEngines> {
        match &self.what {
            Some(What::Cluster(cluster)) => Some(&cluster.engines),
            Some(What::Reads(reads)) => Some(&reads.engines),
            _ => None,
        }
    }

    pub const fn usual_log(&self) -> &'static str {
        match &self.what {
            Some(What::Node) => "warn,qdrant_edge=error,async_nats=off",
            _ => "error",
        }
    }

    pub async fn run(self, config: &Config) -> CommandResult {
        let usual = if config.data_dir.is_dir() { config.data_dir.clone() } else { PathBuf::from(".") };
        match self.what {
            Some(What::Node) => {
                bench::cluster::serve_node(config).await?;
                return Ok(Outcome::Done);
            }
            Some(What::Cluster(cluster)) => {
                let phases = if cluster.only.is_empty() { Phase::value_variants() } else { &cluster.only };
                let report = Box::pin(bench::cluster::run(config, cluster.seconds, phases)).await?;
                return told(cluster.json, &report, || report.print());
            }
            Some(What::Ingest(ingest)) => return ingest.run(config).await,
            Some(What::Reads(reads)) => {
                let work = bench::reads::Work {
                    messages: reads.messages as usize,
                    contacts: reads.contacts as usize,
                    lasting: Duration::from_secs(reads.seconds),
                };
                let report = Box::pin(bench::reads::run(config, &reads.dir.unwrap_or(usual), work)).await?;
                return told(reads.json, &report, || report.print());
            }
            Some(What::Search(search)) => {
                let dir = search.dir.unwrap_or(usual);
                let (passages, questions) = (search.passages as usize, search.questions as usize);
                let report = Box::pin(bench::search::run(&dir, passages, questions)).await?;
                return told(search.json, &report, || report.print());
            }
            Some(What::Pacing(pacing)) => {
                let OfPacing { messages, chats, rate, askers, dir, json } = pacing;
                let work = bench::pacing::Work { messages, chats, rate, askers };
                let report = Box::pin(bench::pacing::run(&dir.unwrap_or(usual), work)).await?;
                return told(json, &report, || report.print());
            }
            Some(What::Voice(voice)) => {
                let OfVoice { turns, calls, model, dir, json } = voice;
                let work = bench::voice::Work { turns, calls, thinks: Duration::from_millis(model) };
                let report = Box::pin(bench::voice::run(&dir.unwrap_or(usual), work)).await?;
                return told(json, &report, || report.print());
            }
            Some(What::Sim(sim)) => {
                let report = bench::sim::measure(sim.conversations).await?;
                return told(sim.json, &report, || report.print());
            }
            None => {}
        }
        let report = Box::pin(bench::run(&self.dir.unwrap_or(usual), self.seconds)).await?;
        told(self.json, &report, || report.print())
    }
}

fn existing_folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such folder".to_owned()) }
}

fn told(json: bool, report: &impl serde::Serialize, print: impl FnOnce()) -> CommandResult {
    if json {
        out::json(report)?;
    } else {
        print();
    }
    Ok(Outcome::Done)
}
