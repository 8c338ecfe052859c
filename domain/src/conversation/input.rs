//! What may happen to a conversation.

use super::{effect::Timer, event::Written, route::Routed};
use crate::{
    agent::Refusal,
    approval::{Risk, Ruling},
    failure::Failure,
    ids::{AgentId, Seq, StepNo, TurnNo},
    knowledge::Passage,
    message::InboxItem,
    model::{CompletionResult, Transcript, Usage},
    tool::ToolResult,
};

/// Answers of finished work name their turn and step: those of a turn that is over change nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The actor started; re-issue what the state says is pending.
    Activated,
    /// Items of the inbox, in order; those that were seen before change nothing.
    Arrived(Vec<InboxItem>),
    TimerFired(Timer),
    /// A recording was listened to.
    Heard {
        message: Seq,
        result: Result<Transcript, Failure>,
    },
    PermitGranted {
        turn: TurnNo,
    },
    PermitRefused {
        turn: TurnNo,
        why: Refusal,
    },
    /// Who should answer, see [`super::route`].
    Routed {
        turn: TurnNo,
        routed: Routed,
    },
    Retrieved {
        turn: TurnNo,
        /// What the question in other words cost, see [`super::rewrite`].
        rewriting: Usage,
        result: Result<Vec<Passage>, Failure>,
    },
    Completed {
        turn: TurnNo,
        step: StepNo,
        result: CompletionResult,
        /// Its calls that could do harm, see [`crate::taint::risks`].
        risks: Vec<Risk>,
    },
    ToolSettled {
        turn: TurnNo,
        step: StepNo,
        index: u32,
        result: ToolResult,
    },
    /// The person spoke over what the agent said in this turn, of which they heard only `heard`.
    Interrupted {
        turn: TurnNo,
        heard: String,
    },
    /// Decisions about held calls that were not taken up; those that were seen before change nothing.
    Ruled(Vec<Ruling>),
    /// A person takes the conversation.
    TakenOver {
        reason: String,
    },
    /// A person of the team writes; where the agent spoke, they take the conversation with it.
    Wrote(Written),
    /// A person says which agent has it; none is the channel's own.
    AgentChosen {
        agent: Option<AgentId>,
    },
    /// A person gives it back, or the time with a person is over.
    Returned,
    /// The actor crashed too often on what is pending: end it.
    Poisoned {
        cause: Failure,
    },
}
