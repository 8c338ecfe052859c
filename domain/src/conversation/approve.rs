//! Calls that wait for a person's word, and what follows from it.
//!
//! A held call gets its result, "a person was asked", in the commit that intends it, and its turn goes on. What was decided
//! comes back as a turn of its own, whose first step is the recorded call: intended, run, resumed and told to the model as
//! every other call is.

use super::{
    decide::Draft,
    event::Event,
    state::{Mode, Phase},
};
use crate::{
    agent::Approvals,
    approval::{CallPlace, Risk, Ruling, Taken, Verdict, Why},
    conversation::Effect,
    failure::Failure,
    ids::TurnNo,
    model::Completion,
    tool::{ToolCall, ToolResult, ToolStatus},
};

/// The code of a held call's result.
pub(super) const ASKED: &str = "approval.asked";
pub(super) const DENIED: &str = "approval.denied";

impl Draft<'_> {
    /// Why this call of a completion waits for a person; `None` if it runs.
    pub(super) fn why(&self, risks: &[Risk], index: u32) -> Option<Why> {
        let risk = risks.iter().find(|r| r.index == index)?;
        let policy = self.ctx.profile.approvals;
        let held = match policy {
            Approvals::Never => false,
            Approvals::Tainted => !risk.taints.is_empty(),
            Approvals::Unsafe => true,
        };
        held.then(|| Why { policy, taints: risk.taints.clone() })
    }

    /// Whether this call was judged as one of an unsafe tool, and is free to run as such.
    pub(super) fn is_free(&self, risks: &[Risk], index: u32) -> bool {
        self.ctx.profile.approvals == Approvals::Never || risks.iter().any(|r| r.index == index)
    }

    /// Its tool became unsafe after it was judged: what the model had read then is not at hand any more, so that nobody
    /// can say where its arguments came from, and a person is asked.
    pub(super) fn hold_late(&mut self, place: CallPlace, call: ToolCall) {
        let policy = self.ctx.profile.approvals;
        self.hold(place, call, Why { policy, taints: Vec::new() });
    }

    /// Asks a person, unless one was asked for the very same: a customer who asks again must not make it two.
    pub(super) fn hold(&mut self, place: CallPlace, call: ToolCall, why: Why) {
        let same = |c: &ToolCall| c.name == call.name && c.arguments == call.arguments;
        if !self.c.held.iter().any(|h| same(&h.call)) {
            self.event(Event::ApprovalRequested { place, call, why });
        }
        let CallPlace { turn, step, index } = place;
        self.event(Event::ToolSettled { turn, step, index, result: asked() });
    }

    pub(super) fn ruled(&mut self, rulings: Vec<Ruling>) {
        let running = self.c.turn().and_then(|t| t.ruling.as_ref()).map(|r| r.place);
        let known = |r: &Ruling| Some(r.place) == running || self.c.ruled.iter().any(|k| k.place == r.place);
        let new: Vec<Ruling> = rulings.into_iter().filter(|r| !known(r)).collect();
        if !new.is_empty() {
            self.event(Event::Ruled(new));
        }
    }

    /// When nothing else is to be done, the next decision is carried out, or told to the model.
    pub(super) fn next_ruling(&mut self) {
        while let (Phase::Idle, Some(next)) = (&self.c.phase, self.c.ruled.first().cloned()) {
            if self.c.mode != Mode::Agent && next.verdict != Verdict::Approved {
                self.event(Event::RulingTaken { place: next.place, taken: Taken::Silently });
                continue;
            }
            let turn = self.c.next_turn;
            self.event(Event::RulingOpened { turn, at: self.ctx.now });
            self.effect(Effect::AskPermit { turn });
        }
    }

    /// The turn has its permit: the recorded call becomes its first step.
    pub(super) fn carry_out(&mut self, turn: TurnNo, ruling: &Ruling) {
        self.event(Event::RulingTaken { place: ruling.place, taken: Taken::ByTurn(turn) });
        let completion = Completion { calls: vec![ruling.call.clone()], ..Completion::default() };
        self.event(Event::StepCompleted { turn, step: 0, completion });
        match &ruling.verdict {
            Verdict::Approved => {
                let (call, key) = (ruling.call.clone(), ruling.key.clone());
                self.effect(Effect::RunTool { turn, step: 0, index: 0, call, key, resumed: false, as_unsafe: true });
            }
            Verdict::Denied { reason } => {
                self.event(Event::ToolSettled { turn, step: 0, index: 0, result: denied(reason.as_deref()) });
                self.acted(turn);
            }
        }
    }

    /// The running turn ends before its ruling was taken up: it will not be.
    pub(super) fn drop_ruling(&mut self, cause: Failure) {
        let waits = self.c.turn().filter(|t| t.steps.is_empty()).and_then(|t| t.ruling.as_ref());
        if let Some(place) = waits.map(|r| r.place) {
            self.event(Event::RulingTaken { place, taken: Taken::Failed(cause) });
        }
    }
}

fn asked() -> ToolResult {
    let content = "Not done yet: a person of the team has to approve this call and was asked. Tell the person you are \
        talking to that a colleague will look at it and that you come back to them. Do not call it again.";
    refused(content.to_owned(), Failure::reject(ASKED, "a person was asked"))
}

/// The reason is for the model to put into words of its own, and for no log.
fn denied(reason: Option<&str>) -> ToolResult {
    let because = reason.map(|r| format!(" The reason: {r}.")).unwrap_or_default();
    let content = format!(
        "Not done: a person of the team decided against this call.{because} Tell the person you are talking to, and do \
         not call it again."
    );
    refused(content, Failure::reject(DENIED, "a person decided against it"))
}

fn refused(content: String, failure: Failure) -> ToolResult {
    ToolResult { status: ToolStatus::Failed { failure }, ..ToolResult::done(content) }
}
