//! Figures of what happened: what is counted, and what follows from the counts. Pure; the store counts.

use crate::model::Usage;
use std::{collections::BTreeMap, ops::AddAssign};

/// So many times, of one kind, on one UTC day, on one channel with one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    pub times: i64,
    pub usage: Usage,
}

/// What became of the messages that people wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    pub answered: i64,
    /// Answered together with a later one.
    pub merged: i64,
    pub handed_over: i64,
    pub ignored: i64,
    pub dead_lettered: i64,
    /// Their writer was erased before anything became of them.
    pub erased: i64,
}

/// How far the messages came that our side wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statuses {
    pub uncertain: i64,
    pub sent: i64,
    pub delivered: i64,
    pub read: i64,
    pub failed: i64,
    /// They were still queued when their reader was erased.
    pub erased: i64,
}

impl Statuses {
    const fn sum(&self) -> i64 {
        self.uncertain + self.sent + self.delivered + self.read + self.failed + self.erased
    }
}

/// Counts of whatever was added up. Messages count on the day on which they were written, with what they are now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Conversations begun.
    pub begun: i64,
    /// Conversations given to people.
    pub handed_over: i64,
    /// Written by people outside.
    pub received: i64,
    /// The agent's, by what they rest on: passages, nothing (it says that it does not know), or neither.
    pub cited: i64,
    pub unknown: i64,
    pub plain: i64,
    /// Our own sentences, without a model.
    pub notices: i64,
    /// By people of the team; and by them on the provider's own app.
    pub written: i64,
    pub echoed: i64,
    pub outcomes: Outcomes,
    pub statuses: Statuses,
    /// In which a model was asked.
    pub turns: i64,
    /// Answers of models.
    pub completions: i64,
    pub tools_done: i64,
    pub tools_failed: i64,
    pub usage: Usage,
    pub waits: Waits,
}

impl Figures {
    /// Adds `n` of the kind that the store calls `what`; a name of a later version is passed over. `bound`: the wait of
    /// an answered message. `pull`: the channel's clients fetch what is written, so that it is sent as it is written.
    pub fn add(&mut self, what: &str, bound: i64, n: Times, pull: bool) {
        let Times { times, usage } = n;
        if let Some(out) = self.line(what) {
            *out += times;
            // On the provider's own app it was sent before we heard of it.
            if pull || what == "echoed" {
                self.statuses.sent += times;
            }
            return;
        }
        let count = match what {
            "begun" => &mut self.begun,
            "handed_over" => &mut self.handed_over,
            "received" => &mut self.received,
            "in.answered" => &mut self.outcomes.answered,
            "in.merged" => &mut self.outcomes.merged,
            "in.handed_over" => &mut self.outcomes.handed_over,
            "in.ignored" => &mut self.outcomes.ignored,
            "in.dead_lettered" => &mut self.outcomes.dead_lettered,
            "in.erased" => &mut self.outcomes.erased,
            "out.uncertain" => &mut self.statuses.uncertain,
            "out.sent" => &mut self.statuses.sent,
            "out.delivered" => &mut self.statuses.delivered,
            "out.read" => &mut self.statuses.read,
            "out.failed" => &mut self.statuses.failed,
            "out.erased" => &mut self.statuses.erased,
            "turn" => &mut self.turns,
            "step" => &mut self.completions,
            "tool.ok" => &mut self.tools_done,
            "tool.failed" => &mut self.tools_failed,
            _ => return,
        };
        *count += times;
        self.usage += usage;
        if what == "turn" {
            self.completions += times;
        }
        if what == "in.answered" {
            self.waits.add(bound, times);
        }
    }

    fn line(&mut self, what: &str) -> Option<&mut i64> {
        Some(match what {
            "replied.cited" => &mut self.cited,
            "replied.unknown" => &mut self.unknown,
            "replied.plain" => &mut self.plain,
            "notice" => &mut self.notices,
            "written" => &mut self.written,
            "echoed" => &mut self.echoed,
            _ => return None,
        })
    }

    /// Messages of our side.
    #[must_use]
    pub const fn out(&self) -> i64 {
        self.replies() + self.notices + self.written + self.echoed
    }

    /// The agent's answers.
    #[must_use]
    pub const fn replies(&self) -> i64 {
        self.cited + self.unknown + self.plain
    }

    /// Messages of people of which nothing became yet.
    #[must_use]
    pub const fn waiting(&self) -> i64 {
        let Outcomes { answered, merged, handed_over, ignored, dead_lettered, erased } = self.outcomes;
        self.received - answered - merged - handed_over - ignored - dead_lettered - erased
    }

    /// Messages of our side that no provider took yet.
    #[must_use]
    pub const fn queued(&self) -> i64 {
        self.out() - self.statuses.sum()
    }

    /// Of what left us, the part that is not known to be lost, from 0 to 1; none where nothing left.
    #[must_use]
    pub fn delivery_rate(&self) -> Option<f64> {
        let Statuses { uncertain, sent, delivered, read, failed, .. } = self.statuses;
        let arrived = sent + delivered + read;
        ratio(arrived, arrived + uncertain + failed)
    }
}

fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl AddAssign<&Self> for Figures {
    fn add_assign(&mut self, o: &Self) {
        self.begun += o.begun;
        self.handed_over += o.handed_over;
        self.received += o.received;
        self.cited += o.cited;
        self.unknown += o.unknown;
        self.plain += o.plain;
        self.notices += o.notices;
        self.written += o.written;
        self.echoed += o.echoed;
        self.outcomes.answered += o.outcomes.answered;
        self.outcomes.merged += o.outcomes.merged;
        self.outcomes.handed_over += o.outcomes.handed_over;
        self.outcomes.ignored += o.outcomes.ignored;
        self.outcomes.dead_lettered += o.outcomes.dead_lettered;
        self.outcomes.erased += o.outcomes.erased;
        self.statuses.uncertain += o.statuses.uncertain;
        self.statuses.sent += o.statuses.sent;
        self.statuses.delivered += o.statuses.delivered;
        self.statuses.read += o.statuses.read;
        self.statuses.failed += o.statuses.failed;
        self.statuses.erased += o.statuses.erased;
        self.turns += o.turns;
        self.completions += o.completions;
        self.tools_done += o.tools_done;
        self.tools_failed += o.tools_failed;
        self.usage += o.usage;
        for (bound, times) in &o.waits.0 {
            self.waits.add(*bound, *times);
        }
    }
}

/// How long people waited for an answer: how many at most so many milliseconds, and more than the bound below.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waits(BTreeMap<i64, i64>);

impl Waits {
    /// The bounds that the store rounds up to, in milliseconds; what is longer counts as the last one.
    pub const BOUNDS: [i64; 18] = [
        50, 100, 200, 350, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 30_000, 60_000, 300_000,
        3_600_000,
    ];

    fn add(&mut self, bound: i64, times: i64) {
        *self.0.entry(bound).or_default() += times;
    }

    /// The wait in milliseconds that this part (0 to 1) of all did not exceed, as if those between two bounds were spread
    /// evenly; none where nobody was answered.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let all: i64 = self.0.values().sum();
        if all <= 0 {
            return None;
        }
        let wanted = part.clamp(0.0, 1.0) * float(all);
        let mut before = 0.0;
        for (&bound, &times) in &self.0 {
            let below = Self::BOUNDS.iter().copied().filter(|b| *b < bound).max().unwrap_or(0);
            if times > 0 && before + float(times) >= wanted {
                return Some(float(below) + float(bound - below) * ((wanted - before) / float(times)));
            }
            before += float(times);
        }
        self.0.keys().next_back().map(|b| float(*b))
    }
}

const fn float(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(counts: &[(&str, i64)]) -> Figures {
        let mut figures = Figures::default();
        for (what, times) in counts {
            figures.add(what, 200, Times { times: *times, ..Times::default() }, false);
        }
        figures
    }

    // req: S1-BI-1
    #[test]
    fn what_is_neither_settled_nor_sent_still_waits() {
        let f = of(&[("received", 9), ("in.answered", 4), ("in.merged", 2), ("in.ignored", 1), ("in.erased", 1)]);
        assert_eq!(f.waiting(), 1);
        let f = of(&[("replied.cited", 3), ("replied.unknown", 1), ("written", 2), ("out.sent", 2), ("out.sent", -1)]);
        assert_eq!((f.out(), f.replies(), f.queued()), (6, 4, 5));
        assert_eq!(of(&[("what.comes.later", 1)]), Figures::default());
    }

    // req: S3-ANA-1
    #[test]
    fn what_is_fetched_is_sent_and_what_left_is_delivered_or_not() {
        let mut f = of(&[("replied.plain", 4), ("out.read", 2), ("out.failed", 1)]);
        f.add("notice", 0, Times { times: 1, ..Times::default() }, true);
        assert_eq!((f.out(), f.statuses.sent, f.queued()), (5, 1, 1));
        assert_eq!(f.delivery_rate(), Some(0.75));
        assert_eq!(Figures::default().delivery_rate(), None);
    }

    // req: S1-BI-1
    #[test]
    fn waits_between_two_bounds_are_spread_evenly() {
        let mut waits = Waits::default();
        assert_eq!(waits.quantile(0.5), None);
        waits.add(100, 10);
        waits.add(200, 10);
        let of = |part| waits.quantile(part).expect("some waited");
        assert!((of(0.25) - 75.0).abs() < 1e-9 && (of(0.5) - 100.0).abs() < 1e-9 && (of(0.95) - 190.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn a_larger_part_waits_no_less(counts in prop::collection::vec(0..20_i64, 18), a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
            let mut waits = Waits::default();
            counts.iter().zip(Waits::BOUNDS).for_each(|(n, bound)| waits.add(bound, *n));
            let (low, high) = (waits.quantile(a.min(b)), waits.quantile(a.max(b)));
            prop_assert!(low <= high);
        }
    }
}
