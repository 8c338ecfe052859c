//! The API's description, made from the registry of endpoints and the types of their handlers: OpenAPI 3.1.

mod describe;
mod names;

pub use describe::{Described, Gives, Operation, Success, Takes, read, written};
pub use names::{maybe_one_of, one_of};

use crate::{
    catalogue,
    registry::{Access, Endpoint},
    routes,
};
use axum::http::Method;
use colloquy_domain::access::{Action, Role};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const INTRODUCTION: &str = "\
Teams connect channels, upload knowledge and get grounded, cited replies.

`x-also-at` names other paths of the same operation. A bearer token is a person's \
access token (`POST /api/auth/login`) or an API key (`POST /api/api-keys`). `x-scope` is the scope that a key needs for \
an operation, `x-role` the lowest role of a person who may do it. Answers are `{success, data}`; refusals are \
`{success: false, message, error, code, requestId, details?}` in the language of `Accept-Language` (English, French).";

/// Prefixes under which endpoints lie a second time, and the usual ones.
const ALIASES: &[(&str, &str)] = &[
    ("/api/v1/", "/api/"),
    ("/auth/", "/api/auth/"),
    ("/dashboard/webhooks/", "/api/webhooks/"),
    ("/dashboard/calls", "/api/calls"),
];

/// Endpoints that stand for those of a model: their refusals look like a model's.
const OF_MODELS: &str = "/v1/";

/// Refusals that any endpoint can give.
const ALWAYS: &[u16] = &[400, 401, 403, 404, 429, 500, 503];
/// Those of endpoints that change something or read a body.
const OF_WRITES: &[u16] = &[402, 409, 412, 413, 415, 422, 502, 507];

/// The whole document.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    let all = routes::endpoints().into_iter().map(|(path, endpoint)| (template(&path), endpoint));
    let (others, first): (Vec<_>, Vec<_>) = all.partition(|(path, _)| usual(path) != *path);
    for (path, endpoint) in first {
        let operations = paths.entry(&path).or_insert_with(|| json!({}));
        operations[method(&endpoint)] = operation(&path, &endpoint);
    }
    for (path, endpoint) in others {
        if let Value::Array(also) = &mut paths[&usual(&path)][method(&endpoint)]["x-also-at"] {
            also.push(path.into());
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Colloquy",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Error": error(), "ModelError": model_error(), "Pagination": pagination() },
            "responses": responses(),
        },
    });
    document.sort_all_objects();
    document
}

/// Where an endpoint lies usually.
fn usual(path: &str) -> String {
    let alias = ALIASES.iter().find_map(|(other, usual)| Some(format!("{usual}{}", path.strip_prefix(other)?)));
    alias.unwrap_or_else(|| if path == "/" { path } else { path.trim_end_matches('/') }.to_owned())
}

/// The description knows no parameters of more than one part.
fn template(path: &str) -> String {
    path.replace("{*", "{")
}

fn method(endpoint: &Endpoint) -> String {
    endpoint.method.as_str().to_ascii_lowercase()
}

fn operation(path: &str, endpoint: &Endpoint) -> Value {
    let says = &endpoint.says;
    let mut shown = json!({
        "operationId": operation_id(path, &endpoint.method),
        "tags": [tag(path)],
        "parameters": parameters(path, says),
        "responses": answers(path, endpoint),
        "x-also-at": [],
    });
    if !says.reads.is_empty() {
        let content = says.reads.iter().map(|(media, schema)| ((*media).to_owned(), json!({ "schema": schema })));
        shown["requestBody"] = json!({ "required": true, "content": content.collect::<Map<_, _>>() });
    }
    if let Access::May(action) = endpoint.access {
        shown["security"] = json!([{ "bearer": [] }]);
        shown["x-scope"] = json!(action.scope());
        shown["x-role"] = json!(lowest(action).name());
        shown["description"] = json!(format!("Scope `{}`, from role {}.", action.scope(), lowest(action)));
    }
    shown
}

fn lowest(action: Action) -> Role {
    Role::ALL.into_iter().find(|r| r.may(action)).unwrap_or(Role::PlatformAdmin)
}

/// `get_api_agents_id`.
fn operation_id(path: &str, method: &Method) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let words: Vec<_> = std::iter::once(method.as_str().to_ascii_lowercase()).chain(words.map(str::to_owned)).collect();
    words.join("_")
}

/// What it is about: the first word that is no prefix.
fn tag(path: &str) -> &str {
    path.split('/').find(|word| !word.is_empty() && *word != "api").unwrap_or("api")
}

fn parameters(path: &str, says: &Operation) -> Vec<Value> {
    let names = path.split('/').filter_map(|w| w.strip_prefix('{')?.strip_suffix('}'));
    let of_path = names.map(
        |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } }),
    );
    of_path.chain(says.query.iter().flat_map(of_query)).collect()
}

fn of_query(object: &Value) -> Vec<Value> {
    let none = Map::new();
    let properties = object["properties"].as_object().unwrap_or(&none);
    let needed = |name: &str| object["required"].as_array().is_some_and(|r| r.iter().any(|n| n == name));
    let shown = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        not_null(&mut schema);
        let about = schema.as_object_mut().and_then(|s| s.remove("description"));
        let mut parameter = json!({ "name": name, "in": "query", "required": needed(name), "schema": schema });
        if let Some(about) = about {
            parameter["description"] = about;
        }
        parameter
    };
    // By name: the order in which types keep their properties depends on how a dependency was built.
    let properties: BTreeMap<_, _> = properties.iter().collect();
    properties.into_iter().map(shown).collect()
}

/// A parameter of a query is there or not; there is no null.
fn not_null(schema: &mut Value) {
    if let Some(kinds) = schema["type"].as_array().cloned() {
        let kinds: Vec<_> = kinds.into_iter().filter(|k| k != "null").collect();
        schema["type"] = if let [one] = &kinds[..] { one.clone() } else { json!(kinds) };
    }
}

fn answers(path: &str, endpoint: &Endpoint) -> Value {
    let mut all = Map::new();
    let (status, success) = success(path, &endpoint.says.answers);
    all.insert(status, success);
    let of_writes = if endpoint.method == Method::GET { &[] } else { OF_WRITES };
    for status in ALWAYS.iter().chain(of_writes) {
        let kind = if path.starts_with(OF_MODELS) { "Model" } else { "" };
        all.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{kind}{status}") }));
    }
    Value::Object(all)
}

fn success(path: &str, success: &Success) -> (String, Value) {
    let json = |schema: Value| json!({ "application/json": { "schema": schema } });
    match success {
        Success::Unknown => ("2XX".to_owned(), json!({ "description": "Done" })),
        Success::Data(status, data) => {
            let said = match status {
                201 => "Made",
                202 => "Begun",
                _ => "Done",
            };
            (status.to_string(), json!({ "description": said, "content": json(envelope(data)) }))
        }
        Success::Rows(row) => {
            let name = listed(path);
            let page = json!({
                "type": "object",
                "required": [name, "pagination"],
                "properties": {
                    name: { "type": "array", "items": row },
                    "pagination": { "$ref": "#/components/schemas/Pagination" },
                },
            });
            ("200".to_owned(), json!({ "description": "A page", "content": json(envelope(&page)) }))
        }
        Success::Other(media, schema) => {
            ("200".to_owned(), json!({ "description": "Done", "content": { *media: { "schema": schema } } }))
        }
        Success::WebSocket => ("101".to_owned(), json!({ "description": "Goes on as a WebSocket" })),
    }
}

/// Lists carry their rows under the last word of their path.
fn listed(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().replace('-', "_")
}

fn envelope(data: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["success", "data"],
        "properties": { "success": { "const": true }, "data": data },
    })
}

fn pagination() -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    json!({
        "type": "object",
        "required": ["page", "limit", "total", "totalPages"],
        "properties": { "page": number, "limit": number, "total": number, "totalPages": number },
    })
}

fn error() -> Value {
    let codes: Vec<_> = catalogue::ALL.iter().map(|refusal| refusal.code).collect();
    json!({
        "type": "object",
        "required": ["success", "message", "error", "code", "requestId"],
        "properties": {
            "success": { "const": false },
            "message": { "type": "string", "description": "In the reader's language where the sentence is always the same" },
            "error": { "type": "string", "description": "The same once more" },
            "code": { "type": "string", "enum": codes, "description": "Stable: see docs/ERRORS.md" },
            "requestId": { "type": "string" },
            "details": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": { "field": { "type": "string" }, "message": { "type": "string" } },
                },
            },
        },
    })
}

/// As clients of OpenAI read it.
fn model_error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": { "type": "string" },
                    "type": { "type": "string" },
                    "param": { "type": ["string", "null"] },
                    "code": { "type": ["string", "null"] },
                },
            },
            "requestId": { "type": "string" },
        },
    })
}

fn responses() -> Value {
    let shown = |status: &u16| {
        let codes = catalogue::ALL.iter().filter(|refusal| refusal.status == *status);
        let meanings = codes.map(|refusal| format!("`{}`: {}", refusal.code, refusal.english));
        let meanings = meanings.collect::<Vec<_>>().join("\n\n");
        let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
        (status.to_string(), json!({ "description": meanings, "content": content }))
    };
    let of_models = |status: &u16| {
        let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/ModelError" } } });
        (
            format!("Model{status}"),
            json!({ "description": "The error is told as OpenAI tells its own", "content": content }),
        )
    };
    let all = || ALWAYS.iter().chain(OF_WRITES);
    all().map(shown).chain(all().map(of_models)).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests;
