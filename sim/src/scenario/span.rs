//! Lengths of time as people write them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, str::FromStr, time::Duration};

/// `250ms`, `5s`, `10m`, `25h`, `3d`; parts may follow each other: `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

impl Span {
    #[must_use]
    pub const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut total) = (text.trim(), Duration::ZERO);
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            let number: u64 = rest[..digits].parse().ok()?;
            let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| digits + n);
            let millis = match rest[digits..unit_end].trim() {
                "ms" => 1,
                "s" => 1_000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                _ => return None,
            };
            total = total.checked_add(Duration::from_millis(number.checked_mul(millis)?))?;
            rest = &rest[unit_end..];
        }
        Some(Self(total))
    }

    fn text(self) -> String {
        let mut ms = self.0.as_millis();
        let mut text = String::new();
        for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
            if ms >= unit {
                text.push_str(&format!("{}{name}", ms / unit));
                ms %= unit;
            }
        }
        if text.is_empty() { "0s".to_owned() } else { text }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| format!("not a length of time: {text:?} (write 250ms, 5s, 10m, 25h or 3d)"))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A length of time: 250ms, 5s, 10m, 25h, 3d, or several of them: 1h30m.",
            "pattern": "^([0-9]+(ms|s|m|h|d))+$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (text, ms) in [("250ms", 250), ("5s", 5_000), ("1h30m", 5_400_000), ("3d", 259_200_000), ("0s", 0)] {
            let span = Span::parse(text).expect(text);
            assert_eq!((span.0.as_millis(), span.text().as_str()), (ms, text));
        }
        for wrong in ["", "5", "s", "5x", "-1s", "5 s x", "99999999999999999999d"] {
            assert_eq!(Span::parse(wrong), None, "{wrong}");
        }
    }
}
