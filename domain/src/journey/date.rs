//! Days of the calendar, as text that compares as they do.

use crate::time::Timestamp;

/// A day as `2026-03-01`, if it is one.
pub(super) fn day(text: &str) -> Option<String> {
    let text = text.trim();
    let mut parts =
        text.splitn(3, '-').map(|p| p.chars().all(|c| c.is_ascii_digit()).then(|| p.parse::<u32>().ok())?);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let fits = text.len() == 10 && (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
    fits.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

const fn length(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day of a point in time, in UTC.
pub(super) fn of(at: Timestamp) -> String {
    // Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    let days = at.millis().div_euclid(86_400_000) + 719_468;
    let (era, in_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * in_year + 2) / 153;
    let day = in_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// What people call the day.
pub(super) const fn weekday(at: Timestamp) -> &'static str {
    // The first of January 1970 was a Thursday.
    match (at.millis().div_euclid(86_400_000) + 4).rem_euclid(7) {
        0 => "Sunday",
        1 => "Monday",
        2 => "Tuesday",
        3 => "Wednesday",
        4 => "Thursday",
        5 => "Friday",
        _ => "Saturday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for good in ["2026-03-01", "2024-02-29", "2000-02-29"] {
            assert_eq!(day(good).as_deref(), Some(good));
        }
        for bad in ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-3-1", "tomorrow", "2026-03-+1", ""] {
            assert_eq!(day(bad), None, "{bad}");
        }
        let at = |day: i64| Timestamp(day * 86_400_000);
        assert_eq!((of(at(0)).as_str(), weekday(at(0))), ("1970-01-01", "Thursday"));
        assert_eq!((of(at(20_512)).as_str(), weekday(at(20_512))), ("2026-02-28", "Saturday"));
        assert_eq!((of(at(20_513)).as_str(), weekday(at(20_513))), ("2026-03-01", "Sunday"));
    }
}
