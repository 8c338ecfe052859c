//! Requests that name what another tenant has: in the path, in the query, in the body.

use super::{
    endpoints::Endpoint,
    tenants::{MARKS, Neighbour, shared_name},
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
    /// What an endpoint is asked for the neighbour's rows.
    pub fn theirs(endpoint: &Endpoint, path: &str, neighbour: &Neighbour) -> Vec<Self> {
        let values = neighbour.references();
        let few = &values[..1];
        let shared = shared_name(path);
        let named = path.contains('{') && shared.is_none();
        let paths = match shared {
            Some(name) => vec![put(path, &[name])],
            None if named => neighbour.rows_of(path).iter().map(|row| put(path, row)).collect(),
            None => vec![path.to_owned()],
        };
        let mut fills = Vec::new();
        for path in paths {
            let bodies = few.iter().flat_map(|v| endpoint.bodies(v)).map(|body| Self::new(path.clone(), named, body));
            fills.extend(bodies);
            if endpoint.method == Method::GET {
                fills.extend(queries(endpoint, &path, few).map(|path| Self::new(path, named, None)));
            }
        }
        fills
    }

    /// What an endpoint is told of the neighbour's rows, where it may write. `thorough`: by each kind of value, and about
    /// rows of one's own, too.
    pub fn own(endpoint: &Endpoint, path: &str, neighbour: &Neighbour, thorough: bool) -> Vec<Self> {
        let values = neighbour.references();
        let values = if thorough { &values[..] } else { &values[..1] };
        let paths = match path.contains('{') {
            true if thorough && endpoint.reads.is_some() => neighbour.own_of(path),
            true => Vec::new(),
            false => vec![Vec::new()],
        };
        let mut fills = Vec::new();
        for path in paths.into_iter().map(|row| put(path, &row)) {
            for value in values {
                let bodies = if thorough { endpoint.each_field(value) } else { endpoint.bodies(value) };
                fills.extend(bodies.into_iter().map(|body| Self::new(path.clone(), false, body)));
            }
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

impl Endpoint {
    /// Bodies that fit, with `value` wherever a text may stand: with all fields, and with the needed ones.
    fn bodies(&self, value: &str) -> Vec<Option<Value>> {
        let Some((_, schema)) = &self.reads else { return vec![None] };
        vec![Some(fit(schema, value)), Some(least(schema, value))]
    }

    /// The same, and each text alone beside the needed ones: what is wrong in one field must not hide what another does.
    fn each_field(&self, value: &str) -> Vec<Option<Value>> {
        let mut all = self.bodies(value);
        let Some((_, schema)) = &self.reads else { return all };
        let least = least(schema, value);
        let fields = fit(schema, value).as_object().cloned().unwrap_or_default();
        for (name, field) in fields.into_iter().filter(|(_, field)| field.to_string().contains(value)) {
            let mut one = least.clone();
            one[name] = field;
            all.push(Some(one));
        }
        all
    }
}

/// What must be there.
fn least(schema: &Value, value: &str) -> Value {
    let needed = |name: &str| schema["required"].as_array().is_some_and(|r| r.iter().any(|n| n == name));
    match fit(schema, value) {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(name, _)| needed(name)).collect()),
        other => other,
    }
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
