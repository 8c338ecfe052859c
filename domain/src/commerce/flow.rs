//! The machine that carries something out at other services, step by step: `decide` says what follows, `evolve` applies
//! it. Pure.
//!
//! **Never twice.** An intent is committed before its call. Whoever finds an intent without its outcome is in doubt: then
//! steps that the other side knows by our key are repeated under the same key, and the others are looked for first. Only a
//! look that found nothing leads back to an intent. What stays in doubt ends as uncertain, and a person (or the other side)
//! has it looked at again.

use crate::time::Timestamp;
use std::time::Duration;

/// Calls at one step before it is given up.
pub const MOST_TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowKind {
    Reserve,
    CancelReservation,
    CreateOrder,
    Pay,
    CancelOrder,
    /// All that was paid goes back.
    Refund,
    /// Somebody else gave it back, it is said.
    RefundSeen,
    /// A refund failed after all, it is said.
    RefundChecked,
}

impl FlowKind {
    pub const ALL: [Self; 8] = [
        Self::Reserve,
        Self::CancelReservation,
        Self::CreateOrder,
        Self::Pay,
        Self::CancelOrder,
        Self::Refund,
        Self::RefundSeen,
        Self::RefundChecked,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::CancelReservation => "cancel_reservation",
            Self::CreateOrder => "create_order",
            Self::Pay => "pay",
            Self::CancelOrder => "cancel_order",
            Self::Refund => "refund",
            Self::RefundSeen => "refund_seen",
            Self::RefundChecked => "refund_checked",
        }
    }

    /// In this order.
    #[must_use]
    pub const fn steps(self) -> &'static [Step] {
        match self {
            Self::Reserve => &[Step::AddToCalendar, Step::AddToSheet],
            Self::CancelReservation => &[Step::RemoveFromCalendar, Step::AddToSheet],
            Self::CreateOrder => &[Step::CreatePayment],
            Self::Pay => &[Step::ConfirmPayment, Step::AddToSheet],
            Self::CancelOrder => &[Step::CancelPayment],
            Self::Refund => &[Step::RefundPayment, Step::AddToSheet],
            Self::RefundSeen => &[Step::FindRefund, Step::AddToSheet],
            Self::RefundChecked => &[Step::FindRefund],
        }
    }

    /// Whether it is about a reservation; otherwise about an order.
    #[must_use]
    pub const fn of_reservation(self) -> bool {
        matches!(self, Self::Reserve | Self::CancelReservation)
    }
}

/// One call at another service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    AddToCalendar,
    RemoveFromCalendar,
    CreatePayment,
    ConfirmPayment,
    CancelPayment,
    RefundPayment,
    /// Finds out what went back of a payment, and changes nothing.
    FindRefund,
    AddToSheet,
}

impl Step {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddToCalendar => "add_to_calendar",
            Self::RemoveFromCalendar => "remove_from_calendar",
            Self::CreatePayment => "create_payment",
            Self::ConfirmPayment => "confirm_payment",
            Self::CancelPayment => "cancel_payment",
            Self::RefundPayment => "refund_payment",
            Self::FindRefund => "find_refund",
            Self::AddToSheet => "add_to_sheet",
        }
    }

    /// Whether the other side does it once however often it is asked. Otherwise it is looked for before it is repeated.
    /// (Confirming and refunding a payment are known by their keys, too, but a look tells more: what the payer did
    /// meanwhile; what went back long ago, when the key is forgotten.)
    #[must_use]
    pub const fn is_keyed(self) -> bool {
        !matches!(self, Self::ConfirmPayment | Self::RefundPayment | Self::FindRefund | Self::AddToSheet)
    }

    /// Whether the rest goes on without it: a row that is missing in a sheet takes nobody's table away.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::AddToSheet)
    }
}

/// What is known of the present step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was called.
    Ready,
    /// Somebody is about to call, or calls.
    Intended,
    /// A call was perhaps made, and nobody knows what it did.
    Doubt,
}

impl Phase {
    pub const ALL: [Self; 3] = [Self::Ready, Self::Intended, Self::Doubt];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Intended => "intended",
            Self::Doubt => "doubt",
        }
    }
}

/// How a flow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    /// A required step was refused; nothing of it happened.
    Failed,
    /// A required step stays in doubt.
    Uncertain,
}

/// Where a flow is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    pub kind: FlowKind,
    /// Steps that are over.
    pub past: usize,
    pub phase: Phase,
    /// Calls at this step that settled nothing.
    pub tries: u32,
    pub due_at: Timestamp,
    pub end: Option<End>,
    /// The code of the last trouble.
    pub code: Option<String>,
    /// Optional steps that did not happen (or perhaps did).
    pub skipped: Vec<String>,
}

impl Flow {
    #[must_use]
    pub const fn new(kind: FlowKind, now: Timestamp) -> Self {
        Self { kind, past: 0, phase: Phase::Ready, tries: 0, due_at: now, end: None, code: None, skipped: Vec::new() }
    }

    /// One whose first step may have been done by somebody else: it is looked at before anything is called.
    #[must_use]
    pub fn in_doubt(kind: FlowKind, now: Timestamp) -> Self {
        Self { phase: Phase::Doubt, ..Self::new(kind, now) }
    }

    /// The present step; none when all are over.
    #[must_use]
    pub const fn step(&self) -> Option<Step> {
        let steps = self.kind.steps();
        if self.past < steps.len() { Some(steps[self.past]) } else { None }
    }

    /// Whether `step` happened.
    #[must_use]
    pub const fn is_past(&self, step: Step) -> bool {
        let steps = self.kind.steps();
        let mut n = 0;
        while n < self.past && n < steps.len() {
            if steps[n] as u8 == step as u8 {
                return true;
            }
            n += 1;
        }
        false
    }
}

/// What comes to a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A runner takes it up.
    Take,
    /// What came of a call.
    Answer(Answer),
    /// Somebody knows more, or wants it looked at again.
    Again,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is so, whoever did it.
    Happened,
    /// This service is not used here: there is nothing to do.
    Unneeded,
    /// A look: it did not happen.
    Absent,
    /// It did not happen and never will.
    Refused { code: String },
    /// Nothing came of this call: later.
    Later { code: String, after: Option<Duration> },
    /// It may have happened.
    Unknown { code: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Intended,
    /// An intent was found without its outcome.
    Doubted,
    /// A look found nothing.
    Cleared,
    Over,
    Skipped {
        code: String,
    },
    Postponed {
        until: Timestamp,
        code: String,
        in_doubt: bool,
    },
    Ended {
        end: End,
        code: Option<String>,
    },
    Resumed {
        at: Timestamp,
    },
}

/// What is called, once the events are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Act(Step),
    /// Finds out whether it happened, and changes nothing.
    Look(Step),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    pub events: Vec<Event>,
    pub effect: Option<Effect>,
}

/// What follows from an input.
#[must_use]
pub fn decide(flow: &Flow, input: Input, now: Timestamp) -> Decision {
    match input {
        Input::Again => again(flow, now),
        _ if flow.end.is_some() => Decision::default(),
        Input::Take => take(flow),
        Input::Answer(answer) => Decision { events: settle(flow, answer, now), effect: None },
    }
}

fn again(flow: &Flow, now: Timestamp) -> Decision {
    let open = matches!(flow.end, None | Some(End::Uncertain));
    Decision { events: open.then_some(Event::Resumed { at: now }).into_iter().collect(), effect: None }
}

fn take(flow: &Flow) -> Decision {
    let Some(step) = flow.step() else { return Decision::default() };
    let (event, effect) = match flow.phase {
        Phase::Ready => (Some(Event::Intended), Effect::Act(step)),
        Phase::Intended => (Some(Event::Doubted), in_doubt(step)),
        Phase::Doubt => (None, in_doubt(step)),
    };
    Decision { events: event.into_iter().collect(), effect: Some(effect) }
}

const fn in_doubt(step: Step) -> Effect {
    if step.is_keyed() { Effect::Act(step) } else { Effect::Look(step) }
}

fn settle(flow: &Flow, answer: Answer, now: Timestamp) -> Vec<Event> {
    // Without an intent nothing was called: such an answer is none of this flow's.
    let Some(step) = flow.step().filter(|_| flow.phase != Phase::Ready) else { return Vec::new() };
    let doubted = flow.phase == Phase::Doubt;
    match answer {
        Answer::Happened | Answer::Unneeded => over(flow, Event::Over),
        Answer::Absent if doubted => vec![Event::Cleared],
        // Of a call that was to do it: nothing is known.
        Answer::Absent => later(flow, "flow.no_outcome".to_owned(), None, true, now),
        Answer::Refused { code } if step.is_optional() => over(flow, Event::Skipped { code }),
        Answer::Refused { code } => {
            // A repetition that is refused says nothing of the call before it; a look does.
            let end = if doubted && step.is_keyed() { End::Uncertain } else { End::Failed };
            vec![Event::Ended { end, code: Some(code) }]
        }
        Answer::Later { code, after } => later(flow, code, after, doubted, now),
        Answer::Unknown { code } => later(flow, code, None, true, now),
    }
}

/// The step is over, and the flow with its last one.
fn over(flow: &Flow, event: Event) -> Vec<Event> {
    let last = flow.past + 1 == flow.kind.steps().len();
    let end = last.then_some(Event::Ended { end: End::Done, code: None });
    std::iter::once(event).chain(end).collect()
}

fn later(flow: &Flow, code: String, after: Option<Duration>, in_doubt: bool, now: Timestamp) -> Vec<Event> {
    if flow.tries + 1 < MOST_TRIES {
        let usual = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(flow.tries));
        let wait = after.unwrap_or(usual).max(usual).min(LONGEST_WAIT);
        return vec![Event::Postponed { until: now + wait, code, in_doubt }];
    }
    if flow.step().is_some_and(Step::is_optional) {
        return over(flow, Event::Skipped { code });
    }
    let end = if in_doubt { End::Uncertain } else { End::Failed };
    vec![Event::Ended { end, code: Some(code) }]
}

/// The flow after an event.
#[must_use]
pub fn evolve(mut flow: Flow, event: &Event) -> Flow {
    match event {
        Event::Intended => flow.phase = Phase::Intended,
        Event::Doubted => flow.phase = Phase::Doubt,
        Event::Cleared => flow.phase = Phase::Ready,
        Event::Over => flow = next_step(flow),
        Event::Skipped { code } => {
            flow.skipped.extend(flow.step().map(|s| s.name().to_owned()));
            flow.code = Some(code.clone());
            flow = next_step(flow);
        }
        Event::Postponed { until, code, in_doubt } => {
            flow.phase = if *in_doubt { Phase::Doubt } else { Phase::Ready };
            flow.tries += 1;
            flow.due_at = *until;
            flow.code = Some(code.clone());
        }
        Event::Ended { end, code } => {
            // Whoever goes on with it begins with a look.
            if *end == End::Uncertain {
                flow.phase = Phase::Doubt;
            }
            flow.end = Some(*end);
            if code.is_some() {
                flow.code.clone_from(code);
            }
        }
        Event::Resumed { at } => {
            flow.end = None;
            flow.tries = 0;
            flow.due_at = *at;
        }
    }
    flow
}

fn next_step(flow: Flow) -> Flow {
    Flow { past: flow.past + 1, phase: Phase::Ready, tries: 0, ..flow }
}

#[cfg(test)]
mod tests;
