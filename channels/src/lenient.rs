//! Reading what providers really send: numbers as strings, times in several units, fields that are not there.

use colloquy_domain::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The first key that holds one of these pointers' strings; empty strings are nothing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|s| !s.is_empty())
}

/// An identifier, sent as a string or as a number.
pub(crate) fn id(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

/// The items of an array; nothing if it is missing or no array.
pub(crate) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A time in seconds or milliseconds, as a number, a numeric string or ISO 8601; the epoch if there is none.
pub(crate) fn time(value: &Value, pointer: &str) -> Timestamp {
    let read = || match value.pointer(pointer)? {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, which is what an absurd time should do")]
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)).map(scaled),
        Value::String(s) => s.trim().parse().ok().map(scaled).or_else(|| iso(s.trim())),
        _ => None,
    };
    read().unwrap_or_default()
}

/// Seconds until the year 5138, milliseconds beyond.
const fn scaled(n: i64) -> Timestamp {
    Timestamp(if n.unsigned_abs() < 100_000_000_000 { n * 1_000 } else { n })
}

/// `2026-11-21T03:14:15.123+0100`, `…Z` and the like.
fn iso(s: &str) -> Option<Timestamp> {
    let (date, clock) = s.split_once(['T', ' '])?;
    let mut date = date.splitn(3, '-').map(|n| n.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone_at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = (clock.get(..zone_at)?, clock.get(zone_at..)?);
    let mut parts = clock.splitn(3, ':');
    let (hour, minute): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (second, fraction) = parts.next().unwrap_or("0").split_once('.').unwrap_or((clock.rsplit(':').next()?, "0"));
    let second: i64 = second.parse().ok()?;
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..=24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !valid {
        return None;
    }
    let minutes = days_from_civil(year, month, day) * 1_440 + hour * 60 + minute - zone_minutes(zone)?;
    Some(Timestamp((minutes * 60 + second) * 1_000 + millis))
}

fn zone_minutes(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let digits: String = zone.get(1..)?.chars().filter(|c| *c != ':').collect();
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..).filter(|m| !m.is_empty()).unwrap_or("0").parse().ok()?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    Some(sign * (hours * 60 + minutes))
}

/// Days since 1970-01-01 in the Gregorian calendar (Hinnant's algorithm).
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// An id for what the provider gave none, the same for each delivery of the same fragment.
pub(crate) fn made_id(kind: &str, fragment: &Value) -> String {
    let digest = Sha256::digest(canonical(fragment).as_bytes());
    format!("{kind}:{}", hex::encode(&digest[..16]))
}

/// The same text for the same content: keys in order, whatever order they came in.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(k, v)| format!("{}:{}", Value::from(k.as_str()), canonical(v)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// At most `max` characters, for sentences that others wrote and that go into failures.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn one_instant_in_all_its_spellings() {
        for spelling in [
            json!(1_697_043_223),
            json!("1697043223"),
            json!(1_697_043_223_000_i64),
            json!("1697043223000"),
            json!(1_697_043_223.0),
            json!("2023-10-11T16:53:43Z"),
            json!("2023-10-11T18:53:43+0200"),
            json!("2023-10-11T12:53:43.000-04:00"),
            json!("2023-10-11 16:53:43"),
        ] {
            assert_eq!(time(&json!({ "t": spelling }), "/t"), Timestamp(1_697_043_223_000), "{spelling}");
        }
        for nothing in [json!(null), json!("soon"), json!(""), json!([1]), json!("2023-99-11T16:53:43Z")] {
            assert_eq!(time(&json!({ "t": nothing }), "/t"), Timestamp(0), "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn any_string_is_survived(s in "\\PC{0,40}") {
            time(&json!({ "t": s }), "/t");
        }

        #[test]
        fn any_string_that_looks_like_a_time_is_survived(s in "[0-9TZ:.+é -]{0,30}") {
            time(&json!({ "t": s }), "/t");
        }

        #[test]
        fn any_number_is_survived(n in any::<i64>(), f in any::<f64>()) {
            time(&json!({ "t": n }), "/t");
            time(&json!({ "t": f }), "/t");
        }
    }
}
