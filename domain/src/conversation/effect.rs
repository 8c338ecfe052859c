//! What a decision asks the world to do. `actors/effects.rs` holds the only match on it.

use crate::{
    ids::{Seq, StepNo, TurnNo},
    time::Timestamp,
    tool::ToolCall,
};

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send [`super::Input::TimerFired`] at that time. A timer that is set again replaces the earlier one.
    SetTimer {
        timer: Timer,
        at: Timestamp,
    },
    /// Write down what is said in the recording that came with this message. Of no turn: nothing but the end of the
    /// conversation's actor ends it.
    Listen {
        message: Seq,
    },
    /// Ask the agent for a permit.
    AskPermit {
        turn: TurnNo,
    },
    /// The turn is over: give its permit back with what it cost.
    ReturnPermit {
        turn: TurnNo,
        cost_micros: u64,
    },
    /// Show the person that an answer is being made.
    ShowTyping {
        turn: TurnNo,
    },
    /// Find out which agent should answer.
    Route {
        turn: TurnNo,
    },
    Retrieve {
        turn: TurnNo,
    },
    CallModel {
        turn: TurnNo,
        step: StepNo,
    },
    /// The intent is committed; `resumed` if an earlier run may have started the call.
    RunTool {
        turn: TurnNo,
        step: StepNo,
        index: u32,
        call: ToolCall,
        /// Its idempotency key: that of the place where it was first intended.
        key: String,
        resumed: bool,
        /// It may run if its tool is unsafe.
        as_unsafe: bool,
    },
    /// Abort whatever runs for this turn.
    CancelWork {
        turn: TurnNo,
    },
    /// There is something in the outbox.
    WakeChannel,
    /// The conversation goes to people: where the channel's people work in another program, give it to that one, once what was
    /// said is delivered.
    PassControl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The burst may be over.
    Gather,
    /// The turn took too long.
    TurnDeadline { turn: TurnNo },
}
