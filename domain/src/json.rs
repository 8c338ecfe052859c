//! The little of JSON that the core needs; it knows no JSON library.

use std::{collections::BTreeMap, fmt::Write as _};

/// Each string (names within values are strings, too) and number, with the name of the argument that it belongs to.
/// What is malformed is one leaf, so that nothing in it goes unseen.
pub(crate) fn leaves(json: &str) -> Vec<(String, String)> {
    let mut reader = Reader { rest: json.chars().collect(), at: 0, found: Vec::new() };
    let whole = reader.value("", 0).is_some() && reader.peek().is_none();
    if whole { reader.found } else { vec![(String::new(), json.to_owned())] }
}

/// The fields of an object of strings, numbers and booleans, as text; what is `null` is left out. `None` if it is anything else.
pub(crate) fn fields(json: &str) -> Option<BTreeMap<String, String>> {
    let mut reader = Reader { rest: json.chars().collect(), at: 0, found: Vec::new() };
    let fields = reader.flat()?;
    reader.peek().is_none().then_some(fields)
}

/// As a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                // Writing to a string never fails.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Deeper than any schema that people write; what is deeper counts as malformed.
const DEEPEST: usize = 64;

struct Reader {
    rest: Vec<char>,
    at: usize,
    found: Vec<(String, String)>,
}

impl Reader {
    /// The next character that is no white space.
    fn peek(&mut self) -> Option<char> {
        while self.rest.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.rest.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn value(&mut self, argument: &str, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            '{' => self.object(argument, depth),
            '[' => self.list(argument, depth),
            '"' => {
                let text = self.string()?;
                self.found.push((argument.to_owned(), text));
                Some(())
            }
            _ => self.word(argument),
        }
    }

    fn object(&mut self, argument: &str, depth: usize) -> Option<()> {
        self.eat('{')?;
        if self.eat('}').is_some() {
            return Some(());
        }
        loop {
            self.peek()?;
            let name = self.string()?;
            self.eat(':')?;
            if depth == 0 {
                self.value(&name, 1)?;
            } else {
                self.found.push((argument.to_owned(), name));
                self.value(argument, depth + 1)?;
            }
            if self.eat(',').is_none() {
                return self.eat('}');
            }
        }
    }

    fn list(&mut self, argument: &str, depth: usize) -> Option<()> {
        self.eat('[')?;
        if self.eat(']').is_some() {
            return Some(());
        }
        loop {
            self.value(argument, depth + 1)?;
            if self.eat(',').is_none() {
                return self.eat(']');
            }
        }
    }

    fn flat(&mut self) -> Option<BTreeMap<String, String>> {
        let mut fields = BTreeMap::new();
        self.eat('{')?;
        if self.eat('}').is_some() {
            return Some(fields);
        }
        loop {
            self.peek()?;
            let name = self.string()?;
            self.eat(':')?;
            let value = if self.peek()? == '"' { Some(self.string()?) } else { self.literal()? };
            fields.extend(value.map(|value| (name, value)));
            if self.eat(',').is_none() {
                self.eat('}')?;
                return Some(fields);
            }
        }
    }

    /// A number or a boolean, as it is written; nothing where it is `null`.
    fn literal(&mut self) -> Option<Option<String>> {
        let is_part = |c: &&char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let text: String = self.rest[self.at..].iter().take_while(is_part).collect();
        self.at += text.len();
        let is_number = text.parse::<f64>().is_ok() && text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        match text.as_str() {
            "null" => Some(None),
            "true" | "false" => Some(Some(text)),
            _ => is_number.then_some(Some(text)),
        }
    }

    /// A number, or one of the three words, which say nothing.
    fn word(&mut self, argument: &str) -> Option<()> {
        let text = self.literal()?.filter(|text| text != "true" && text != "false");
        self.found.extend(text.map(|text| (argument.to_owned(), text)));
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        self.eat('"')?;
        let mut text = String::new();
        loop {
            let c = *self.rest.get(self.at)?;
            self.at += 1;
            match c {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let c = *self.rest.get(self.at)?;
        self.at += 1;
        Some(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' | 'f' => ' ',
            '"' | '\\' | '/' => c,
            'u' => {
                let high = self.hex()?;
                if !(0xD800..0xDC00).contains(&high) {
                    return char::from_u32(high);
                }
                (self.eat('\\').is_some() && self.eat('u').is_some()).then_some(())?;
                let low = self.hex()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + low)?
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits: String = self.rest.get(self.at..self.at + 4)?.iter().collect();
        self.at += 4;
        u32::from_str_radix(&digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_meant() {
        let read =
            |json: &str| fields(json).map(|f| f.into_iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>());
        let flat = read(r#"{"name": "Zo\u00eb \"Z\"", "people": 4, "window": true, "left": null}"#);
        assert_eq!(flat.unwrap(), ["name=Zoë \"Z\"", "people=4", "window=true"]);
        assert_eq!(read(" {} "), Some(Vec::new()));
        for other in ["", "[]", "{\"a\": [1]}", "{\"a\": {}}", "{\"a\": 1} x", "{\"a\": oops}", "{\"a\": 1", "4"] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_quoted_text_is_read_again() {
        let text = "a \"b\" \\ \n \u{1} é";
        let json = format!("{{\"t\": {}}}", quoted(text));
        assert_eq!(fields(&json).and_then(|f| f.get("t").cloned()).as_deref(), Some(text));
    }
}
