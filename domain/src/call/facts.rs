//! What is known of a call, and how that grows.

use super::{CallOutcome, CallStatus};
use crate::{ids::ConversationId, time::Timestamp};

/// The kind of step in which a provider was asked, long after the end.
pub(super) const ASKED: &str = "asked";

/// What can change of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFacts {
    pub status: CallStatus,
    /// The agent answered something.
    pub ai_handled: bool,
    pub outcome: Option<CallOutcome>,
    /// One line for each that was said.
    pub transcript: String,
    pub summary: Option<String>,
    /// What the provider's analysis made of it, as JSON text.
    pub structured: Option<String>,
    pub seconds: Option<u64>,
    pub cost_cents: Option<u64>,
    pub billed_minutes: Option<u64>,
    pub conversation: Option<ConversationId>,
    pub ended_at: Option<Timestamp>,
}

impl CallFacts {
    /// Of a call that just came.
    #[must_use]
    pub const fn new(status: CallStatus) -> Self {
        Self {
            status,
            ai_handled: false,
            outcome: None,
            transcript: String::new(),
            summary: None,
            structured: None,
            seconds: None,
            cost_cents: None,
            billed_minutes: None,
            conversation: None,
            ended_at: None,
        }
    }
}

/// All that a provider knows of a call that is over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallReport {
    pub outcome: Option<CallOutcome>,
    pub transcript: Option<String>,
    pub summary: Option<String>,
    /// JSON text.
    pub structured: Option<String>,
    pub seconds: Option<u64>,
    pub cost_cents: Option<u64>,
    /// In the provider's words.
    pub reason: Option<String>,
}

/// One line of a call's life. A step of the same key happens once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStep {
    pub key: String,
    pub kind: &'static str,
    pub detail: String,
}

impl CallStep {
    pub fn new(key: impl Into<String>, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { key: key.into(), kind, detail: detail.into() }
    }
}

/// Somebody was interrupted: `said` was written down, `heard` is what is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutLine {
    pub said: String,
    pub heard: String,
}

/// One step, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallChange {
    pub step: CallStep,
    pub status: Option<CallStatus>,
    pub outcome: Option<CallOutcome>,
    pub conversation: Option<ConversationId>,
    /// Lines for the transcript.
    pub said: Vec<String>,
    pub ai_handled: bool,
    /// In seconds, as the provider counted it.
    pub seconds: Option<u64>,
    pub report: Option<CallReport>,
    /// A line of the transcript of which only a part was heard.
    pub cut: Option<CutLine>,
    /// Nothing more is expected: whoever is told of ends is told now.
    pub ends: bool,
}

impl CallChange {
    #[must_use]
    pub const fn new(step: CallStep) -> Self {
        Self {
            step,
            status: None,
            outcome: None,
            conversation: None,
            said: Vec::new(),
            ai_handled: false,
            seconds: None,
            report: None,
            cut: None,
            ends: false,
        }
    }
}

impl CallFacts {
    /// What is known after a change. Statuses only move forward, a call ends once (how a lost one ended may be told later),
    /// and what the provider counted wins over what we counted.
    #[must_use]
    pub fn changed(mut self, change: &CallChange, started_at: Timestamp, now: Timestamp) -> Self {
        let loses = change.outcome == Some(CallOutcome::Lost);
        // Somebody tells of its end after all.
        let found = self.outcome == Some(CallOutcome::Lost) && change.ends && !loses;
        if let Some(status) = change.status.filter(|s| s.rank() > self.status.rank() || (found && s.is_over())) {
            self.status = status;
        }
        if found {
            self.outcome = None;
        }
        self.ai_handled |= change.ai_handled;
        self.conversation = self.conversation.or(change.conversation);
        for line in &change.said {
            if !self.transcript.is_empty() {
                self.transcript.push('\n');
            }
            self.transcript.push_str(line);
        }
        if let Some(cut) = &change.cut
            && let Some(at) = self.transcript.rfind(&cut.said)
        {
            self.transcript.replace_range(at..at + cut.said.len(), &cut.heard);
        }
        // What was decided in the call is not undone by its end.
        self.outcome = self.outcome.or(change.outcome);
        self.seconds = change.seconds.or(self.seconds);
        if let Some(report) = &change.report {
            self.reported(report);
        }
        if change.ends && self.ended_at.is_none() {
            self.ended_at = Some(now);
            // How long it was silent before it was given up says nothing of its length.
            self.seconds =
                self.seconds.or((!loses && change.step.kind != ASKED).then(|| now.since(started_at).as_secs()));
        }
        if change.ends {
            self.outcome = self.outcome.or(Some(self.outcome_by_status()));
        }
        self.billed_minutes = self.seconds.map(|s| s.div_ceil(60));
        self
    }

    fn reported(&mut self, report: &CallReport) {
        self.outcome = report.outcome.or(self.outcome);
        if let Some(transcript) = &report.transcript {
            self.transcript.clone_from(transcript);
        }
        self.summary = report.summary.clone().or(self.summary.take());
        self.structured = report.structured.clone().or(self.structured.take());
        self.seconds = report.seconds.or(self.seconds);
        self.cost_cents = report.cost_cents.or(self.cost_cents);
    }

    const fn outcome_by_status(&self) -> CallOutcome {
        match self.status {
            CallStatus::Failed => CallOutcome::Failed,
            CallStatus::Busy | CallStatus::NoAnswer | CallStatus::Canceled => CallOutcome::Missed,
            _ if self.ai_handled => CallOutcome::Answered,
            _ => CallOutcome::Abandoned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const BEGUN: Timestamp = Timestamp(1_000_000);

    fn change(key: &str) -> CallChange {
        CallChange::new(CallStep::new(key, "moved", ""))
    }

    // req: S2-CALL-1
    #[test]
    fn a_call_moves_forward_and_ends_once() {
        let now = BEGUN + Duration::from_secs(61);
        let mut call = CallFacts::new(CallStatus::Ringing);
        let said =
            CallChange { said: vec!["Caller: où ?".into(), "Agent: là".into()], ai_handled: true, ..change("1") };
        call = call.changed(&said, BEGUN, now);
        call = call.changed(&CallChange { status: Some(CallStatus::InProgress), ..change("2") }, BEGUN, now);
        assert_eq!((call.transcript.as_str(), call.ended_at), ("Caller: où ?\nAgent: là", None));
        call = call.changed(&CallChange { ends: true, status: Some(CallStatus::Completed), ..change("3") }, BEGUN, now);
        assert_eq!((call.seconds, call.billed_minutes), (Some(61), Some(2)), "counted by us");
        assert_eq!((call.outcome, call.ended_at), (Some(CallOutcome::Answered), Some(now)));
        let later = now + Duration::from_secs(2);
        let counted = CallChange { seconds: Some(59), ends: true, status: Some(CallStatus::Ringing), ..change("4") };
        call = call.changed(&counted, BEGUN, later);
        assert_eq!((call.seconds, call.billed_minutes, call.ended_at), (Some(59), Some(1), Some(now)));
        assert_eq!(call.status, CallStatus::Completed, "never back");
    }

    #[test]
    fn what_was_not_heard_is_taken_out_of_the_last_line_that_said_it() {
        let said = |lines: &[&str]| CallChange { said: lines.iter().map(|l| (*l).into()).collect(), ..change("said") };
        let cut =
            CutLine { said: "Agent: Nous ouvrons à neuf heures.".into(), heard: "Agent: Nous ouvrons…".into() };
        let call = CallFacts::new(CallStatus::InProgress)
            .changed(&said(&[&cut.said, "Caller: pardon ?", &cut.said]), BEGUN, BEGUN)
            .changed(&CallChange { cut: Some(cut.clone()), ..change("cut") }, BEGUN, BEGUN);
        assert_eq!(call.transcript, format!("{}\nCaller: pardon ?\n{}", cut.said, cut.heard));
    }

    #[test]
    fn the_outcome_of_a_call_that_nobody_decided_follows_from_its_end() {
        let end = |status| CallChange { ends: true, status: Some(status), ..change("end") };
        let of = |status| CallFacts::new(CallStatus::Ringing).changed(&end(status), BEGUN, BEGUN).outcome;
        assert_eq!(of(CallStatus::Completed), Some(CallOutcome::Abandoned));
        assert_eq!(of(CallStatus::NoAnswer), Some(CallOutcome::Missed));
        assert_eq!(of(CallStatus::Failed), Some(CallOutcome::Failed));
        let handed = CallChange { outcome: Some(CallOutcome::Transferred), ..change("dial") };
        let call = CallFacts::new(CallStatus::Ringing).changed(&handed, BEGUN, BEGUN);
        assert_eq!(call.changed(&end(CallStatus::Completed), BEGUN, BEGUN).outcome, Some(CallOutcome::Transferred));
    }

    #[test]
    fn a_report_wins_over_what_was_guessed_and_takes_nothing_away() {
        let report =
            CallReport { transcript: Some("AI: Où ça ?".into()), cost_cents: Some(12), ..CallReport::default() };
        let reported = CallChange { report: Some(report), ends: true, ..change("report") };
        let said = CallChange { said: vec!["x".into()], outcome: Some(CallOutcome::Callback), ..change("1") };
        let call = CallFacts::new(CallStatus::InProgress).changed(&said, BEGUN, BEGUN).changed(&reported, BEGUN, BEGUN);
        assert_eq!((call.transcript.as_str(), call.cost_cents), ("AI: Où ça ?", Some(12)));
        assert_eq!(call.outcome, Some(CallOutcome::Callback));
    }
}
