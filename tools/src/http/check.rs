//! What is wrong with declared requests, before anybody makes them: pure.

use super::template::{is_name, named};
use colloquy_domain::{
    http_tool::{Lookup, Method, Operation},
    tool_server::MOST_TOOLS,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const LONGEST_DESCRIPTION: usize = 2_000;
const LONGEST_PATH: usize = 2_000;
/// Of the JSON of the arguments' schema, or of a body.
const LONGEST_JSON: usize = 32 * 1024;
const MOST_FIELDS: usize = 50;
/// Those that are not a template's to set.
const RESERVED: &[&str] = &["connection", "content-length", "content-type", "host", "transfer-encoding"];

/// Field, and what it must be.
pub type Wrong = (String, String);

/// All that is wrong at once.
pub fn check(operations: &[Operation]) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    if operations.is_empty() || operations.len() > MOST_TOOLS {
        wrong.push(("operations".to_owned(), format!("must be 1 to {MOST_TOOLS}")));
    }
    let mut names = BTreeSet::new();
    for (i, operation) in operations.iter().enumerate() {
        let mut of = Of { at: format!("operations.{i}"), known: BTreeSet::new(), wrong: Vec::new() };
        if !names.insert(operation.name.as_str()) {
            of.says("name", "is there twice");
        }
        of.operation(operation);
        wrong.extend(of.wrong);
    }
    wrong
}

/// One operation under examination.
struct Of {
    at: String,
    /// Its arguments.
    known: BTreeSet<String>,
    wrong: Vec<Wrong>,
}

impl Of {
    fn says(&mut self, field: &str, must: impl Into<String>) {
        self.wrong.push((format!("{}.{field}", self.at), must.into()));
    }

    fn operation(&mut self, o: &Operation) {
        if !is_name(&o.name) || o.name.contains('.') {
            self.says("name", "must have 1 to 64 letters, digits, `-` and `_`");
        }
        if o.description.trim().is_empty() || o.description.len() > LONGEST_DESCRIPTION {
            self.says("description", format!("must have 1 to {LONGEST_DESCRIPTION} bytes: models choose by it"));
        }
        let required = self.parameters(&o.parameters);
        self.path("path", &o.path, &required);
        self.query("query", &o.query);
        self.headers(o);
        self.body(o);
        if o.pick.as_ref().is_some_and(|p| !p.is_empty() && !p.starts_with('/')) {
            self.says("pick", "must be a JSON pointer, such as `/data/0`");
        }
        self.statuses("success", &o.success);
        if let Some(Lookup { path, query, absent }) = &o.lookup {
            self.path("lookup.path", path, &required);
            self.query("lookup.query", query);
            self.statuses("lookup.absent", absent);
        }
    }

    /// The names of those that must be given.
    fn parameters(&mut self, text: &str) -> BTreeSet<String> {
        let schema: Value = serde_json::from_str(text).unwrap_or_default();
        let object = schema.get("type").is_some_and(|t| t == "object");
        if !object || text.len() > LONGEST_JSON || jsonschema::validator_for(&schema).is_err() {
            self.says("parameters", format!("must be a JSON Schema of an object, of at most {LONGEST_JSON} bytes"));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        self.known = properties.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let unfit: Vec<String> = self.known.iter().filter(|name| !is_name(name)).cloned().collect();
        for name in unfit {
            self.says(&format!("parameters.properties.{name}"), "must have letters, digits, `-`, `_` and `.` only");
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        required.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn template(&mut self, field: &str, template: &str) {
        let unknown: Vec<&str> = named(template).filter(|name| !self.known.contains(*name)).collect();
        if !unknown.is_empty() {
            self.says(field, format!("names no argument of `parameters`: {}", unknown.join(", ")));
        }
    }

    fn path(&mut self, field: &str, path: &str, required: &BTreeSet<String>) {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '\\');
        if !path.starts_with('/') || path.len() > LONGEST_PATH || !path.chars().all(plain) {
            self.says(field, "must begin with `/` and have no `?`, `#` or spaces");
        }
        self.template(field, path);
        let open: Vec<&str> = named(path).filter(|n| self.known.contains(*n) && !required.contains(*n)).collect();
        if !open.is_empty() {
            self.says(field, format!("needs these arguments, which must be `required`: {}", open.join(", ")));
        }
    }

    fn query(&mut self, field: &str, query: &BTreeMap<String, String>) {
        if query.len() > MOST_FIELDS || query.keys().any(String::is_empty) {
            self.says(field, format!("must be at most {MOST_FIELDS}, each with a name"));
        }
        for (name, template) in query {
            self.template(&format!("{field}.{name}"), template);
        }
    }

    fn headers(&mut self, o: &Operation) {
        if o.headers.len() > MOST_FIELDS {
            self.says("headers", format!("must be at most {MOST_FIELDS}"));
        }
        let names = o.headers.keys().map(|n| (format!("headers.{n}"), n));
        for (field, name) in names.chain(o.key_header.iter().map(|n| ("key_header".to_owned(), n))) {
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(token) || name.chars().any(|c| c.is_ascii_uppercase()) {
                self.says(&field, "is no name of a header in lower case");
            } else if RESERVED.contains(&name.as_str()) {
                self.says(&field, "is set by the request itself");
            }
        }
        for (name, template) in &o.headers {
            self.template(&format!("headers.{name}"), template);
            if !template.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
                self.says(&format!("headers.{name}"), "must be printed ASCII characters");
            }
        }
    }

    fn body(&mut self, o: &Operation) {
        let Some(body) = &o.body else { return };
        if matches!(o.method, Method::Get | Method::Head) {
            self.says("body", "is not sent with this method");
        }
        let json: Option<Value> = serde_json::from_str(&body.json).ok().filter(|_| body.json.len() <= LONGEST_JSON);
        let Some(json) = json else {
            self.says("body", format!("must be JSON of at most {LONGEST_JSON} bytes"));
            return;
        };
        if body.form && !(json.is_object() || json.is_string()) {
            self.says("body", "must be an object: the fields of the form");
        }
        let mut strings = Vec::new();
        leaves(&json, &mut strings);
        for text in strings {
            self.template("body", text);
        }
    }

    fn statuses(&mut self, field: &str, statuses: &[u16]) {
        if statuses.len() > MOST_FIELDS || statuses.iter().any(|s| !(200..600).contains(s)) {
            self.says(field, "must be statuses from 200 to 599");
        }
    }
}

fn leaves<'a>(json: &'a Value, strings: &mut Vec<&'a str>) {
    match json {
        Value::String(text) => strings.push(text),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, strings)),
        Value::Object(fields) => fields.values().for_each(|value| leaves(value, strings)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tests::operation;
    use colloquy_domain::http_tool::BodyTemplate;

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        assert_eq!(check(&[operation(Method::Get, "/pets/{id}")]), []);
        let wrong = Operation {
            name: "a b".into(),
            path: "pets/{gone}?x".into(),
            headers: [("Host".to_owned(), "é".to_owned())].into(),
            body: Some(BodyTemplate { json: r#"["{nobody}"]"#.into(), form: true }),
            pick: Some("data".into()),
            success: vec![99],
            ..operation(Method::Get, "/")
        };
        let said = check(&[wrong]).into_iter().map(|(f, m)| format!("{f}: {m}")).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(said);
        let optional = Operation {
            parameters: r#"{"type":"object","properties":{"id":{}}}"#.into(),
            ..operation(Method::Get, "/{id}")
        };
        assert!(check(&[optional])[0].1.contains("must be `required`"));
        let twice = operation(Method::Get, "/a");
        assert_eq!(check(&[twice.clone(), twice])[0].0, "operations.1.name");
    }
}
