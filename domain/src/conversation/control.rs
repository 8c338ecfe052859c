//! A conversation that several programs may answer: the agent is silent while another one holds it.

use super::{
    decide::Draft,
    effect::Effect,
    state::{Conversation, Mode},
};
use crate::message::{Control, InboxItem};

/// Why the agent is silent then. Only with this reason does a message that came to us end its silence: whatever a person
/// of the team took stays theirs.
pub const HELD_ELSEWHERE: &str = "another program has the conversation";

/// Whether the agent is silent only because another program had the conversation, and one of the messages proves that it has
/// not any more: the provider gives what a person writes to whoever holds the conversation. What was written before may have
/// been on its way meanwhile.
fn is_ours_again(c: &Conversation) -> bool {
    let Mode::Operator { since, reason } = &c.mode else { return false };
    reason == HELD_ELSEWHERE && c.waiting.iter().any(|item| item.inbound.sent_at > *since)
}

impl Draft<'_> {
    /// What the provider told of who holds the conversation, in the order of arrival.
    pub(super) fn follow_control(&mut self, new: &[InboxItem]) {
        for control in new.iter().filter_map(|item| item.inbound.content.control()) {
            match control {
                Control::Gained => self.returned(),
                Control::Wanted => {
                    if self.c.mode == Mode::Agent {
                        self.taken_over(HELD_ELSEWHERE.to_owned());
                    }
                    self.effect(Effect::PassControl);
                }
                Control::Lost if self.c.mode == Mode::Agent => self.taken_over(HELD_ELSEWHERE.to_owned()),
                Control::Lost => {}
            }
        }
        if is_ours_again(&self.c) {
            self.returned();
        }
    }
}
