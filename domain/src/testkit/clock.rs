//! Time and ids that a test sets.

use crate::{
    ports::{Clock, Ids},
    time::Timestamp,
};
use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};
use uuid::Uuid;

/// A clock that only moves when it is told to.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// A day in September 2025.
    fn default() -> Self {
        Self::at(Timestamp(1_757_000_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Ids that look like UUIDv7, grow, and are the same in every run: the number of the space, then a counter.
#[derive(Debug)]
pub struct SeqIds {
    space: u16,
    next: AtomicU64,
}

impl SeqIds {
    /// Two spaces never give the same id.
    #[must_use]
    pub const fn new(space: u16) -> Self {
        Self { space, next: AtomicU64::new(1) }
    }
}

impl Default for SeqIds {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Ids for SeqIds {
    fn uuid(&self) -> Uuid {
        // Version 7 and its variant stand where RFC 9562 puts them; the counter fills the last 62 bits.
        let n = u128::from(self.next.fetch_add(1, Ordering::SeqCst));
        let high = (0x0197_a000_u128 << 96) | (u128::from(self.space) << 80) | (0x7_u128 << 76);
        Uuid::from_u128(high | (0b10_u128 << 62) | n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_grow() {
        let ids = SeqIds::default();
        let (a, b) = (ids.uuid(), ids.uuid());
        assert!(a < b);
        assert_eq!(a.get_version_num(), 7);
        assert_eq!(a.to_string(), "0197a000-0000-7000-8000-000000000001");
        assert_ne!(SeqIds::new(1).uuid(), a);
    }

    #[test]
    fn the_clock_moves_by_hand_only() {
        let clock = ManualClock::at(Timestamp(5));
        clock.advance(Duration::from_millis(7));
        assert_eq!(clock.now(), Timestamp(12));
    }
}
