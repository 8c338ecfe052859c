//! `POST /api/tool-servers/openapi`, `POST /api/tool-servers/{id}/try`: requests to servers that speak HTTP alone, and what comes
//! of a tool's call.

use super::tool_servers::find;
use crate::{
    answer::Of,
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, ok},
    openapi::one_of,
    state::Api,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    failure::Failure,
    http_tool::{BodyTemplate, Imported, Lookup, Method, Operation},
    ids::ConversationId,
    language::Language,
    tool::{EffectClass, ToolCall, ToolInvocation, ToolStatus},
    tool_server::agents_name,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// Bytes that a document may have.
const LONGEST_DOCUMENT: u64 = 8 << 20;

/// One request that agents can make. `{name}` stands for the argument of that name, `{idempotency_key}` for the call's key.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Letters, digits, `-` and `_`.
    name: String,
    /// Models choose by it.
    description: String,
    /// JSON Schema of the arguments: an object.
    #[serde(default = "anything")]
    parameters: Value,
    #[schemars(schema_with = "one_of::<Method>")]
    method: Method,
    /// Behind the server's address.
    path: String,
    /// An entry that is nothing but a placeholder is left out without its argument; a list is repeated.
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// JSON. A string that is nothing but a placeholder becomes its argument, whatever its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    /// Send the body's fields as a form.
    #[serde(default)]
    form: bool,
    /// Unless it is said, what its method says: `GET` and `HEAD` read, `PUT` and `DELETE` are idempotent, others unsafe.
    #[serde(default)]
    #[schemars(schema_with = "one_of::<EffectClass>")]
    effect: Option<EffectClass>,
    /// JSON pointer to what of the answer a model reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pick: Option<String>,
    /// Statuses that mean that it was done; 200 to 299 if none is named.
    #[serde(default)]
    success: Vec<u16>,
    /// The header that carries the call's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lookup: Option<Look>,
}

/// A `GET` that tells whether a call whose answer was lost was carried out: 200 to 299 if it was.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Look {
    path: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    /// Statuses that mean that it was not carried out, and will not be.
    #[serde(default)]
    absent: Vec<u16>,
}

fn anything() -> Value {
    serde_json::json!({ "type": "object", "properties": {} })
}

impl From<Request> for Operation {
    fn from(r: Request) -> Self {
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Self {
            name: r.name,
            description: r.description,
            parameters: r.parameters.to_string(),
            method: r.method,
            path: r.path,
            query: r.query,
            headers: r.headers.into_iter().map(lower).collect(),
            body: r.body.map(|json| BodyTemplate { json: json.to_string(), form: r.form }),
            effect: r.effect.unwrap_or_else(|| r.method.effect()),
            pick: r.pick,
            success: r.success,
            key_header: r.key_header.map(|name| name.to_ascii_lowercase()),
            lookup: r.lookup.map(|l| Lookup { path: l.path, query: l.query, absent: l.absent }),
        }
    }
}

impl Request {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl From<&Operation> for Request {
    fn from(o: &Operation) -> Self {
        // Both were JSON when they were written down.
        let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
        let lookup = o.lookup.clone();
        Self {
            name: o.name.clone(),
            description: o.description.clone(),
            parameters: json(&o.parameters),
            method: o.method,
            path: o.path.clone(),
            query: o.query.clone(),
            headers: o.headers.clone(),
            body: o.body.as_ref().map(|b| json(&b.json)),
            form: o.body.as_ref().is_some_and(|b| b.form),
            effect: Some(o.effect),
            pick: o.pick.clone(),
            success: o.success.clone(),
            key_header: o.key_header.clone(),
            lookup: lookup.map(|l| Look { path: l.path, query: l.query, absent: l.absent }),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where the document is; or `document`.
    url: Option<String>,
    /// The document itself: JSON, as an object or as text, or YAML as text.
    document: Option<Value>,
}

/// What a document offers.
#[derive(Serialize, JsonSchema)]
pub struct Offered {
    title: String,
    /// The server's address, if the document says it in full.
    url: Option<String>,
    /// Choose of these for a server's `operations`.
    operations: Vec<Request>,
    left_out: Vec<Left>,
}

/// An operation that cannot be made here.
#[derive(Serialize, JsonSchema)]
pub struct Left {
    operation: String,
    why: String,
}

impl From<Imported> for Offered {
    fn from(i: Imported) -> Self {
        Self {
            title: i.title,
            url: i.url,
            operations: i.operations.iter().map(Request::from).collect(),
            left_out: i.left_out.into_iter().map(|l| Left { operation: l.what, why: l.why }).collect(),
        }
    }
}

/// Reads an OpenAPI 3 document, and keeps nothing: what it offers can be chosen from.
pub async fn import(State(api): State<Arc<Api>>, _: Tenant, Body(source): Body<Source>) -> ApiResult<Of<Offered>> {
    let (field, text) = match source {
        Source { document: Some(Value::String(text)), url: None } => ("document", text),
        Source { document: Some(document), url: None } => ("document", document.to_string()),
        Source { document: None, url: Some(url) } => {
            let found = api.sources.description(&url, LONGEST_DOCUMENT).await;
            let found =
                found.map_err(|f| if f.is_retry() { f.into() } else { ApiError::invalid("url", f.to_string()) })?;
            ("url", String::from_utf8_lossy(&found.body).into_owned())
        }
        _ => return Err(ApiError::invalid("document", "either it or `url` must be there")),
    };
    // Megabytes of YAML take a while.
    let catalogue = Arc::clone(&api.catalogue);
    let read = tokio::task::spawn_blocking(move || catalogue.read_openapi(&text)).await;
    let read = read.unwrap_or_else(|_| Err(Failure::reject("openapi.unreadable", "cannot be read")));
    ok(read.map_err(|f| ApiError::invalid(field, f.detail))?.into())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What the server calls it.
    tool: String,
    #[serde(default = "nothing")]
    arguments: Value,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::default())
}

/// What came of a call.
#[derive(Serialize, JsonSchema)]
pub struct Came {
    /// `done`, `failed`, or `uncertain` if nobody knows.
    status: &'static str,
    /// What a model would read.
    content: String,
    code: Option<String>,
    message: Option<String>,
}

/// Makes a call as an agent would, for real and at once.
pub async fn attempt(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(call): Body<Call>,
) -> ApiResult<Of<Came>> {
    let server = find(&tenant, &id).await?;
    if !server.tools.iter().any(|t| t.name == call.tool) {
        return Err(ApiError::invalid("tool", "the server has no such tool"));
    }
    let name = agents_name(&server.settings.name, &call.tool);
    tenant.note("tool_server.tried", server.id, &name).await?;
    let key = api.ids.uuid();
    let call = ToolCall { id: key.to_string(), name: name.clone(), arguments: call.arguments.to_string() };
    let invocation = ToolInvocation {
        tenant: tenant.id,
        // Of no conversation: nothing can be found by it.
        conversation: ConversationId::new(key),
        turn: 0,
        step: 0,
        index: 0,
        call,
        key: key.to_string(),
        resumed: false,
        // A person asks for it.
        as_unsafe: true,
        bases: Vec::new(),
        limits: None,
        team: Vec::new(),
        allowed: vec![name],
        language: Language::En,
    };
    let result = api.catalogue.try_tool(invocation).await;
    let (status, failure) = match result.status {
        ToolStatus::Done => ("done", None),
        ToolStatus::Failed { failure } => ("failed", Some(failure)),
        ToolStatus::Uncertain { failure } => ("uncertain", Some(failure)),
    };
    let (code, message) = failure.map(|f| (f.code, f.detail)).unzip();
    ok(Came { status, content: result.content, code, message })
}
