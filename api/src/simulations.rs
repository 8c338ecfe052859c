//! What runs scenarios for teams. The simulator itself is not the API's: worlds of strangers are run in a process of their
//! own.

use async_trait::async_trait;
use colloquy_domain::failure::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes that a scenario may have.
pub const LONGEST_SCENARIO: usize = 200_000;
/// Runs of one simulation.
pub const MOST_TRIALS: u32 = 200;

/// What a scenario says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub name: String,
    /// Of its first run.
    pub seed: u64,
    pub trials: u32,
}

/// A scenario to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    pub name: &'static str,
    /// As YAML.
    pub scenario: &'static str,
}

/// What one run showed. Version 1; it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimulatedRun {
    pub v: u16,
    pub seed: u64,
    /// `pass`, `fail_agent`, `fail_user_sim`, `fail_infra` or `inconclusive`.
    pub verdict: String,
    /// Promises that were broken, expectations that were not met, and what else stands against it.
    pub problems: Vec<String>,
    /// Two runs with the same one are the same, event by event.
    pub trace_hash: String,
    pub virtual_seconds: f64,
    /// Faults that struck.
    pub faults: u64,
    pub replies: u64,
    pub abstentions: u64,
    pub tool_calls: u64,
    pub cost_usd: f64,
    /// The first conversations, with what people got.
    pub conversations: Vec<SimulatedConversation>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimulatedConversation {
    /// `channel/person`.
    pub who: String,
    pub replies: Vec<String>,
}

/// Two scenarios on the same conversations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    pub conversations: usize,
    pub a: ComparedSide,
    pub b: ComparedSide,
    pub changed: Vec<ComparedAnswer>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedSide {
    pub verdict: String,
    pub replies: u64,
    pub abstentions: u64,
    pub tool_calls: u64,
    pub cost_usd: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedAnswer {
    /// `channel/person`.
    pub who: String,
    /// Which answer of the conversation, from 1.
    pub answer: usize,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// Runs scenarios in virtual time, with bounds on time and memory.
#[async_trait]
pub trait Simulator: Send + Sync {
    /// Scenarios to start from.
    fn examples(&self) -> Vec<Example>;

    /// # Errors
    /// Reject: `simulation.scenario` says where it is none, or leads outside of itself; those of [`Simulator::run`].
    async fn check(&self, scenario: &str) -> Result<About, Failure>;

    /// # Errors
    /// As [`Simulator::check`]; reject: `simulation.bounds` (it takes too long, or too much memory), `simulation.answer`
    /// (the simulator is of another version).
    /// Retry: `simulation.start`.
    async fn run(&self, scenario: &str, seed: u64) -> Result<SimulatedRun, Failure>;

    /// The run's page for people: its timeline with faults. HTML that needs nothing but itself.
    ///
    /// # Errors
    /// As [`Simulator::run`].
    async fn page(&self, scenario: &str, seed: u64) -> Result<String, Failure>;

    /// # Errors
    /// As [`Simulator::run`]; both must have the same conversations.
    async fn compare(&self, a: &str, b: &str, seed: u64) -> Result<Compared, Failure>;
}
