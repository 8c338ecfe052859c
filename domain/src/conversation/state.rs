//! The state of one conversation.

use crate::{
    agent::{AgentProfile, Refusal},
    approval::{Held, Ruling, Verdict},
    disclosure::Disclosed,
    ids::{AgentId, ChannelId, ConversationId, Seq, StepNo, TenantId, TurnNo},
    journey::Travel,
    knowledge::Passage,
    language::Language,
    message::{InboxItem, Peer},
    model::{Step, Usage},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a conversation is of; never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub tenant: TenantId,
    pub id: ConversationId,
    pub channel: ChannelId,
    pub peer: Peer,
    /// Replies are read by the client itself (web chat): nothing goes to the outbox.
    pub pull: bool,
    /// Replies are read out to a caller.
    pub spoken: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    pub key: Key,
    pub mode: Mode,
    /// The agent that answers in the place of the channel's own.
    pub active: Option<AgentId>,
    /// What the person writes in; `None` until it is known.
    pub language: Option<Language>,
    /// When the person was last told that a machine speaks.
    pub disclosed: Option<Disclosed>,
    pub next_turn: TurnNo,
    /// The highest inbox number that was taken in.
    pub seen: Seq,
    /// Taken in, without outcome, not part of the running turn; in order.
    pub waiting: Vec<InboxItem>,
    /// Messages whose recordings somebody is listening to.
    pub listening: Vec<Seq>,
    /// Calls that nobody has decided about, or whose decision was not taken up.
    pub held: Vec<Held>,
    /// Something was done that can be undone: people may order that at any time.
    pub undoable: bool,
    /// What people decided of them, in order, not taken up; read again after a crash.
    pub ruled: Vec<Ruling>,
    /// Journeys that were begun, each at most once for each agent, in the order in which they last moved.
    pub travels: Vec<Travel>,
    /// What journeys want the person to be told with the next reply.
    pub to_say: Vec<String>,
    pub phase: Phase,
}

/// Who speaks for the team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Mode {
    Agent,
    /// A person does; the agent is silent.
    Operator {
        since: Timestamp,
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Idle,
    Gathering(Gathering),
    Turn(Turn),
}

/// A burst is coming in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathering {
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub no: TurnNo,
    /// The messages that it answers, in order; empty only if a ruling opened it.
    pub items: Vec<InboxItem>,
    /// A person's decision about a held call opened it: its first step is that call.
    pub ruling: Option<Box<Ruling>>,
    pub passages: Vec<Passage>,
    /// What finding out who answers, and the last retrieval's question in other words, cost; the next completion's cost
    /// contains it.
    pub rewriting: Usage,
    pub steps: Vec<Step>,
    pub stage: Stage,
    /// The agents that had the turn before, in order.
    pub relays: Vec<Relay>,
    pub started_at: Timestamp,
    /// Restored after a crash: tool calls without a result may have been started.
    pub resumed: bool,
}

/// An agent handed the turn to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    pub by: AgentId,
    /// The first step of whoever has it then.
    pub next: StepNo,
    /// What the turn had cost by then, in millionths of a US dollar; others were charged for it.
    pub cost_micros: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    AwaitingPermit,
    /// Who should answer is being found out.
    Routing,
    Retrieving,
    /// A completion is being made; `step` is its number.
    Thinking {
        step: StepNo,
    },
    /// The calls of the last step are running.
    Acting,
    Refused(Refusal),
}

impl Conversation {
    /// On the journeys of this agent.
    #[must_use]
    pub fn travels_of(&self, agent: AgentId) -> Vec<&Travel> {
        self.travels.iter().filter(|t| t.agent == agent).collect()
    }

    #[must_use]
    pub const fn turn(&self) -> Option<&Turn> {
        match &self.phase {
            Phase::Turn(t) => Some(t),
            Phase::Idle | Phase::Gathering(_) => None,
        }
    }

    /// The language of what is said in it.
    #[must_use]
    pub fn speaks(&self, profile: &AgentProfile) -> Language {
        self.language.unwrap_or_else(|| profile.speaks(self.key.spoken))
    }

    /// Nothing to do and nothing to lose: the actor may go.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        matches!(self.phase, Phase::Idle)
            && self.waiting.is_empty()
            && self.listening.is_empty()
            && self.ruled.is_empty()
    }

    /// A tool is at work for it: stopping now would leave that call's outcome unknown.
    #[must_use]
    pub fn is_acting(&self) -> bool {
        self.turn().is_some_and(|t| t.unsettled().next().is_some())
    }
}

impl Turn {
    /// The next completion's number.
    #[must_use]
    pub fn next_step(&self) -> StepNo {
        StepNo::try_from(self.steps.len()).unwrap_or(StepNo::MAX)
    }

    /// How many steps the agent that has the turn took so far.
    #[must_use]
    pub fn own_steps(&self) -> StepNo {
        self.next_step() - self.relays.last().map_or(0, |r| r.next)
    }

    /// Calls of the last step that have no result yet: (place, call).
    pub fn unsettled(&self) -> impl Iterator<Item = (u32, &crate::tool::ToolCall)> {
        self.steps.last().into_iter().flat_map(|s| {
            s.completion
                .calls
                .iter()
                .zip(&s.results)
                .zip(0_u32..)
                .filter_map(|((call, result), index)| result.is_none().then_some((index, call)))
        })
    }

    /// An approved call is being carried out, or about to be.
    #[must_use]
    pub fn carries_out(&self) -> bool {
        let open = self.steps.is_empty() || (self.steps.len() == 1 && self.unsettled().next().is_some());
        open && self.ruling.as_ref().is_some_and(|r| r.verdict == Verdict::Approved)
    }

    /// What its tools answered.
    pub fn results(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().flat_map(|s| s.results.iter().flatten()).map(|r| r.content.as_str())
    }

    /// Passages of the retrieval, then those that tools found: the order that citations number.
    #[must_use]
    pub fn citable(&self) -> Vec<Passage> {
        let found = self.steps.iter().flat_map(|s| s.results.iter().flatten()).flat_map(|r| r.passages.iter());
        let mut all: Vec<Passage> = Vec::new();
        for p in self.passages.iter().chain(found) {
            if !all.iter().any(|q| q.document == p.document && q.offset == p.offset) {
                all.push(p.clone());
            }
        }
        all
    }
}
