//! Medians and percentiles.

use serde::Serialize;
use std::time::Duration;

/// The middle value; the upper one of two middles; 0 of nothing.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// In milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
}

impl Percentiles {
    /// By the nearest rank.
    #[must_use]
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1) - 1;
            times.get(rank).map_or(0.0, |t| t.as_secs_f64() * 1000.0)
        };
        Self { p50: at(50), p99: at(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times = (1..=200).map(Duration::from_millis).rev().collect();
        assert_eq!(Percentiles::of(times), Percentiles { p50: 100.0, p99: 198.0 });
        assert_eq!(Percentiles::of(vec![Duration::from_millis(7)]), Percentiles { p50: 7.0, p99: 7.0 });
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
    }
}
