//! Who is supervised, and what happens when it fails: one table and one pure policy.

use colloquy_domain::time::Timestamp;
use std::{collections::VecDeque, time::Duration};

/// A child of the root supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Child {
    /// One desk for each agent, which grants turns.
    Agents,
    /// One actor for each connected account.
    Channels,
    /// One actor for each active conversation.
    Router,
    /// Moves the log into the inboxes.
    Intake,
    /// Turns documents into passages.
    Ingestion,
    /// Wakes conversations whose durable timer is due.
    Timers,
    /// Says that this node lives, and claims what it should run.
    Placement,
}

/// One row of the table. All children are permanent: one that ends without being told to is started again.
#[derive(Debug, Clone, Copy)]
pub struct ChildSpec {
    pub child: Child,
    pub intensity: Intensity,
    pub backoff: Backoff,
    /// How long it may take to stop before it is killed.
    pub shutdown: Duration,
}

/// More failures than `max` within `window` are not met by another restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    pub max: usize,
    pub window: Duration,
}

/// The wait before a restart doubles with each failure in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub max: Duration,
}

const fn row(child: Child, max: usize, shutdown_secs: u64) -> ChildSpec {
    ChildSpec {
        child,
        intensity: Intensity { max, window: Duration::from_secs(60) },
        backoff: Backoff { first: Duration::from_millis(50), max: Duration::from_secs(5) },
        shutdown: Duration::from_secs(shutdown_secs),
    }
}

/// In the order of start; stopped in the opposite order. A child that fails too often takes the node down: the process
/// ends with an error and whoever runs it starts it again, from durable state.
pub const TABLE: &[ChildSpec] = &[
    row(Child::Agents, 10, 2),
    row(Child::Channels, 10, 10),
    row(Child::Router, 10, 10),
    row(Child::Intake, 20, 2),
    row(Child::Ingestion, 10, 2),
    row(Child::Timers, 10, 2),
    row(Child::Placement, 10, 2),
];

/// A conversation that fails: a few restarts, then what is pending in it becomes dead letters.
pub const CONVERSATION: (Intensity, Backoff) = (
    Intensity { max: 3, window: Duration::from_secs(300) },
    Backoff { first: Duration::from_millis(50), max: Duration::from_secs(2) },
);

/// An agent's desk or a channel's actor that fails: restarted for ever, slower and slower; its neighbours go on.
pub const ACCOUNT: Backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(60) };

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Restart {
        after: Duration,
    },
    /// Too many: the failure goes up.
    Escalate,
}

/// The recent failures of one child.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failures(VecDeque<Timestamp>);

impl Failures {
    /// Counts a failure and says what follows.
    pub fn record(&mut self, now: Timestamp, intensity: Intensity, backoff: Backoff) -> Verdict {
        while self.0.front().is_some_and(|&t| now.since(t) > intensity.window) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        if self.0.len() > intensity.max {
            return Verdict::Escalate;
        }
        Verdict::Restart { after: backoff.wait(self.0.len()) }
    }

    /// Whether there was a failure since `since`.
    #[must_use]
    pub fn any_since(&self, since: Timestamp) -> bool {
        self.0.back().is_some_and(|&t| t >= since)
    }
}

impl Backoff {
    /// The wait after the `n`-th failure in a row (from 1).
    #[must_use]
    pub fn wait(self, n: usize) -> Duration {
        let doublings = u32::try_from(n.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
        self.first.saturating_mul(1 << doublings).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INTENSITY: Intensity = Intensity { max: 3, window: Duration::from_secs(10) };
    const BACKOFF: Backoff = Backoff { first: Duration::from_millis(50), max: Duration::from_millis(150) };

    #[test]
    fn waits_double_up_to_the_limit_then_the_failure_goes_up() {
        let mut f = Failures::default();
        let verdicts: Vec<_> = (0..4).map(|i| f.record(Timestamp(i), INTENSITY, BACKOFF)).collect();
        let after = |ms| Verdict::Restart { after: Duration::from_millis(ms) };
        assert_eq!(verdicts, [after(50), after(100), after(150), Verdict::Escalate]);
    }

    #[test]
    fn old_failures_are_forgiven() {
        let mut f = Failures::default();
        for i in 0..3 {
            f.record(Timestamp(i), INTENSITY, BACKOFF);
        }
        let later = Timestamp(60_000);
        assert_eq!(f.record(later, INTENSITY, BACKOFF), Verdict::Restart { after: Duration::from_millis(50) });
    }

    #[test]
    fn every_child_stands_in_the_table_once() {
        let mut seen = std::collections::HashSet::new();
        assert!(TABLE.iter().all(|r| seen.insert(r.child)), "a child stands twice");
        assert_eq!(seen.len(), 7);
    }

    proptest! {
        #[test]
        fn escalates_exactly_when_the_window_holds_more_than_the_limit(gaps in prop::collection::vec(0_i64..8_000, 1..40)) {
            let mut f = Failures::default();
            let mut times: Vec<i64> = Vec::new();
            for gap in gaps {
                let now = times.last().copied().unwrap_or(0) + gap;
                times.push(now);
                let in_window = times.iter().filter(|&&t| now - t <= 10_000).count();
                let verdict = f.record(Timestamp(now), INTENSITY, BACKOFF);
                prop_assert_eq!(verdict == Verdict::Escalate, in_window > 3);
            }
        }
    }
}
