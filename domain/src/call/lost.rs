//! Calls of which nothing is heard any more: providers are asked what has become of them, and what nobody can tell is lost.

use super::{CallChange, CallOutcome, CallReport, CallStatus, CallStep, facts::ASKED};
use crate::time::Timestamp;
use std::time::Duration;

/// After so much silence a call is asked about: Twilio ends calls itself after four hours, unless it is told otherwise.
pub const LOST_AFTER: Duration = Duration::from_secs(4 * 3_600);
/// The longest that a call can be, by all providers: whoever cannot be asked by then is not waited for.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// What a provider knows of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallStanding {
    pub status: CallStatus,
    pub report: CallReport,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Told(Box<CallStanding>),
    /// Perhaps later.
    Unreachable {
        code: String,
    },
    /// Nobody can be asked, or whoever is knows nothing of it.
    Nobody,
}

/// What follows for a call that began at `started_at`. Each change is a sign of life: the call is not asked about again
/// before as much silence has passed.
#[must_use]
pub fn settle(asked: Asked, started_at: Timestamp, now: Timestamp) -> CallChange {
    match asked {
        Asked::Told(standing) if standing.status.is_over() => {
            let step = CallStep::new("closed", ASKED, standing.status.name());
            let change = CallChange { status: Some(standing.status), ends: true, ..CallChange::new(step) };
            CallChange { report: Some(standing.report), ..change }
        }
        Asked::Told(standing) => {
            let step = CallStep::new(format!("asked:{}", now.millis()), ASKED, standing.status.name());
            CallChange { status: Some(standing.status), ..CallChange::new(step) }
        }
        Asked::Unreachable { code } if now.since(started_at) < LONGEST => {
            CallChange::new(CallStep::new(format!("unasked:{}", now.millis()), "unasked", code))
        }
        Asked::Unreachable { .. } | Asked::Nobody => {
            let step = CallStep::new("closed", "lost", "");
            let outcome = Some(CallOutcome::Lost);
            CallChange { status: Some(CallStatus::Completed), outcome, ends: true, ..CallChange::new(step) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::CallFacts, *};

    const BEGUN: Timestamp = Timestamp(1_000_000);

    fn told(status: CallStatus, seconds: u64) -> Asked {
        let report = CallReport { seconds: Some(seconds), cost_cents: Some(2), ..CallReport::default() };
        Asked::Told(Box::new(CallStanding { status, report }))
    }

    fn after(asked: Asked, passed: Duration) -> CallFacts {
        let now = BEGUN + passed;
        CallFacts::new(CallStatus::InProgress).changed(&settle(asked, BEGUN, now), BEGUN, now)
    }

    // req: S2-LIFE-1
    #[test]
    fn what_the_provider_knows_ends_the_call_and_what_nobody_knows_is_lost() {
        let ended = after(told(CallStatus::Completed, 61), LOST_AFTER);
        assert_eq!((ended.outcome, ended.seconds, ended.cost_cents), (Some(CallOutcome::Abandoned), Some(61), Some(2)));
        let lost = after(Asked::Nobody, LOST_AFTER);
        assert_eq!((lost.outcome, lost.ended_at), (Some(CallOutcome::Lost), Some(BEGUN + LOST_AFTER)));
        assert_eq!(
            (lost.seconds, lost.billed_minutes),
            (None, None),
            "four hours of silence are no call of four hours"
        );
    }

    #[test]
    fn a_call_that_goes_on_stays_open_and_whoever_cannot_be_asked_is_waited_for_a_day() {
        assert_eq!(after(told(CallStatus::InProgress, 0), LOST_AFTER).ended_at, None);
        let away = || Asked::Unreachable { code: "web.timeout".into() };
        assert_eq!(after(away(), LONGEST / 2).ended_at, None);
        assert_eq!(after(away(), LONGEST).outcome, Some(CallOutcome::Lost));
        let first = settle(away(), BEGUN, BEGUN + LOST_AFTER).step.key;
        assert_ne!(first, settle(away(), BEGUN, BEGUN + LOST_AFTER * 2).step.key, "each time is a step of its own");
    }

    // req: S2-LIFE-1
    #[test]
    fn an_end_that_is_told_after_all_says_how_it_was_and_moves_no_end() {
        let lost = after(Asked::Nobody, LOST_AFTER);
        let ended_at = lost.ended_at;
        let late = CallChange {
            status: Some(CallStatus::NoAnswer),
            seconds: Some(0),
            ends: true,
            ..CallChange::new(CallStep::new("status", "status", ""))
        };
        let now = BEGUN + LOST_AFTER * 2;
        let known = lost.changed(&late, BEGUN, now);
        assert_eq!((known.status, known.outcome), (CallStatus::NoAnswer, Some(CallOutcome::Missed)));
        assert_eq!((known.seconds, known.ended_at), (Some(0), ended_at), "no second end");
        let decided =
            CallChange { outcome: Some(CallOutcome::Callback), ..CallChange::new(CallStep::new("x", "x", "")) };
        let call = CallFacts::new(CallStatus::InProgress).changed(&decided, BEGUN, BEGUN);
        assert_eq!(call.changed(&settle(Asked::Nobody, BEGUN, now), BEGUN, now).outcome, Some(CallOutcome::Callback));
    }
}
