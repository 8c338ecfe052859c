//! Whether the process has as much memory as it may have, and what the actors make of it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// The memory of this process against its limit. While it is pressed, intake rests (messages stay in the log, where they are
/// safe), idle conversations leave memory at once, and turns begin one at a time: less would let those that wait keep their
/// memory for ever.
#[derive(Debug, Default)]
pub struct Pressure {
    /// Bytes; `None` for no limit.
    limit: Option<u64>,
    resident: AtomicU64,
    pressed: AtomicBool,
    /// One sample at a time is judged.
    judging: Mutex<()>,
}

impl Pressure {
    /// `limit` in bytes.
    #[must_use]
    pub fn new(limit: Option<u64>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// In bytes; `None` for no limit.
    #[must_use]
    pub const fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Bytes that the process had in memory when it was last looked at; 0 before that.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.resident.load(Ordering::Relaxed)
    }

    /// It had more than its limit, and has not come down to nine tenths of it since.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.pressed.load(Ordering::Acquire)
    }

    /// Takes note of how many bytes the process has in memory now. Changes are logged.
    pub fn sample(&self, resident: u64) {
        let _one = self.judging.lock().unwrap_or_else(PoisonError::into_inner);
        self.resident.store(resident, Ordering::Relaxed);
        let Some(limit) = self.limit else { return };
        match (self.is_pressed(), resident) {
            (false, now) if now > limit => {
                self.pressed.store(true, Ordering::Release);
                tracing::warn!(memory.resident = now, memory.limit = limit, "memory limit reached: intake rests");
            }
            (true, now) if now < limit / 10 * 9 => {
                self.pressed.store(false, Ordering::Release);
                tracing::info!(
                    memory.resident = now,
                    memory.limit = limit,
                    "memory is below its limit: intake goes on"
                );
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_eases_only_well_below_the_limit() {
        let pressure = Pressure::new(Some(1_000));
        let after = |resident| {
            pressure.sample(resident);
            pressure.is_pressed()
        };
        assert_eq!(
            [900, 1_000, 1_001, 950, 900, 899, 1_000].map(after),
            [false, false, true, true, true, false, false]
        );
        assert_eq!(pressure.resident(), 1_000);
    }

    #[test]
    fn without_a_limit_nothing_is_too_much() {
        let pressure = Pressure::new(None);
        pressure.sample(u64::MAX);
        assert!(!pressure.is_pressed());
    }
}
