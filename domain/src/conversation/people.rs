//! What people of the team do to a conversation: they take it, write in it, and give it back.

use super::{
    decide::{Draft, spent},
    effect::Effect,
    event::{Event, Written},
    state::{Mode, Turn},
};
use crate::message::Outcome;

impl Draft<'_> {
    pub(super) fn taken_over(&mut self, reason: String) {
        // An approved call is carried out whoever speaks; its turn then ends unsaid.
        let ends = |t: &&Turn| !t.carries_out();
        if let Some(t) = self.c.turn().filter(ends).cloned() {
            self.effect(Effect::CancelWork { turn: t.no });
            let outcome = Outcome::HandedOver { reason: reason.clone() };
            self.event(Event::TurnEnded { turn: t.no, outcome, notice: None });
            self.return_permit(t.no, spent(&t));
        }
        self.silence(reason);
    }

    /// Whoever writes has the conversation: the agent's turn ends unsaid, and its return is put off. What was planned comes
    /// from nobody who is there.
    pub(super) fn wrote(&mut self, words: Written) {
        match self.c.mode.clone() {
            _ if words.planned => {}
            Mode::Agent => self.taken_over("a person of the team answered".to_owned()),
            mode @ Mode::Operator { .. } => {
                if let Some(after) = self.ctx.profile.return_after {
                    self.event(Event::ModeChanged { mode, return_at: Some(self.ctx.now + after) });
                }
            }
        }
        self.event(Event::Wrote(words));
        self.effect(Effect::WakeChannel);
    }

    /// The agent falls silent; what waits goes to the person, too.
    pub(super) fn silence(&mut self, reason: String) {
        let return_at = self.ctx.profile.return_after.map(|d| self.ctx.now + d);
        let mode = Mode::Operator { since: self.ctx.now, reason: reason.clone() };
        self.event(Event::ModeChanged { mode, return_at });
        if !self.c.waiting.is_empty() {
            let seqs = self.c.waiting.iter().map(|i| i.seq).collect();
            self.event(Event::Dismissed { seqs, outcome: Outcome::HandedOver { reason } });
        }
    }

    pub(super) fn returned(&mut self) {
        if self.c.mode != Mode::Agent {
            self.event(Event::ModeChanged { mode: Mode::Agent, return_at: None });
        }
    }
}
