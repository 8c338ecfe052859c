//! What a tenant may use, and what it may spend: its plan's limits, its budget, and the calendar months of both.

use crate::{agent::Refusal, time::Timestamp};

/// What a plan has room for; none is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// That people write, in a calendar month (UTC). What comes above it is kept and handed to people: no agent answers.
    pub messages_per_month: Option<u64>,
    pub agents: Option<u64>,
    pub documents: Option<u64>,
    /// Of all documents together.
    pub storage_bytes: Option<u64>,
    /// People who may sign in.
    pub seats: Option<u64>,
}

/// What a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    pub agents: u64,
    pub documents: u64,
    pub storage_bytes: u64,
    pub seats: u64,
}

impl Limits {
    /// What there would be too much of after a change: more than before, and more than the plan has room for. Whoever has
    /// too much already, of a larger plan, keeps it.
    #[must_use]
    pub fn exceeded(&self, before: Held, after: Held) -> Option<&'static str> {
        let all = [
            ("agents", self.agents, before.agents, after.agents),
            ("documents", self.documents, before.documents, after.documents),
            ("storageBytes", self.storage_bytes, before.storage_bytes, after.storage_bytes),
            ("seats", self.seats, before.seats, after.seats),
        ];
        let over =
            all.into_iter().find(|(_, limit, before, after)| after > before && limit.is_some_and(|l| *after > l));
        over.map(|(what, ..)| what)
    }
}

/// What one calendar month of a tenant holds so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Month {
    /// Messages that people wrote.
    pub messages: u64,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
}

/// Why no agent of a tenant may begin a turn: its budget is spent, or so many messages came that its plan ends.
#[must_use]
pub fn barred(budget_micros: Option<u64>, limits: &Limits, so_far: Month) -> Option<Refusal> {
    if budget_micros.is_some_and(|budget| so_far.cost_micros >= budget) {
        return Some(Refusal::TenantBudgetSpent);
    }
    // The last message that the plan has is answered.
    let above = limits.messages_per_month.is_some_and(|most| so_far.messages > most);
    above.then_some(Refusal::PlanExhausted)
}

/// The first day of the calendar month that a day is in, both as days since 1970-01-01.
#[must_use]
pub const fn month_of(day: i64) -> i64 {
    // Days from March 1st of the year 0 make months regular: Howard Hinnant, "chrono-compatible low-level date
    // algorithms", `civil_from_days`.
    let in_era = (day + 719_468).rem_euclid(146_097);
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * in_year + 2) / 153;
    day - (in_year - (153 * month + 2) / 5)
}

/// The month of a point in time.
#[must_use]
pub const fn month_at(at: Timestamp) -> i64 {
    month_of(at.millis().div_euclid(86_400_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // req: S1-ENT-1
    #[test]
    fn a_change_that_adds_nothing_is_never_too_much() {
        let limits = Limits { agents: Some(2), storage_bytes: Some(100), ..Limits::default() };
        let held = |agents, storage_bytes| Held { agents, storage_bytes, ..Held::default() };
        assert_eq!(limits.exceeded(held(1, 0), held(2, 100)), None);
        assert_eq!(limits.exceeded(held(2, 0), held(3, 0)), Some("agents"));
        assert_eq!(limits.exceeded(held(5, 0), held(4, 0)), None);
        assert_eq!(limits.exceeded(held(5, 90), held(5, 101)), Some("storageBytes"));
        assert_eq!(Limits::default().exceeded(held(0, 0), held(u64::MAX, u64::MAX)), None);
    }

    // req: S1-ENT-1
    #[test]
    fn a_turn_needs_a_budget_and_a_plan_that_are_not_used_up() {
        let limits = Limits { messages_per_month: Some(3), ..Limits::default() };
        let month = |messages, cost_micros| Month { messages, cost_micros };
        assert_eq!(barred(Some(10), &limits, month(3, 9)), None);
        assert_eq!(barred(Some(10), &limits, month(3, 10)), Some(Refusal::TenantBudgetSpent));
        assert_eq!(barred(None, &limits, month(4, 99)), Some(Refusal::PlanExhausted));
        assert_eq!(barred(Some(0), &Limits::default(), month(0, 0)), Some(Refusal::TenantBudgetSpent));
    }

    #[test]
    fn months_begin_on_their_first_day() {
        // 1970-01-01, 1970-02-28, 2000-02-29, 2024-12-31, 2026-11-28.
        let firsts = [0, 58, 11_016, 20_088, 20_785].map(month_of);
        assert_eq!(firsts, [0, 31, 10_988, 20_058, 20_758]);
        assert_eq!(month_at(Timestamp(1_757_000_000_000)), 20_332, "2025-09-01");
    }

    proptest! {
        #[test]
        fn a_month_is_28_to_31_days(day in -100_000..100_000_i64) {
            let first = month_of(day);
            prop_assert!(first <= day && day - first < 31);
            prop_assert_eq!(month_of(first), first);
            let next = (first + 28..=first + 31).find(|d| month_of(*d) == *d);
            prop_assert!(next.is_some_and(|n| n > day));
        }
    }
}
