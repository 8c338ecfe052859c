//! Requests that name what another tenant has: in the path, in the query, in the body.

use super::{
    endpoints::Endpoint,
    tenants::{MARKS, Neighbour},
};
use crate::support::client::Client;
use reqwest::{
    Method, RequestBuilder,
    multipart::{Form, Part},
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// An answer that refuses does not take long.
const PATIENCE: Duration = Duration::from_secs(20);

/// One request to make.
pub struct Fill {
    pub path: String,
    body: Option<Value>,
    /// The path names a row of the neighbour's.
    pub names_a_row: bool,
    /// Everything in it that the answer may repeat.
    pub sent: String,
}

impl Fill {
    /// What one endpoint is asked. `thorough`: the caller's own rows are told of the neighbour's, too, by each kind of value.
    pub fn all(endpoint: &Endpoint, path: &str, neighbour: &Neighbour, thorough: bool) -> Vec<Self> {
        let values = neighbour.references();
        let few = &values[..1];
        if !path.contains('{') {
            return Self::at(endpoint, path, false, if thorough { &values } else { few });
        }
        let theirs = neighbour.rows_of(path).into_iter().map(|row| put(path, &row));
        let mut fills: Vec<_> = theirs.flat_map(|path| Self::at(endpoint, &path, true, few)).collect();
        if thorough && endpoint.reads.is_some() {
            let own = neighbour.own_of(path).into_iter().map(|row| put(path, &row));
            fills.extend(own.flat_map(|path| Self::at(endpoint, &path, false, &values)));
        }
        fills
    }

    fn at(endpoint: &Endpoint, path: &str, names_a_row: bool, values: &[String]) -> Vec<Self> {
        let bodies: Vec<Option<Value>> = match &endpoint.reads {
            Some((_, schema)) => values.iter().flat_map(|v| bodies(schema, v)).map(Some).collect(),
            None => vec![None],
        };
        let mut fills: Vec<_> = bodies.into_iter().map(|b| Self::new(path.to_owned(), names_a_row, b)).collect();
        if endpoint.method == Method::GET {
            fills.extend(queries(endpoint, path, values).map(|path| Self::new(path, names_a_row, None)));
        }
        fills
    }

    fn new(path: String, names_a_row: bool, body: Option<Value>) -> Self {
        let sent = format!("{path}{}", body.as_ref().map(Value::to_string).unwrap_or_default());
        Self { path, body, names_a_row, sent }
    }

    pub fn request(&self, api: &Client, endpoint: &Endpoint) -> RequestBuilder {
        let request = api.request(endpoint.method.clone(), &self.path).timeout(PATIENCE);
        match (&endpoint.reads, &self.body) {
            (Some((media, _)), Some(body)) if media == "multipart/form-data" => request.multipart(form(body)),
            (Some((media, _)), Some(body)) if media != "application/json" => {
                request.header("content-type", media).body(body.to_string())
            }
            (_, Some(body)) => request.json(body),
            _ => request,
        }
    }
}

/// A path with its parameters.
pub fn put(path: &str, row: &[String]) -> String {
    let mut values = row.iter();
    let word = |w: &str| if w.starts_with('{') { values.next().unwrap().clone() } else { w.to_owned() };
    path.split('/').map(word).collect::<Vec<_>>().join("/")
}

fn queries<'a>(endpoint: &'a Endpoint, path: &'a str, values: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let marks = MARKS.iter().take(2).map(|m| (*m).to_owned());
    let all: Vec<String> = values.iter().cloned().chain(marks).collect();
    let asked = endpoint.query.iter().filter(|name| !matches!(name.as_str(), "page" | "limit"));
    asked.flat_map(move |name| all.clone().into_iter().map(move |value| format!("{path}?{name}={value}")))
}

/// Bodies that fit the schema, with `value` wherever a text may stand: with all fields, with the needed ones, and each
/// of the others alone (what is wrong in one field must not hide what another does).
fn bodies(schema: &Value, value: &str) -> Vec<Value> {
    let whole = fit(schema, value);
    let Value::Object(fields) = &whole else { return vec![whole] };
    let needed = |name: &String| schema["required"].as_array().is_some_and(|r| r.iter().any(|n| n == name));
    let least: Map<String, Value> =
        fields.iter().filter(|(n, _)| needed(n)).map(|(n, v)| (n.clone(), v.clone())).collect();
    let with = |(name, field): (&String, &Value)| {
        let mut one = least.clone();
        one.insert(name.clone(), field.clone());
        Value::Object(one)
    };
    let mut all: Vec<Value> =
        fields.iter().filter(|(n, f)| !needed(n) && f.to_string().contains(value)).map(with).collect();
    all.push(Value::Object(least.clone()));
    all.push(whole);
    all
}

fn fit(schema: &Value, value: &str) -> Value {
    if let Some(one) = schema["enum"].as_array().and_then(|e| e.iter().find(|v| !v.is_null())) {
        return one.clone();
    }
    if let Some(some) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return fit(some.iter().find(|s| s["type"] != "null").unwrap(), value);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find_map(|k| k.as_str().filter(|k| *k != "null")),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let fields: Map<_, _> = fields.map(|(name, s)| (name.clone(), fit(s, value))).collect();
            if fields.is_empty() && schema["additionalProperties"].is_object() {
                return json!({ "name": fit(&schema["additionalProperties"], value) });
            }
            Value::Object(fields)
        }
        Some("array") => json!([fit(&schema["items"], value)]),
        Some("integer" | "number") => json!(schema["minimum"].as_u64().unwrap_or(1).max(1)),
        Some("boolean") => json!(false),
        _ => json!(value),
    }
}

fn form(body: &Value) -> Form {
    let fields = body.as_object().into_iter().flatten();
    fields.fold(Form::new(), |form, (name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match name.as_str() {
            "file" => form.part("file", Part::text(text).file_name("notes.txt")),
            _ => form.text(name.clone(), text),
        }
    })
}
