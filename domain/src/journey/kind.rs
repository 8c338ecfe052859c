//! What a slot takes, and why it does not take something.

use super::{Compared, Condition, Kind, Slot, date};
use crate::json::quoted;
use serde::{Deserialize, Serialize, Serializer};
use std::{cmp::Ordering, fmt};

/// Whole numbers below it are what they say, whoever reads them.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Characters of a text where its slot says nothing.
const LONGEST: usize = 500;

/// What is in a slot, or what it is compared with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Value {
    Boolean(bool),
    Number(f64),
    /// A date, a choice, an address and a number to call are texts, too.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(is) => write!(f, "{is}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Whole numbers as such: people who wrote 4 read 4.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(is) => serializer.serialize_bool(*is),
            Self::Number(n) if n.fract() == 0.0 && n.abs() < EXACT => serializer.serialize_i64(*n as i64),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl Value {
    pub(super) fn json(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Boolean(_) | Self::Number(_) => self.to_string(),
        }
    }

    /// Numbers among numbers, texts among texts: dates are written so that they compare.
    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl Slot {
    /// The text as a value of the slot; `today` is the day, where bounds name it.
    ///
    /// # Errors
    /// What it must be, in words for the model.
    pub(super) fn read(&self, text: &str, today: &str) -> Result<Value, String> {
        let text = text.trim();
        let as_text = |fits: bool, what: &str| {
            if fits { Ok(Value::Text(text.to_owned())) } else { Err(format!("must be {what}")) }
        };
        let value = match self.kind {
            Kind::Text => {
                let fits = self.pattern.as_deref().is_none_or(|p| is_like(text, p));
                as_text(fits, &format!("written like {}", self.pattern.as_deref().unwrap_or_default()))?
            }
            Kind::Number => Value::Number(number(text).ok_or("must be a number")?),
            Kind::Integer => Value::Number(whole(text).ok_or("must be a whole number")?),
            Kind::Date => Value::Text(date::day(text).ok_or("must be a date, written as 2026-03-01")?),
            Kind::Enum => {
                let same = |v: &&String| v.to_lowercase() == text.to_lowercase();
                let found = self.values.iter().find(|v| *v == text).or_else(|| self.values.iter().find(same));
                let others = || format!("must be one of: {}", self.values.join(", "));
                Value::Text(found.cloned().ok_or_else(others)?)
            }
            Kind::Boolean => match text.to_lowercase().as_str() {
                "true" | "yes" | "oui" => Value::Boolean(true),
                "false" | "no" | "non" => Value::Boolean(false),
                _ => return Err("must be true or false".to_owned()),
            },
            Kind::Email => as_text(is_address(text), "an e-mail address")?,
            Kind::Phone => Value::Text(phone(text).ok_or("must be a telephone number")?),
        };
        match self.beyond(&value, today) {
            Some(why) => Err(why),
            None => Ok(value),
        }
    }

    /// Whether what was taken once would be taken now.
    pub(super) fn takes(&self, value: &Value) -> bool {
        // A date that was to come when it was said may have passed since.
        self.read(&value.to_string(), "0000-00-00").is_ok_and(|read| read == *value)
    }

    fn beyond(&self, value: &Value, today: &str) -> Option<String> {
        let of = |bound: &Value| match (self.kind, bound) {
            (Kind::Date, Value::Text(text)) if text == "today" => Value::Text(today.to_owned()),
            _ => bound.clone(),
        };
        if self.kind == Kind::Text {
            let length = value.to_string().chars().count();
            let count = |bound: &Option<Value>, usual: usize| match bound {
                Some(Value::Number(n)) => *n as usize,
                _ => usual,
            };
            let (min, max) = (count(&self.min, 1), count(&self.max, LONGEST));
            return (!(min..=max).contains(&length)).then(|| format!("must have {min} to {max} characters"));
        }
        let (min, max) = (self.min.as_ref().map(of), self.max.as_ref().map(of));
        if let Some(min) = min.filter(|min| value.order(min) == Some(Ordering::Less)) {
            return Some(format!("must be at least {min}"));
        }
        let max = max.filter(|max| max.to_string() != "0000-00-00" && value.order(max) == Some(Ordering::Greater))?;
        Some(format!("must be at most {max}"))
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|n| n.is_finite() && text.starts_with(|c: char| c == '-' || c.is_ascii_digit()))
}

fn whole(text: &str) -> Option<f64> {
    number(text).filter(|n| n.fract() == 0.0 && n.abs() < EXACT)
}

fn is_like(text: &str, pattern: &str) -> bool {
    let fits = |(c, p): (char, char)| match p {
        '#' => c.is_ascii_digit(),
        '@' => c.is_alphabetic(),
        '?' => c.is_alphanumeric(),
        other => c == other,
    };
    text.chars().count() == pattern.chars().count() && text.chars().zip(pattern.chars()).all(fits)
}

fn is_address(text: &str) -> bool {
    let Some((who, host)) = text.split_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>\"@,;".contains(c);
    let dotted = host.split('.').count() > 1 && host.split('.').all(|part| !part.is_empty());
    !who.is_empty() && dotted && text.len() <= 254 && who.chars().all(plain) && host.chars().all(plain)
}

/// The digits, behind a plus if there is one.
fn phone(text: &str) -> Option<String> {
    let known = |c: char| c.is_ascii_digit() || " .-/()+\u{a0}\u{202f}".contains(c);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let fits = (6..=15).contains(&digits.len()) && text.chars().all(known) && !text.chars().skip(1).any(|c| c == '+');
    let plus = if text.starts_with('+') { "+" } else { "" };
    fits.then(|| format!("{plus}{digits}"))
}

impl Condition {
    /// `slot` says what is in the slot of a name.
    pub(super) fn holds<'a>(&self, slot: &dyn Fn(&str) -> Option<&'a Value>) -> bool {
        let compare = |Compared { slot: name, value }: &Compared| slot(name).and_then(|v| v.order(value));
        match self {
            Self::Filled(name) => slot(name).is_some(),
            Self::Is(compared) => compare(compared) == Some(Ordering::Equal),
            Self::AtLeast(compared) => matches!(compare(compared), Some(Ordering::Equal | Ordering::Greater)),
            Self::AtMost(compared) => matches!(compare(compared), Some(Ordering::Equal | Ordering::Less)),
            Self::All(all) => all.iter().all(|c| c.holds(slot)),
            Self::Any(any) => any.iter().any(|c| c.holds(slot)),
            Self::Not(not) => !not.holds(slot),
        }
    }

    /// What it looks at.
    pub(super) fn compared(&self) -> Vec<(&str, Option<&Value>)> {
        match self {
            Self::Filled(name) => vec![(name, None)],
            Self::Is(c) | Self::AtLeast(c) | Self::AtMost(c) => vec![(&c.slot, Some(&c.value))],
            Self::All(each) | Self::Any(each) => each.iter().flat_map(Self::compared).collect(),
            Self::Not(not) => not.compared(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(kind: Kind) -> Slot {
        let name = "s".to_owned();
        Slot {
            name,
            about: String::new(),
            kind,
            required: true,
            pattern: None,
            min: None,
            max: None,
            values: Vec::new(),
        }
    }

    fn read(slot: &Slot, text: &str) -> Result<String, String> {
        slot.read(text, "2026-03-01").map(|v| v.json())
    }

    #[test]
    fn each_kind_takes_what_it_is_and_says_what_it_must_be() {
        let good = |slot: &Slot, text: &str| read(slot, text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let bad = |slot: &Slot, text: &str| read(slot, text).expect_err(text);
        assert_eq!(good(&slot(Kind::Integer), " 4 "), "4");
        assert_eq!(good(&slot(Kind::Integer), "4.0"), "4");
        assert_eq!(good(&slot(Kind::Number), "-2.5"), "-2.5");
        for text in ["four", "NaN", "inf", "4.5", "1e40", ""] {
            assert_eq!(bad(&slot(Kind::Integer), text), "must be a whole number", "{text}");
        }
        assert_eq!(good(&slot(Kind::Boolean), "Oui"), "true");
        assert_eq!(bad(&slot(Kind::Boolean), "perhaps"), "must be true or false");
        assert_eq!(good(&slot(Kind::Email), "ann@example.org"), "\"ann@example.org\"");
        for text in ["ann", "ann@", "@example.org", "a b@example.org", "a@b@c.d", "ann@example", "ann@.org"] {
            assert_eq!(bad(&slot(Kind::Email), text), "must be an e-mail address", "{text}");
        }
        assert_eq!(good(&slot(Kind::Phone), "+33 6 12 34 56 78"), "\"+33612345678\"");
        assert_eq!(good(&slot(Kind::Phone), "06.12.34.56.78"), "\"0612345678\"");
        for text in ["123", "call me", "06 12 + 34 56", "+1234567890123456"] {
            assert_eq!(bad(&slot(Kind::Phone), text), "must be a telephone number", "{text}");
        }
        let sizes = Slot { values: vec!["Small".into(), "Large".into()], ..slot(Kind::Enum) };
        assert_eq!(good(&sizes, "large"), "\"Large\"");
        assert_eq!(bad(&sizes, "huge"), "must be one of: Small, Large");
        let order = Slot { pattern: Some("@@-####".into()), ..slot(Kind::Text) };
        assert_eq!(good(&order, "ab-1234"), "\"ab-1234\"");
        assert_eq!(bad(&order, "ab-12345"), "must be written like @@-####");
    }

    #[test]
    fn bounds_hold_at_their_edges() {
        let party = Slot { min: Some(Value::Number(1.0)), max: Some(Value::Number(12.0)), ..slot(Kind::Integer) };
        assert!(read(&party, "1").is_ok() && read(&party, "12").is_ok());
        assert_eq!(read(&party, "0").unwrap_err(), "must be at least 1");
        assert_eq!(read(&party, "13").unwrap_err(), "must be at most 12");
        let coming = Slot { min: Some(Value::Text("today".into())), ..slot(Kind::Date) };
        assert!(read(&coming, "2026-03-01").is_ok());
        assert_eq!(read(&coming, "2026-02-28").unwrap_err(), "must be at least 2026-03-01");
        assert!(coming.takes(&Value::Text("2026-02-28".into())), "it was to come when it was said");
        let past = Slot { max: Some(Value::Text("today".into())), ..slot(Kind::Date) };
        assert!(past.takes(&Value::Text("2026-02-28".into())));
        let code = Slot { min: Some(Value::Number(2.0)), max: Some(Value::Number(3.0)), ..slot(Kind::Text) };
        assert!(read(&code, "ab").is_ok() && read(&code, "éée").is_ok());
        assert_eq!(read(&code, "abcd").unwrap_err(), "must have 2 to 3 characters");
        assert_eq!(read(&slot(Kind::Text), "").unwrap_err(), "must have 1 to 500 characters");
    }
}
