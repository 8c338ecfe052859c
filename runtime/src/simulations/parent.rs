//! Asks a child, with bounds on its time; one at a time, since each takes a processor.

use super::{Answered, Asked, EXAMPLES};
use async_trait::async_trait;
use colloquy_api::simulations::{About, Compared, Example, SimulatedRun, Simulator};
use colloquy_domain::failure::Failure;
use std::{io, path::PathBuf, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    sync::Semaphore,
    time::timeout,
};

/// Less than a job's lease, so that nobody else begins the same run.
const PATIENCE: Duration = Duration::from_secs(90);
/// What an answer may have: a page is the largest.
const MOST_BYTES: u64 = 64 << 20;

pub struct Simulations {
    /// This program.
    program: PathBuf,
    turn: Semaphore,
}

impl Simulations {
    pub fn new(program: PathBuf) -> Self {
        Self { program, turn: Semaphore::new(1) }
    }

    async fn ask(&self, asked: &Asked) -> Result<Answered, Failure> {
        let gone = |_| Failure::retry("simulation.start", "the program ends");
        let _turn = self.turn.acquire().await.map_err(gone)?;
        let question = serde_json::to_vec(asked)
            .map_err(|e| Failure::reject("simulation.scenario", format!("it cannot be handed on: {e}")))?;
        let start = |e: io::Error| Failure::retry("simulation.start", format!("the simulator could not be run: {e}"));
        let output = timeout(PATIENCE, self.answer(&question)).await.map_err(|_| bounds())?.map_err(start)?;
        // Whatever ended it: it was within its bounds of time, of memory, or of what it may say.
        match serde_json::from_slice(&output).map_err(|_| bounds())? {
            Answered::Wrong(why) => Err(Failure::reject("simulation.scenario", why)),
            answered => Ok(answered),
        }
    }

    async fn answer(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let mut command = Command::new(&self.program);
        command.args(["sim", "hosted"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // What is secret in the environment stays here.
        command.kill_on_drop(true).env_clear().env("RUST_BACKTRACE", "0");
        // A Ctrl-C at the terminal is for the parent, which then drops the child.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(question).await?;
        }
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MOST_BYTES).read_to_end(&mut output).await?;
        }
        Ok(output)
    }
}

fn bounds() -> Failure {
    Failure::reject("simulation.bounds", "the run took too much time or memory: make it smaller")
}

fn confused() -> Failure {
    Failure::reject("simulation.answer", "the simulator answered something else than what it was asked")
}

#[async_trait]
impl Simulator for Simulations {
    fn examples(&self) -> Vec<Example> {
        EXAMPLES.to_vec()
    }

    async fn check(&self, scenario: &str) -> Result<About, Failure> {
        match self.ask(&Asked::About { scenario: scenario.to_owned() }).await? {
            Answered::About(about) => Ok(about),
            _ => Err(confused()),
        }
    }

    async fn run(&self, scenario: &str, seed: u64) -> Result<SimulatedRun, Failure> {
        match self.ask(&Asked::Run { scenario: scenario.to_owned(), seed }).await? {
            Answered::Run(run) => Ok(run),
            _ => Err(confused()),
        }
    }

    async fn page(&self, scenario: &str, seed: u64) -> Result<String, Failure> {
        match self.ask(&Asked::Page { scenario: scenario.to_owned(), seed }).await? {
            Answered::Page(page) => Ok(page),
            _ => Err(confused()),
        }
    }

    async fn compare(&self, a: &str, b: &str, seed: u64) -> Result<Compared, Failure> {
        match self.ask(&Asked::Compare { a: a.to_owned(), b: b.to_owned(), seed }).await? {
            Answered::Compared(compared) => Ok(compared),
            _ => Err(confused()),
        }
    }
}
