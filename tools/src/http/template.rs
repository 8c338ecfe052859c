//! Templates and what fills them: pure. An argument never leaves its place: it is escaped for where it stands.

use colloquy_domain::{failure::Failure, http_tool::KEY};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Longest name of a placeholder, in bytes: what models' providers allow in names of arguments.
const LONGEST_NAME: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    Text(&'a str),
    Argument(&'a str),
}

/// Braces around what is no name are text.
pub fn pieces(template: &str) -> Vec<Piece<'_>> {
    let (mut found, mut rest, mut from) = (Vec::new(), template, 0);
    while let Some(open) = rest[from..].find('{').map(|at| at + from) {
        let name = rest[open + 1..].split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
        let Some(name) = name else {
            from = open + 1;
            continue;
        };
        if open > 0 {
            found.push(Piece::Text(&rest[..open]));
        }
        found.push(Piece::Argument(name));
        (rest, from) = (&rest[open + name.len() + 2..], 0);
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    found
}

pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(fits)
}

/// The arguments that a template names.
pub fn named(template: &str) -> impl Iterator<Item = &str> {
    pieces(template).into_iter().filter_map(|piece| match piece {
        Piece::Argument(name) if name != KEY => Some(name),
        Piece::Argument(_) | Piece::Text(_) => None,
    })
}

/// What stands for placeholders in one call.
pub struct Filling<'a> {
    pub arguments: &'a Value,
    /// The call's idempotency key.
    pub key: &'a str,
}

impl Filling<'_> {
    /// The argument of this name; one that is null is none.
    fn value(&self, name: &str) -> Option<Value> {
        if name == KEY {
            return Some(Value::String(self.key.to_owned()));
        }
        self.arguments.get(name).filter(|v| !v.is_null()).cloned()
    }

    /// The argument that is all of a template, if it is one. The inner `None`: it was not given.
    fn alone(&self, template: &str) -> Option<Option<Value>> {
        match pieces(template)[..] {
            [Piece::Argument(name)] => Some(self.value(name)),
            _ => None,
        }
    }

    fn text(&self, template: &str, escape: impl Fn(&str) -> String) -> String {
        let piece = |piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Argument(name) => self.value(name).map(|v| escape(&plain(&v))).unwrap_or_default(),
        };
        pieces(template).into_iter().map(piece).collect()
    }

    /// # Errors
    /// `tool.invalid_arguments`: an argument is missing, or would lead elsewhere.
    pub fn path(&self, template: &str) -> Result<String, Failure> {
        for name in named(template) {
            if self.value(name).is_none_or(|v| plain(&v).is_empty()) {
                return Err(invalid(format!("{name}: is missing")));
            }
        }
        let path = self.text(template, escaped);
        let climbs = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if path.split(['/', '\\']).any(climbs) {
            return Err(invalid("what stands in the path may not be `.` or `..`".to_owned()));
        }
        Ok(path)
    }

    /// The pairs of a query or a form: a list is repeated, what was not given is left out.
    pub fn pairs(&self, name: &str, template: &str) -> Vec<(String, String)> {
        match self.alone(template) {
            Some(None) => Vec::new(),
            Some(Some(value)) => repeated(name, &value),
            None => vec![(name.to_owned(), self.text(template, str::to_owned))],
        }
    }

    /// # Errors
    /// `tool.invalid_arguments`: the argument cannot stand in a header.
    pub fn header(&self, name: &str, template: &str) -> Result<Option<String>, Failure> {
        if self.alone(template) == Some(None) {
            return Ok(None);
        }
        let value = self.text(template, str::to_owned);
        let printed = |c: char| c == ' ' || c.is_ascii_graphic();
        if value.chars().all(printed) {
            Ok(Some(value))
        } else {
            Err(invalid(format!("what stands in the header {name} may have printed ASCII characters only")))
        }
    }

    /// `None` where nothing is left of it.
    pub fn json(&self, template: &Value) -> Option<Value> {
        match template {
            Value::String(text) => match self.alone(text) {
                Some(value) => value,
                None => Some(Value::String(self.text(text, str::to_owned))),
            },
            Value::Array(items) => Some(Value::Array(items.iter().filter_map(|item| self.json(item)).collect())),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| Some((name.clone(), self.json(value)?));
                Some(Value::Object(fields.iter().filter_map(field).collect::<Map<_, _>>()))
            }
            other => Some(other.clone()),
        }
    }
}

/// The fields of a form.
pub fn fields(body: &Value) -> Vec<(String, String)> {
    body.as_object().into_iter().flatten().flat_map(|(name, value)| repeated(name, value)).collect()
}

fn repeated(name: &str, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(|item| (name.to_owned(), plain(item))).collect(),
        other => vec![(name.to_owned(), plain(other))],
    }
}

/// As it is read: without quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// For a segment of a path.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn invalid(detail: String) -> Failure {
    Failure::reject("tool.invalid_arguments", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn filled(arguments: &Value) -> Filling<'_> {
        Filling { arguments, key: "k1" }
    }

    #[test]
    fn placeholders_are_names_in_braces() {
        use Piece::{Argument, Text};
        assert_eq!(pieces("/a/{id}/{b.c}"), [Text("/a/"), Argument("id"), Text("/"), Argument("b.c")]);
        assert_eq!(pieces("{ no } {} {x"), [Text("{ no } {} {x")]);
        assert_eq!(pieces("{{x}}"), [Text("{"), Argument("x"), Text("}")]);
        assert_eq!(named("{a}{idempotency_key}").collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn an_argument_stays_in_its_place() {
        let arguments = json!({ "id": "a/../b?x=1#y é", "up": "..", "none": null, "tags": ["a b", "c"], "n": 7 });
        let f = filled(&arguments);
        assert_eq!(f.path("/pets/{id}").unwrap(), "/pets/a%2F..%2Fb%3Fx%3D1%23y%20%C3%A9");
        assert_eq!(f.path("/pets/{n}/{idempotency_key}").unwrap(), "/pets/7/k1");
        for wrong in ["/pets/{up}/x", "/pets/{none}", "/pets/{gone}"] {
            assert_eq!(f.path(wrong).unwrap_err().code, "tool.invalid_arguments", "{wrong}");
        }
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(f.pairs("tag", "{tags}"), [pair("tag", "a b"), pair("tag", "c")]);
        assert_eq!(f.pairs("q", "n:{n}"), [pair("q", "n:7")]);
        assert_eq!(f.pairs("q", "{none}"), []);
        let split = json!({ "x": "a\r\nevil: yes" });
        assert_eq!(filled(&split).header("x-note", "{x}").unwrap_err().code, "tool.invalid_arguments");
        assert_eq!(f.header("x-note", "{gone}").unwrap(), None);
    }

    #[test]
    fn a_body_keeps_the_types_of_its_arguments_and_cannot_be_broken_out_of() {
        let arguments = json!({ "n": 7, "list": [1, 2], "text": "\", \"admin\": true, \"x\": \"" });
        let template =
            json!({ "count": "{n}", "all": "{list}", "note": "said: {text}", "gone": "{gone}", "fixed": true });
        let told = filled(&arguments).json(&template).unwrap();
        let note = format!("said: {}", arguments["text"].as_str().unwrap());
        assert_eq!(told, json!({ "count": 7, "all": [1, 2], "note": note, "fixed": true }));
    }

    proptest! {
        #[test]
        fn a_path_has_as_many_segments_as_its_template(id in ".{1,40}") {
            let arguments = json!({ "id": id });
            if let Ok(path) = filled(&arguments).path("/a/{id}/b") {
                let url = url::Url::parse(&format!("https://x.example{path}")).unwrap();
                prop_assert_eq!(url.path_segments().unwrap().count(), 3);
                prop_assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("x.example"), None, None));
            }
        }
    }
}
