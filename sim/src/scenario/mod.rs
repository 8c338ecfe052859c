//! Scenarios, `convsim/1`: what a simulated world is, who writes what in it, what goes wrong, and what must be true.

mod channel;
mod expect;
mod gold;
mod knowledge;
mod load;
mod people;
mod server;
mod span;
mod until;

pub use channel::{Approval, Author, ChannelKind, ChannelSpec, TemplateSpec};
pub use expect::{Calls, Expectations, PassK, Texts, Times};
pub use gold::{EndState, Gold, ToolSetSpec};
pub use knowledge::{BaseSpec, Citations, DocumentSpec};
pub use load::{LoadError, from_file, from_yaml, leads_outside, schema, to_yaml};
pub use people::{Automaton, ConversationSpec, Fact, Honesty, Played, Replay, ScriptedMessage, UserSpec};
pub use server::ServerSpec;
pub use span::Span;
pub use until::{Datum, Until};

use crate::{fault::FaultSpec, model::Mutation, saved::Saved};
use colloquy_domain::journey::Journey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format's name, the first line of each scenario.
pub const FORMAT: &str = "convsim/1";

/// One scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// `convsim/1`.
    pub format: String,
    pub name: String,
    /// What it shows, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    #[serde(default)]
    pub runs: Runs,
    #[serde(default)]
    pub world: WorldSpec,
    #[serde(default)]
    pub model: ModelSpec,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolset: Option<ToolSetSpec>,
    pub conversations: Vec<ConversationSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<TimelineEvent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultSpec>,
    #[serde(default)]
    pub expect: Expectations,
}

impl Scenario {
    /// Whether a real model answers, or plays somebody.
    fn asks_a_server(&self) -> bool {
        let real = |model: &ModelSpec| matches!(model, ModelSpec::Openai(_));
        let plays = |user: &UserSpec| matches!(user, UserSpec::Model(played) if real(&played.model));
        real(&self.model) || self.conversations.iter().any(|c| plays(&c.user))
    }
}

/// Where a scenario comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How often it is run, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Runs {
    /// Of the first trial; each further one has the next.
    pub seed: u64,
    pub trials: u32,
}

impl Default for Runs {
    fn default() -> Self {
        Self { seed: 1, trials: 1 }
    }
}

/// What there is before anybody writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorldSpec {
    /// When the world begins, as RFC 3339.
    pub start: String,
    /// A file that `sim run --save-world` wrote, relative to the scenario's file: the world goes on from there, when that one
    /// ended or at `start`, whichever is later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_from: Option<String>,
    /// The file's content, once it was read.
    #[serde(skip)]
    pub resumed: Option<std::sync::Arc<Saved>>,
    /// How many nodes run over the one store; 1 is an installation without a cluster.
    pub nodes: u8,
    /// Lanes of the log: 1 to 64. More than one is what a cluster's log has.
    pub lanes: u8,
    pub agents: Vec<AgentSpec>,
    pub channels: Vec<ChannelSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub knowledge: Vec<BaseSpec>,
    /// How long a model writes what it says, word by word, after it has thought: people may see it meanwhile.
    #[serde(skip_serializing_if = "is_at_once")]
    pub writing: Span,
    /// How long everything may take to come to rest after the last message and the last event.
    pub settle: Span,
}

fn is_at_once(span: &Span) -> bool {
    span.0.is_zero()
}

impl Default for WorldSpec {
    fn default() -> Self {
        Self {
            start: "2026-03-02T09:00:00Z".to_owned(),
            resume_from: None,
            resumed: None,
            nodes: 1,
            lanes: 1,
            agents: vec![AgentSpec::default()],
            channels: vec![ChannelSpec::default()],
            knowledge: Vec::new(),
            writing: Span::default(),
            settle: Span(std::time::Duration::from_secs(3600)),
        }
    }
}

/// An agent and whose it is; a tenant is there when an agent names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentSpec {
    pub name: String,
    pub tenant: String,
    pub instructions: String,
    /// `en` or `fr`.
    pub language: String,
    /// Names of tools; the name of the tool set stands for all of its tools.
    pub tools: Vec<String>,
    /// Whom it may hand a conversation to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub team: Vec<MemberSpec>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<Journey>,
    /// Whom it may ask.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub specialists: Vec<MemberSpec>,
    /// Who answers what people come with. A scripted model routes by a rule of this agent that says nothing but a name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteSpec>,
    /// How that is found out. By `meaning` messages are compared with the routes' words, and no model is asked.
    #[serde(skip_serializing_if = "RouteBy::is_usual")]
    pub route_by: RouteBy,
    /// Names of knowledge bases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub knowledge: Vec<String>,
    /// The turn opens when nothing came for this long…
    pub quiet: Span,
    /// …and at the latest this long after the first message.
    pub cap: Span,
    pub during_turn: DuringTurn,
    pub approvals: Approvals,
    /// Completions of one turn that may call tools.
    pub max_steps: u32,
    pub max_concurrent_turns: u32,
    /// Millionths of a US dollar a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_budget_micros: Option<u64>,
    /// After this time with a person the agent takes the conversation back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_after: Option<Span>,
    /// The template of its channels that goes out in the place of answers whose window has closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_fallback: Option<String>,
}

impl Default for AgentSpec {
    fn default() -> Self {
        Self {
            name: "desk".to_owned(),
            tenant: "acme".to_owned(),
            instructions: String::new(),
            language: "en".to_owned(),
            tools: Vec::new(),
            team: Vec::new(),
            journeys: Vec::new(),
            specialists: Vec::new(),
            routes: Vec::new(),
            route_by: RouteBy::Model,
            knowledge: Vec::new(),
            quiet: Span::millis(800),
            cap: Span::millis(5_000),
            during_turn: DuringTurn::Queue,
            approvals: Approvals::Tainted,
            max_steps: 6,
            max_concurrent_turns: 64,
            daily_budget_micros: None,
            return_after: None,
            template_fallback: None,
        }
    }
}

/// Another agent of the same tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberSpec {
    pub agent: String,
    /// When to hand to it, or to ask it, in words for a model.
    pub when: String,
}

/// Where something leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Another agent of the same tenant.
    pub to: String,
    /// What leads there, in words for a model.
    pub when: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// How it is found out whose a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum RouteBy {
    #[default]
    Model,
    Meaning,
}

impl RouteBy {
    fn is_usual(&self) -> bool {
        *self == Self::Model
    }
}

/// What happens to a message that arrives during a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DuringTurn {
    Queue,
    Merge,
    Interrupt,
    Reject,
}

/// Which calls of unsafe tools wait for a person of the team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approvals {
    Never,
    /// Those whose arguments came from documents or from other programs.
    Tainted,
    Unsafe,
}

/// Who answers in the agent's place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ModelSpec {
    /// Repeats what the person wrote, and cites the first passage if there is one. A message that holds `[tool NAME {…}]` makes it call that tool first, if it was offered; `[try NAME {…}]` in any case. `[to NAME]` is whose it is, where an agent has routes.
    #[default]
    Echo,
    /// The first rule whose words are in the messages of the turn answers.
    Scripted { rules: Vec<Rule> },
    /// Answers with the sentence of the passages that fits best, and cites it; without passages it does not know.
    Quotes,
    /// Does what is known to be right.
    Oracle(Gold),
    /// Says what was said before: the answer to the same words, or to the last words if none are the same.
    Cassette { answers: Vec<Heard> },
    /// An oracle with one mistake, by which expectations are tested.
    Mutant { gold: Gold, mutation: Mutation },
    /// A real model. The world stands still while it is asked.
    Openai(ServerSpec),
}

impl ModelSpec {
    /// Reads the files that it names.
    fn load(&mut self, folder: &std::path::Path, field: &str) -> Result<(), LoadError> {
        if let Self::Openai(server) = self { server.load(folder, field) } else { Ok(()) }
    }
}

/// An answer that was given once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// The last message before it.
    pub heard: String,
    pub said: String,
}

/// What a scripted model does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The agent that it is of; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Words that the messages of the turn must hold, whatever their case; none: any message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
    /// Calls to make first, each in a completion of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallSpec>,
    pub say: String,
    /// Documents that the answer rests on; if it is not given a passage of each, it does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallSpec {
    pub tool: String,
    #[serde(default)]
    pub arguments: BTreeMap<String, serde_json::Value>,
}

/// A tool that there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolSpec {
    pub name: String,
    #[serde(default = "Effect::read")]
    pub effect: Effect,
    /// What it says.
    #[serde(default)]
    pub result: String,
    #[serde(default)]
    pub takes: Span,
    /// The tool that undoes what it did, also when the turn ends in failure. It is given the call's arguments as `undone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<String>,
}

/// What happens in the world when a tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Read,
    Idempotent,
    Unsafe,
}

impl Effect {
    const fn read() -> Self {
        Self::Read
    }
}

/// Something that happens to the world at its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimelineEvent {
    /// Age of the world.
    pub at: Span,
    #[serde(rename = "do")]
    pub action: Action,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// The node dies and starts anew after `lasts`.
    Kill { node: String, lasts: Span },
    /// The node stands still for `lasts`.
    Pause { node: String, lasts: Span },
    /// The node ends in an orderly way and starts anew after `lasts`.
    Restart { node: String, lasts: Span },
    /// The node reaches neither the log nor the other nodes for `lasts`.
    Cut { node: String, lasts: Span },
    /// A person takes the conversation.
    TakeOver { channel: String, peer: String },
    /// The agent takes the conversation back.
    GiveBack { channel: String, peer: String },
    /// A person of the team approves all calls that the conversation waits for; who never does ignores them.
    Approve { channel: String, peer: String },
    /// …or denies them.
    Deny { channel: String, peer: String },
    /// A person of the team has all undone that was done so far and can be undone.
    Undo { channel: String, peer: String },
    /// A person of the team writes in the provider's own app.
    Operator { channel: String, peer: String, text: String },
    /// A person of the team, or a program, writes over the API, whatever the window: it is judged when it is sent.
    Say {
        channel: String,
        peer: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
        #[serde(default)]
        by: Author,
        /// It says this template.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
    },
    /// The person says that they do not want to be written to: STOP, or blocking the account in the provider's app.
    OptOut { channel: String, peer: String },
    /// …or that they want to again.
    OptIn { channel: String, peer: String },
    /// The provider has another word on a template.
    Template { channel: String, template: String, status: Approval },
    /// A document is uploaded; one of that name gets new content.
    Upload { base: String, document: String, text: String },
    /// A document is deleted.
    Delete { base: String, document: String },
}

impl Action {
    /// The knowledge base that it concerns.
    #[must_use]
    pub const fn base(&self) -> Option<&String> {
        match self {
            Self::Upload { base, .. } | Self::Delete { base, .. } => Some(base),
            _ => None,
        }
    }
}
