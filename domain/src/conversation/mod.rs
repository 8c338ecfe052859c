//! The conversation state machine: gather, turn, tools, reply, hand-over.
//!
//! [`decide`] says what an input means, [`evolve`] applies it, [`project`] turns it into the rows to commit and
//! [`Snapshot`] is what a crash leaves. Phases before the first journalled completion are rebuilt from the inbox, so a
//! plain turn costs one commit.

mod approve;
mod aside;
mod control;
mod decide;
mod effect;
mod endings;
mod event;
mod evolve;
mod hand_off;
mod input;
mod journeys;
mod listen;
mod people;
mod project;
mod prompt;
mod rewrite;
mod route;
mod snapshot;
mod state;
mod undo;

pub use aside::{answered, aside};
pub use control::HELD_ELSEWHERE;
pub use decide::{Ctx, Decision, decide};
pub use effect::{Effect, Timer};
pub use event::{Event, Written};
pub use evolve::evolve;
pub use input::Input;
pub use project::{
    Commit, Cut, JournalRow, JournalWhat, LedgerRow, NewDeadLetter, NewHeard, NewMessage, NewOutbox, NewUnanswered,
    Settled, TimerChange, project,
};
pub use prompt::{Prompt, completion_request, retrieval_query};
pub use rewrite::{Rewritten, rewrite, rewrite_request};
pub use route::{Routed, WAIT as ROUTE_WAIT, asks_whose, compared, compared_words, route_request, routed};
pub use snapshot::{OpenTurn, Snapshot};
pub use state::{Conversation, Gathering, Key, Mode, Phase, Relay, Stage, Turn};

#[cfg(test)]
mod tests;
