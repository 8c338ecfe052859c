//! How long people waited for answers.

use crate::scenario::{Span, Times};
use std::time::Duration;

/// Expectations that were not met, in words. `answers`: how long each answer took.
#[must_use]
pub fn unmet(wanted: &Times, answers: &[Duration]) -> Vec<String> {
    let mut sorted = answers.to_vec();
    sorted.sort();
    let Some(slowest) = sorted.last().copied() else {
        return vec!["times: nothing was answered".to_owned()];
    };
    let late = |name: &str, is: Duration, wanted: Option<Span>| {
        let wanted = wanted.filter(|w| is > w.0)?;
        Some(format!("times.{name}: {is:?} instead of at most {:?}", wanted.0))
    };
    let found = [
        late("slowest", slowest, wanted.slowest),
        late("median", rank(&sorted, 50), wanted.median),
        late("p95", rank(&sorted, 95), wanted.p95),
    ];
    found.into_iter().flatten().collect()
}

/// The nearest rank: the smallest value that so many in a hundred do not exceed.
fn rank(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_held_against_its_own_figure() {
        let answers: Vec<Duration> = (1..=20).rev().map(Duration::from_secs).collect();
        let all = |slowest, median, p95| Times {
            slowest: Some(Span(Duration::from_secs(slowest))),
            median: Some(Span(Duration::from_secs(median))),
            p95: Some(Span(Duration::from_secs(p95))),
        };
        assert_eq!(unmet(&all(20, 10, 19), &answers), Vec::<String>::new());
        let late = unmet(&all(19, 9, 18), &answers);
        assert_eq!(
            late,
            [
                "times.slowest: 20s instead of at most 19s",
                "times.median: 10s instead of at most 9s",
                "times.p95: 19s instead of at most 18s",
            ]
        );
        assert_eq!(unmet(&Times::default(), &answers), Vec::<String>::new());
        assert_eq!(unmet(&Times::default(), &[]).len(), 1);
    }
}
