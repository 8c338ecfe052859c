//! What a turn did is undone when it ends in failure.
//!
//! Who was told that nothing came of it must have no table and have paid nothing: the calls that said how they are undone are,
//! the last one first. An order to undo is an approved call at a place of its own; from there on it is carried out, resumed
//! and told as every ruling is. People order the same beside the conversation.

use super::{decide::Draft, event::Event, state::Turn};
use crate::{
    approval::{CallPlace, Undoing},
    failure::Failure,
    tool::{ToolStatus, Undo},
};

impl Draft<'_> {
    pub(super) fn undo(&mut self, t: &Turn, cause: &Failure) {
        let whose = (self.c.key.tenant, self.c.key.id);
        let last_inbound_at = t.items.iter().map(|i| i.received_at).max().unwrap_or(self.ctx.now);
        for (done, undo) in undoable(t) {
            let (undoing, reason) = (Undoing::of(done, undo, whose), cause.code.clone());
            self.event(Event::UndoOrdered { undoing, reason, last_inbound_at });
        }
    }
}

/// What was done and is undone without anybody asking, the last first.
fn undoable(t: &Turn) -> Vec<(CallPlace, &Undo)> {
    let mut found = Vec::new();
    for step in &t.steps {
        for (index, result) in (0_u32..).zip(&step.results) {
            let done = result.as_ref().filter(|r| r.status == ToolStatus::Done);
            let undo = done.and_then(|r| r.undo.as_ref()).filter(|undo| undo.automatic);
            found.extend(undo.map(|undo| (CallPlace { turn: t.no, step: step.no, index }, undo)));
        }
    }
    found.reverse();
    found
}
