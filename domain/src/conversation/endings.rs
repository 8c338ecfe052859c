//! How turns end that nobody answers: out of time, in failure, with a person.

use super::{
    decide::{Draft, spent},
    effect::Effect,
    event::Event,
    state::Mode,
};
use crate::{
    approval::Taken,
    failure::Failure,
    ids::TurnNo,
    message::{Heard, Outcome},
    model::Usage,
    outbound::Reply,
    phrases::Phrase,
};

impl Draft<'_> {
    pub(super) fn deadline(&mut self, turn: TurnNo) {
        let Some(t) = self.turn_at(turn, |_| true) else { return };
        if t.unsettled().next().is_some() {
            // Stopped in the middle of a call: nobody can know what it did.
            self.effect(Effect::CancelWork { turn });
            self.hand_over(turn, "a tool did not answer in time".to_owned());
        } else {
            self.fail(turn, Failure::retry("turn.deadline", "the turn took longer than the agent allows"));
        }
    }

    pub(super) fn fail(&mut self, turn: TurnNo, cause: Failure) {
        let Some(t) = self.c.turn().cloned() else { return };
        let usage = spent(&t);
        self.effect(Effect::CancelWork { turn });
        if t.ruling.is_some() {
            // Nobody asked again, so there is no message to be a dead letter: a person tells what came of it.
            self.hand_over(
                turn,
                format!("the agent could not say what came of a decision about a tool ({})", cause.code),
            );
            return;
        }
        self.undo(&t, &cause);
        let notice = Some(self.disclosing(self.notice(turn, Phrase::Failed, usage)));
        self.event(Event::TurnEnded { turn, outcome: Outcome::DeadLettered { cause }, notice });
        self.effect(Effect::WakeChannel);
        self.turn_over(turn, usage);
    }

    pub(super) fn hand_over(&mut self, turn: TurnNo, reason: String) {
        let Some(usage) = self.c.turn().map(spent) else { return };
        let notice = self.notice(turn, Phrase::HandedOver, usage);
        self.end_with_person(turn, reason, notice);
    }

    pub(super) fn end_with_person(&mut self, turn: TurnNo, reason: String, notice: Reply) {
        if self.c.mode != Mode::Agent {
            self.end_unsaid(turn);
            return;
        }
        let usage = notice.usage;
        let notice = self.disclosing(notice);
        let outcome = Outcome::HandedOver { reason: reason.clone() };
        self.event(Event::TurnEnded { turn, outcome, notice: Some(notice) });
        self.effect(Effect::WakeChannel);
        self.silence(reason);
        self.effect(Effect::PassControl);
        self.turn_over(turn, usage);
    }

    /// Somebody else speaks: what the turn did stays, and nothing is said.
    pub(super) fn end_unsaid(&mut self, turn: TurnNo) {
        let (Some(usage), Mode::Operator { reason, .. }) = (self.c.turn().map(spent), self.c.mode.clone()) else {
            return;
        };
        self.event(Event::TurnEnded { turn, outcome: Outcome::HandedOver { reason }, notice: None });
        self.turn_over(turn, usage);
    }

    /// After a turn: what came during it is next.
    pub(super) fn turn_over(&mut self, turn: TurnNo, usage: Usage) {
        self.return_permit(turn, usage);
        self.gather();
    }

    /// The turn cost so much: whoever has it is charged for their part.
    pub(super) fn return_permit(&mut self, turn: TurnNo, usage: Usage) {
        let cost_micros = usage.cost_micros.saturating_sub(self.charged);
        self.effect(Effect::ReturnPermit { turn, cost_micros });
    }

    pub(super) fn poisoned(&mut self, cause: &Failure) {
        let outcome = Outcome::DeadLettered { cause: cause.clone() };
        self.drop_ruling(cause.clone());
        for message in self.c.listening.clone() {
            let heard = Heard::Nothing { cause: cause.code.clone() };
            self.event(Event::Heard { message, heard, usage: Usage::default() });
        }
        if let Some(t) = self.c.turn().cloned() {
            self.effect(Effect::CancelWork { turn: t.no });
            // Who wrote nothing is told nothing.
            let notice = (!t.items.is_empty()).then(|| self.disclosing(self.notice(t.no, Phrase::Failed, spent(&t))));
            self.event(Event::TurnEnded { turn: t.no, outcome: outcome.clone(), notice });
            self.effect(Effect::WakeChannel);
            self.return_permit(t.no, spent(&t));
        }
        if !self.c.waiting.is_empty() {
            let seqs = self.c.waiting.iter().map(|i| i.seq).collect();
            self.event(Event::Dismissed { seqs, outcome });
        }
        for ruling in self.c.ruled.clone() {
            self.event(Event::RulingTaken { place: ruling.place, taken: Taken::Failed(cause.clone()) });
        }
    }
}
