//! From an OpenAPI 3 document, JSON or YAML, to requests that agents can make: pure. References are followed inside the document
//! only, and what a YAML document repeats by aliases is bounded.

use super::template::is_name;
use colloquy_domain::{
    failure::Failure,
    http_tool::{BodyTemplate, Imported, LeftOut, Method, Operation},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Steps of references and schemas within schemas that are followed; beyond, anything is allowed.
const DEPTH: usize = 16;
/// Of a schema of arguments, written out, in bytes.
const LONGEST_SCHEMA: usize = 16 * 1024;
const LONGEST_DESCRIPTION: usize = 1_000;
const LONGEST_NAME: usize = 40;
/// Headers that OpenAPI leaves to what sends the request.
const NOT_PARAMETERS: &[&str] = &["accept", "authorization", "content-type"];
/// What OpenAPI says beside JSON Schema.
const ONLY_OPENAPI: &[&str] = &["discriminator", "example", "examples", "externalDocs", "xml", "deprecated"];

/// Keys and values of a YAML document, those that aliases repeat among them: more than the largest documents have.
const MOST_NODES: usize = 500_000;
/// What aliases repeat. Aliases of aliases grow beyond all bounds in a few lines.
const MOST_REPEATED: usize = 100_000;
const DEEPEST: usize = 64;

/// # Errors
/// Reject: `openapi.unreadable` (neither JSON nor YAML), `openapi.version`, `openapi.empty`.
pub fn read(text: &str) -> Result<Imported, Failure> {
    let document = document(text).map_err(|why| Failure::reject("openapi.unreadable", why))?;
    if !document.get("openapi").and_then(Value::as_str).is_some_and(|v| v.starts_with("3.")) {
        return Err(Failure::reject(
            "openapi.version",
            "is no OpenAPI 3 document: it has no `openapi` that begins with `3.`",
        ));
    }
    let document = Document(&document);
    let (mut operations, mut left_out, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (path, item) in document.0.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let item = document.resolved(item);
        for method in Method::ALL {
            let Some(operation) = item.get(method.name().to_ascii_lowercase()) else { continue };
            match document.operation((method, path), item, operation) {
                Ok(made) => {
                    let name = free(&taken, &made.name);
                    taken.insert(name.clone());
                    operations.push(Operation { name, ..made });
                }
                Err(why) => left_out.push(LeftOut { what: format!("{} {path}", method.name()), why }),
            }
        }
    }
    if operations.is_empty() && left_out.is_empty() {
        return Err(Failure::reject("openapi.empty", "has no operations under `paths`"));
    }
    let title = document.0.pointer("/info/title").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Imported { title, url: document.url(), operations, left_out })
}

/// JSON begins with a brace; anything else is YAML.
fn document(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|e| format!("no JSON at line {} column {}", e.line(), e.column()));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MOST_NODES, max_events: 4 * MOST_NODES, max_depth: DEEPEST, max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MOST_REPEATED, max_replay_stack_depth: DEEPEST,
        },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|e| format!("no YAML: {e}"))
}

/// The arguments of an operation in the making.
#[derive(Default)]
struct Arguments {
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl Arguments {
    /// Its placeholder.
    fn add(&mut self, name: &str, required: bool, schema: Value) -> String {
        let taken: BTreeSet<String> = self.properties.keys().cloned().collect();
        let name = free(&taken, &fitting(name));
        self.properties.insert(name.clone(), schema);
        if required {
            self.required.push(name.clone().into());
        }
        format!("{{{name}}}")
    }

    fn schema(self) -> String {
        let Self { properties, required } = self;
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
            .to_string()
    }
}

struct Document<'a>(&'a Value);

impl<'a> Document<'a> {
    fn url(&self) -> Option<String> {
        let server = self.0.pointer("/servers/0")?;
        let mut url = server.get("url")?.as_str()?.to_owned();
        for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
            let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default);
        }
        (url.starts_with("https://") || url.starts_with("http://")).then_some(url)
    }

    /// What a reference leads to; one that leads nowhere, or around, is nothing.
    fn resolved(&self, value: &'a Value) -> &'a Value {
        let mut at = value;
        for _ in 0..DEPTH {
            match at.get("$ref").and_then(Value::as_str) {
                None => return at,
                Some(to) => at = to.strip_prefix('#').and_then(|p| self.0.pointer(p)).unwrap_or(&Value::Null),
            }
        }
        &Value::Null
    }

    fn operation(
        &self,
        (method, path): (Method, &str),
        item: &'a Value,
        operation: &'a Value,
    ) -> Result<Operation, String> {
        let mut arguments = Arguments::default();
        let (mut to, mut query, mut headers, mut key_header) =
            (path.to_owned(), BTreeMap::new(), BTreeMap::new(), None);
        for parameter in self.parameters(item, operation) {
            let text = |field| parameter.get(field).and_then(Value::as_str).unwrap_or_default();
            let (name, place) = (text("name"), text("in"));
            let required = place == "path" || parameter.get("required") == Some(&Value::Bool(true));
            let lower = name.to_ascii_lowercase();
            if place == "header" && lower == "idempotency-key" {
                key_header = Some(lower);
                continue;
            }
            if place == "header" && NOT_PARAMETERS.contains(&lower.as_str()) {
                continue;
            }
            if place == "cookie" {
                if required {
                    return Err(format!("it needs the cookie {name}"));
                }
                continue;
            }
            let schema =
                described(self.schema(parameter.get("schema").unwrap_or(&Value::Null), 0), text("description"));
            let placeholder = arguments.add(name, required, schema);
            match place {
                "path" => to = to.replace(&format!("{{{name}}}"), &placeholder),
                "query" => drop(query.insert(name.to_owned(), placeholder)),
                "header" => drop(headers.insert(lower, placeholder)),
                _ => return Err(format!("{name} is in no place that HTTP has")),
            }
        }
        let body = self.body(operation, &mut arguments)?;
        let parameters = arguments.schema();
        if parameters.len() > LONGEST_SCHEMA {
            return Err(format!("what describes its arguments is longer than {LONGEST_SCHEMA} bytes"));
        }
        let id = operation.get("operationId").and_then(Value::as_str).filter(|id| !id.is_empty());
        let name = id.map_or_else(|| fitting(&format!("{}{path}", method.name().to_ascii_lowercase())), fitting);
        Ok(Operation {
            description: description(operation).unwrap_or_else(|| format!("{} {path}", method.name())),
            name: name.replace('.', "_"),
            parameters,
            method,
            path: to,
            query,
            headers,
            body,
            effect: method.effect(),
            pick: None,
            success: Vec::new(),
            key_header,
            lookup: None,
        })
    }

    /// An operation's own before its path's of the same name and place.
    fn parameters(&self, item: &'a Value, operation: &'a Value) -> Vec<&'a Value> {
        let mut seen = BTreeSet::new();
        let all =
            [operation, item].into_iter().filter_map(|of| of.get("parameters").and_then(Value::as_array)).flatten();
        let all = all.map(|parameter| self.resolved(parameter));
        all.filter(|p| seen.insert((p.get("name").map(Value::to_string), p.get("in").map(Value::to_string)))).collect()
    }

    /// One argument, `body`.
    fn body(&self, operation: &'a Value, arguments: &mut Arguments) -> Result<Option<BodyTemplate>, String> {
        let Some(body) = operation.get("requestBody").map(|body| self.resolved(body)) else { return Ok(None) };
        let required = body.get("required") == Some(&Value::Bool(true));
        let kinds = body.get("content").and_then(Value::as_object);
        let of = |fits: fn(&str) -> bool| {
            kinds.into_iter().flatten().find(|(kind, _)| fits(kind.split(';').next().unwrap_or_default().trim()))
        };
        let json = of(|kind| kind == "application/json" || kind.ends_with("+json") || kind == "*/*");
        let form = of(|kind| kind == "application/x-www-form-urlencoded");
        let (Some((_, content)), form) = (json.or(form), json.is_none()) else {
            return if required { Err("its body is neither JSON nor a form".to_owned()) } else { Ok(None) };
        };
        let schema = self.schema(content.get("schema").unwrap_or(&Value::Null), 0);
        let said = body.get("description").and_then(Value::as_str).unwrap_or_default();
        let placeholder = arguments.add("body", required, described(schema, said));
        Ok(Some(BodyTemplate { json: Value::String(placeholder).to_string(), form }))
    }

    /// A schema as JSON Schema has it, with what it refers to written out.
    fn schema(&self, schema: &'a Value, depth: usize) -> Value {
        let resolved = self.resolved(schema);
        let Some(fields) = resolved.as_object().filter(|_| depth < DEPTH) else { return json!({}) };
        let mut out = Map::new();
        for (name, value) in fields {
            let kept = match name.as_str() {
                n if ONLY_OPENAPI.contains(&n) || n.starts_with("x-") || n == "nullable" => continue,
                "properties" | "patternProperties" => match value.as_object() {
                    Some(of) => of.iter().map(|(n, s)| (n.clone(), self.schema(s, depth + 1))).collect(),
                    None => continue,
                },
                "items" | "additionalProperties" | "not" if value.is_object() => self.schema(value, depth + 1),
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => match value.as_array() {
                    Some(of) => of.iter().map(|s| self.schema(s, depth + 1)).collect(),
                    None => continue,
                },
                // Of OpenAPI 3.0, where they say how `minimum` and `maximum` are meant.
                "exclusiveMinimum" | "exclusiveMaximum" if value.is_boolean() => continue,
                _ => value.clone(),
            };
            out.insert(name.clone(), kept);
        }
        let nullable = fields.get("nullable") == Some(&Value::Bool(true));
        if let Some(Value::String(of)) = out.get("type").filter(|_| nullable).cloned() {
            out.insert("type".to_owned(), json!([of, "null"]));
        }
        Value::Object(out)
    }
}

fn described(schema: Value, description: &str) -> Value {
    match schema {
        Value::Object(mut fields) if !description.is_empty() => {
            fields.insert("description".to_owned(), description.into());
            Value::Object(fields)
        }
        other => other,
    }
}

fn description(operation: &Value) -> Option<String> {
    let of = |field| operation.get(field).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
    let words: Vec<&str> = [of("summary"), of("description")].into_iter().flatten().collect();
    let words = words.join("\n");
    (!words.is_empty()).then(|| words[..words.floor_char_boundary(LONGEST_DESCRIPTION)].to_owned())
}

/// A name that providers of models allow.
fn fitting(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    let made: String = name.chars().map(fits).take(LONGEST_NAME).collect();
    if is_name(&made) { made } else { "argument".to_owned() }
}

fn free(taken: &BTreeSet<String>, name: &str) -> String {
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|n| !taken.contains(n)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::check;
    use colloquy_domain::tool::EffectClass;

    fn petstore() -> Value {
        json!({
            "openapi": "3.0.3",
            "info": { "title": "Pets" },
            "servers": [{ "url": "https://{where}.example/v1", "variables": { "where": { "default": "pets" } } }],
            "paths": {
                "/pets/{pet-id}": {
                    "parameters": [{ "$ref": "#/components/parameters/Id" }],
                    "get": { "operationId": "showPet", "summary": "One pet",
                        "parameters": [{ "name": "fields[]", "in": "query", "schema": { "type": "array", "items": { "type": "string" } } }] },
                    "delete": { "parameters": [{ "name": "If-Match", "in": "header", "required": true, "schema": { "type": "string" } }] },
                },
                "/pets": { "post": { "operationId": "addPet", "description": "Adds a pet.",
                    "parameters": [{ "name": "Idempotency-Key", "in": "header", "schema": { "type": "string" } }],
                    "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pet" } } } } } },
                "/photos": { "put": { "requestBody": { "required": true, "content": { "image/png": {} } } } },
            },
            "components": {
                "parameters": { "Id": { "name": "pet-id", "in": "path", "required": true, "description": "Whose", "schema": { "type": "string" } } },
                "schemas": { "Pet": { "type": "object", "required": ["name"], "properties": {
                    "name": { "type": "string", "example": "Rex" },
                    "age": { "type": "integer", "minimum": 0, "exclusiveMinimum": true, "nullable": true },
                    "mother": { "$ref": "#/components/schemas/Pet" } } } },
            },
        })
    }

    #[test]
    fn operations_become_requests_with_their_arguments() {
        let read = read(&petstore().to_string()).unwrap();
        assert_eq!((read.title.as_str(), read.url.as_deref()), ("Pets", Some("https://pets.example/v1")));
        assert_eq!(check(&read.operations), [], "what is read can be used");
        let by_name = |name: &str| read.operations.iter().find(|o| o.name == name).unwrap();
        let show = by_name("showPet");
        assert_eq!((show.path.as_str(), show.effect), ("/pets/{pet-id}", EffectClass::Read));
        assert_eq!(show.query, [("fields[]".to_owned(), "{fields__}".to_owned())].into());
        let add = by_name("addPet");
        assert_eq!((add.effect, add.key_header.as_deref()), (EffectClass::Unsafe, Some("idempotency-key")));
        let schema: Value = serde_json::from_str(&add.parameters).unwrap();
        assert_eq!(schema.pointer("/properties/body/properties/age/type"), Some(&json!(["integer", "null"])));
        assert_eq!(schema.pointer("/properties/body/properties/name"), Some(&json!({ "type": "string" })));
        let delete = by_name("delete_pets__pet-id_");
        assert_eq!(delete.headers, [("if-match".to_owned(), "{If-Match}".to_owned())].into());
        assert_eq!((read.left_out.len(), read.left_out[0].what.as_str()), (1, "PUT /photos"));
    }

    #[test]
    fn what_is_no_such_document_is_named() {
        let code = |text: &str| read(text).unwrap_err().code;
        assert_eq!(code("openapi: [3.0.0"), "openapi.unreadable");
        assert_eq!(code("{openapi: 3.0.0"), "openapi.unreadable");
        assert_eq!(code("openapi: 3.0.0"), "openapi.empty");
        assert_eq!(code("- openapi"), "openapi.version");
        assert_eq!(code(r#"{"swagger": "2.0"}"#), "openapi.version");
        assert_eq!(code(r#"{"openapi": "3.1.0", "paths": {}}"#), "openapi.empty");
    }

    #[test]
    fn a_yaml_document_offers_what_the_same_in_json_does() {
        let text = serde_saphyr::to_string(&petstore()).unwrap();
        assert_eq!(read(&text).unwrap(), read(&petstore().to_string()).unwrap());
        let written = "openapi: 3.0.3 # by hand\ninfo: {title: Shop}\nservers: [{url: 'https://shop.example'}]\npaths:\n  /items/{id}:\n    get:\n      \
                       operationId: getItem\n      parameters:\n        - &id {name: id, in: path, required: true, schema: {type: string}}\n      \
                       responses: {200: {description: ok}}\n    delete:\n      parameters: [*id]\n";
        let read = read(written).unwrap();
        assert_eq!((read.operations.len(), read.left_out.len(), read.title.as_str()), (2, 0, "Shop"));
        assert!(read.operations.iter().all(|o| o.parameters.contains(r#""required":["id"]"#)), "{:?}", read.operations);
    }

    #[test]
    fn aliases_that_grow_and_depth_without_end_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let all = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{all}]\n"));
        }
        bomb.push_str("openapi: 3.0.0\npaths: *a11\n");
        assert_eq!(read(&bomb).unwrap_err().code, "openapi.unreadable");
        let deep = format!("openapi: 3.0.0\npaths: {}", "[".repeat(100_000));
        assert_eq!(read(&deep).unwrap_err().code, "openapi.unreadable");
        let wide = format!("openapi: 3.0.0\npaths: [{}]", "1,".repeat(MOST_NODES));
        assert_eq!(read(&wide).unwrap_err().code, "openapi.unreadable");
        let two = "openapi: 3.0.0\n---\nopenapi: 3.0.0\n";
        assert_eq!(read(two).unwrap_err().code, "openapi.unreadable");
    }

    #[test]
    fn references_that_go_around_end() {
        let around = json!({ "openapi": "3.1.0", "paths": { "/a": { "get": {
            "parameters": [{ "name": "x", "in": "query", "schema": { "$ref": "#/components/schemas/A" } }, { "$ref": "#/nowhere" }] } } },
            "components": { "schemas": { "A": { "$ref": "#/components/schemas/B" }, "B": { "$ref": "#/components/schemas/A" } } } });
        let read = read(&around.to_string()).unwrap();
        assert_eq!((read.operations.len(), read.left_out.len()), (0, 1), "a parameter without a place");
    }

    #[test]
    fn our_own_document_can_be_read() {
        let ours = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json")).unwrap();
        let read = read(&ours).unwrap();
        assert!(read.operations.len() > 100, "{}", read.operations.len());
        assert_eq!(check(&read.operations[..100]), []);
    }
}
