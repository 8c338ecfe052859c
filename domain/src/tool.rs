//! Tools that an agent may call.

use crate::{
    failure::Failure,
    ids::{ConversationId, KnowledgeBaseId, StepNo, TenantId, TurnNo},
    knowledge::Passage,
    language::Language,
    specialist::Asked,
    team::{HandOff, Teammate},
    tool_limits::OfAgent,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// What happens in the world when a tool runs; decides what recovery may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectClass {
    /// Changes nothing: may run again.
    Read,
    /// Changes something, but the same key changes it once: may run again with the same key.
    Idempotent,
    /// May change something twice: never started again by itself.
    Unsafe,
}

/// The code of a call that did not run because its tool became unsafe after the call was judged.
pub const BECAME_UNSAFE: &str = "tool.became_unsafe";

/// A tool as a model sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments, as JSON text.
    pub parameters: String,
    pub effect: EffectClass,
    pub timeout: Duration,
}

/// How often a tool may be called, and how long a call may take; what is none is as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ToolLimits {
    pub timeout_seconds: Option<u32>,
    /// Calls within any 60 seconds, of all agents of a tenant.
    pub per_minute: Option<u32>,
    /// Calls within any 24 hours.
    pub per_day: Option<u32>,
}

impl ToolLimits {
    /// Whether calls have to be counted.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.per_minute.is_some() || self.per_day.is_some()
    }
}

/// Which tool undoes what a call of another did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoneBy {
    /// As the declaring tool's own server calls it; of ours, as agents do.
    pub tool: String,
    /// By the names of its arguments: JSON pointers into what was done, such as `/arguments/item` or `/result/id`.
    pub arguments: BTreeMap<String, String>,
    /// Also when the turn ends in failure, without anybody asking.
    pub automatic: bool,
}

/// The call that undoes one that was carried out: made with its result, so that it is that one's whatever is changed later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// As agents call it.
    pub tool: String,
    /// JSON text.
    pub arguments: String,
    pub automatic: bool,
}

/// The limit that a call would have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    PerMinute(u32),
    PerDay(u32),
    /// In millionths: what may be moved in a day, and what was.
    Money {
        most: u64,
        moved: u64,
    },
}

/// A call that a model asks for. The arguments are what the model wrote: JSON text, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own id of the call, echoed back to it.
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// A call on its way to the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolInvocation {
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub turn: TurnNo,
    pub step: StepNo,
    /// Place of the call in its step.
    pub index: u32,
    pub call: ToolCall,
    /// hash(tenant, conversation, turn, step, index): the idempotency key.
    pub key: String,
    /// The intent was committed by a run that ended before the result was: it may have started before.
    pub resumed: bool,
    /// It was judged as the call of an unsafe tool: the agent's policy lets it run, or a person did.
    pub as_unsafe: bool,
    /// What the agent may know.
    pub bases: Vec<KnowledgeBaseId>,
    /// The tools that this agent was given; anything else is refused.
    pub allowed: Vec<String>,
    /// What limits this agent's use of the tool.
    pub limits: Option<OfAgent>,
    /// Whom it may hand the conversation to; only filled where it asks to.
    pub team: Vec<Teammate>,
    pub language: Language,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// What the model reads next.
    pub content: String,
    pub status: ToolStatus,
    /// Passages that the call found; they can be cited after those of the turn.
    pub passages: Vec<Passage>,
    /// Set when the call asks that a person takes over.
    pub hand_over: Option<String>,
    /// Set when the call asks that another agent goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_off: Option<HandOff>,
    /// What undoes it, of one that was done and can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// Set when another agent answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ToolStatus {
    Done,
    /// The model is told and may try otherwise.
    Failed {
        failure: Failure,
    },
    /// It cannot be known whether it happened: a person must look.
    Uncertain {
        failure: Failure,
    },
}

impl ToolResult {
    pub fn done(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            status: ToolStatus::Done,
            passages: Vec::new(),
            hand_over: None,
            hand_off: None,
            undo: None,
            asked: None,
        }
    }

    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        let content = format!("error: {failure}");
        Self { status: ToolStatus::Failed { failure }, ..Self::done(content) }
    }

    #[must_use]
    pub fn uncertain(failure: Failure) -> Self {
        let content = format!("outcome unknown: {failure}");
        Self { status: ToolStatus::Uncertain { failure }, ..Self::done(content) }
    }
}
