//! Tasks of tau2-bench's retail domain as scenarios: a person's request, the calls that are known to be right, and what
//! must be said. The data is its authors'; only its reading is here.

mod score;

pub use score::{Score, Survivor, Tally, mutants, score};

use crate::{
    scenario::{
        AgentSpec, CallSpec, Calls, ChannelSpec, ConversationSpec, Effect, EndState, Expectations, FORMAT, Gold,
        LoadError, ModelSpec, Provenance, Runs, Scenario, ScriptedMessage, Span, Texts, ToolSetSpec, UserSpec,
        WorldSpec,
    },
    toolset,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

const SET: &str = "tau2-retail";
const DATABASE: &str = "db.json";
/// The tenant next door, whose word nobody here may see.
pub(crate) const NEIGHBOUR: &str = "neighbour";

/// The retail domain, as its folder holds it.
#[derive(Debug, Clone)]
pub struct Retail {
    tasks: Vec<Task>,
    policy: String,
    base: Arc<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Task {
    id: String,
    user_scenario: Person,
    evaluation_criteria: Criteria,
}

#[derive(Debug, Clone, Deserialize)]
struct Person {
    instructions: Instructions,
}

#[derive(Debug, Clone, Deserialize)]
struct Instructions {
    reason_for_call: String,
    known_info: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Criteria {
    #[serde(default)]
    actions: Vec<GoldAction>,
    #[serde(default)]
    communicate_info: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct GoldAction {
    name: String,
    arguments: BTreeMap<String, Value>,
}

impl Retail {
    /// Reads `tasks.json`, `db.json` and `policy.md` of a folder.
    ///
    /// # Errors
    /// Names the file that cannot be read or understood.
    pub fn open(folder: &Path) -> Result<Self, LoadError> {
        let policy = text(&folder.join("policy.md"))?;
        Ok(Self { tasks: json(&folder.join("tasks.json"))?, policy, base: Arc::new(json(&folder.join(DATABASE))?) })
    }

    /// One scenario for each task, with an oracle; the database's path is relative to the folder.
    #[must_use]
    pub fn scenarios(&self) -> Vec<Scenario> {
        self.tasks.iter().map(|task| self.scenario(task)).collect()
    }

    fn scenario(&self, task: &Task) -> Scenario {
        let call = |a: &GoldAction| CallSpec { tool: a.name.clone(), arguments: a.arguments.clone() };
        let calls: Vec<CallSpec> = task.evaluation_criteria.actions.iter().map(call).collect();
        let told = &task.evaluation_criteria.communicate_info;
        let gold = Gold { calls: calls.clone(), say: says(told) };
        Scenario {
            format: FORMAT.to_owned(),
            name: format!("{SET}-{}", task.id),
            about: task.user_scenario.instructions.reason_for_call.clone(),
            provenance: Some(Provenance {
                source: "github.com/sierra-research/tau2-bench, retail".to_owned(),
                licence: Some("MIT".to_owned()),
                note: None,
            }),
            runs: Runs::default(),
            world: self.world(calls.len()),
            model: ModelSpec::Oracle(gold),
            tools: Vec::new(),
            toolset: Some(ToolSetSpec {
                name: SET.to_owned(),
                database: DATABASE.to_owned(),
                takes: Span::millis(50),
                base: Arc::clone(&self.base),
            }),
            conversations: vec![person(&task.user_scenario.instructions)],
            timeline: Vec::new(),
            faults: Vec::new(),
            expect: expected(calls, told),
        }
    }

    /// The shop, and another tenant that has nothing to do with it.
    fn world(&self, calls: usize) -> WorldSpec {
        let desk = AgentSpec {
            instructions: self.policy.clone(),
            tools: vec![SET.to_owned()],
            // One for the answer, and some for an agent that looks more often than it must.
            max_steps: u32::try_from(calls).unwrap_or(u32::MAX).saturating_add(8),
            ..AgentSpec::default()
        };
        let other = AgentSpec { name: "other".to_owned(), tenant: NEIGHBOUR.to_owned(), ..AgentSpec::default() };
        let next_door = ChannelSpec { name: "wa2".to_owned(), agent: other.name.clone(), ..ChannelSpec::default() };
        WorldSpec {
            agents: vec![desk, other],
            channels: vec![ChannelSpec::default(), next_door],
            ..WorldSpec::default()
        }
    }
}

fn person(instructions: &Instructions) -> ConversationSpec {
    let texts = instructions.known_info.iter().chain([&instructions.reason_for_call]).filter(|t| !t.trim().is_empty());
    let message = |(n, text): (u64, &String)| ScriptedMessage { at: Span::millis(1_000 + 400 * n), text: text.clone() };
    ConversationSpec {
        channel: ChannelSpec::default().name,
        peer: "15550000001".to_owned(),
        people: 1,
        user: UserSpec::Script { messages: (0..).zip(texts).map(message).collect() },
    }
}

/// What the oracle says after its calls.
pub(crate) fn says(told: &[String]) -> String {
    if told.is_empty() { "All done.".to_owned() } else { format!("All done: {}.", told.join("; ")) }
}

fn expected(calls: Vec<CallSpec>, told: &[String]) -> Expectations {
    let tools = toolset::named(SET).map_or(&[][..], |s| s.tools);
    let unasked = tools.iter().filter(|t| t.effect == Effect::Unsafe && !calls.iter().any(|c| c.tool == t.name));
    let forbidden = unasked.map(|t| t.name.to_owned()).collect();
    Expectations {
        tools: Calls { forbidden, calls: calls.clone(), ..Calls::default() },
        texts: Texts { must_say: told.to_vec(), never_say: Vec::new() },
        database: Some(EndState { replay: calls }),
        ..Expectations::default()
    }
}

fn text(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|e| LoadError::Field(path.display().to_string(), e.to_string()))
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    serde_json::from_str(&text(path)?).map_err(|e| LoadError::Field(path.display().to_string(), e.to_string()))
}
