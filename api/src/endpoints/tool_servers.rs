//! `GET/POST /api/tool-servers`, `GET/PUT/DELETE /api/tool-servers/{id}`, `POST /api/tool-servers/{id}/refresh`: servers whose
//! tools agents can be given. They speak the Model Context Protocol, or HTTP alone. What is sent with each request is entered
//! and never shown.

mod rule;

use self::rule::Rule;
use super::http_tools::Request;
use crate::{
    answer::{Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, created, ok},
    openapi::one_of,
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    channel::Secret,
    http_tool::Operation,
    ids::ToolServerId,
    tool::EffectClass,
    tool_server::{LONGEST_SERVER, OfferedTool, Speaks, ToolServer, ToolServerSettings, agents_name, is_server_name},
};
use colloquy_store::{MOST_TOOL_SERVERS, PageRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use url::Url;

/// Stands for a header that stays as it is.
const MASK: &str = "***";
const LONGEST_URL: usize = 2_000;
const LONGEST_HEADER: usize = 8_000;
const MOST_HEADERS: usize = 20;
const MOST_RULES: usize = 500;
/// Those that the protocol itself sets.
const RESERVED: &[&str] = &[
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
    "transfer-encoding",
];

#[derive(Serialize, JsonSchema)]
pub struct OfferedOut {
    /// What the server calls it.
    name: String,
    /// What agents call it: this belongs into an agent's `tools`.
    agents_name: String,
    description: String,
    enabled: bool,
    #[schemars(schema_with = "one_of::<EffectClass>")]
    effect: EffectClass,
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    name: String,
    url: String,
    /// `***` for each that is there.
    headers: BTreeMap<String, &'static str>,
    /// The same.
    query: BTreeMap<String, &'static str>,
    /// The requests that are its tools, if nothing but HTTP is spoken to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<Vec<Request>>,
    enabled: bool,
    trusted: bool,
    rules: BTreeMap<String, Rule>,
    /// What it offered when it was asked last.
    tools: Vec<OfferedOut>,
    asked_at: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<ToolServer> for Out {
    fn from(server: ToolServer) -> Self {
        let s = &server.settings;
        let given: BTreeMap<String, EffectClass> =
            server.given().into_iter().map(|(own, spec)| (own, spec.effect)).collect();
        let tool = |t: &OfferedTool| OfferedOut {
            name: t.name.clone(),
            agents_name: agents_name(&s.name, &t.name),
            description: t.description.clone(),
            enabled: given.contains_key(&t.name),
            effect: given.get(&t.name).copied().unwrap_or(EffectClass::Unsafe),
        };
        let tools = server.tools.iter().map(tool).collect();
        let masked = |of: &BTreeMap<String, Secret>| of.keys().map(|name| (name.clone(), MASK)).collect();
        Self {
            id: server.id.to_string(),
            tools,
            headers: masked(&s.headers),
            query: masked(&s.query),
            operations: match &s.speaks {
                Speaks::Mcp => None,
                Speaks::Http(operations) => Some(operations.iter().map(Request::from).collect()),
            },
            enabled: s.enabled,
            trusted: s.trusted,
            rules: s.rules.iter().map(|(n, r)| (n.clone(), r.into())).collect(),
            asked_at: server.asked_at.map(rfc3339),
            created_at: rfc3339(server.created_at),
            updated_at: rfc3339(server.updated_at),
            name: server.settings.name,
            url: server.settings.url,
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// Begins the names of its tools: lower-case letters, digits, `-` and single `_`.
    name: String,
    url: String,
    /// Sent with each request, such as `authorization`; `***` leaves one as it is.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Sent with each request in its query, such as a key; with `operations` only.
    #[serde(default)]
    query: BTreeMap<String, String>,
    /// With these, nothing but HTTP is spoken to it: they are its tools. Without, it speaks the Model Context Protocol.
    #[serde(default)]
    operations: Option<Vec<Request>>,
    #[serde(default = "yes")]
    enabled: bool,
    /// Believe what it says of its tools' effects. Otherwise all of them count as unsafe.
    #[serde(default)]
    trusted: bool,
    /// By the names that the server gives its tools.
    #[serde(default)]
    rules: BTreeMap<String, Rule>,
}

const fn yes() -> bool {
    true
}

impl New {
    /// All that is wrong at once. Secrets of `before` stay only where they went before.
    fn settings(self, api: &Api, before: Option<&ToolServer>) -> ApiResult<ToolServerSettings> {
        let mut wrong = Vec::new();
        if !is_server_name(&self.name) {
            let must = format!("must have 1 to {LONGEST_SERVER} lower-case letters, digits, `-` and single `_` inside");
            wrong.push(Detail::new("name", must));
        }
        let called = Url::parse(&self.url).ok().filter(|u| {
            matches!(u.scheme(), "http" | "https") && u.has_host() && u.username().is_empty() && u.password().is_none()
        });
        if called.is_none() || self.url.len() > LONGEST_URL {
            wrong.push(Detail::new("url", "must be an http or https address without a password"));
        }
        if self.operations.is_some() && called.as_ref().is_some_and(|u| u.query().is_some() || u.fragment().is_some()) {
            wrong.push(Detail::new("url", "must have no query: `query` and the requests have it"));
        }
        if self.operations.is_none() && !self.query.is_empty() {
            wrong.push(Detail::new("query", "is sent with `operations` only"));
        }
        if self.headers.len() > MOST_HEADERS || self.query.len() > MOST_HEADERS {
            let field = if self.headers.len() > MOST_HEADERS { "headers" } else { "query" };
            wrong.push(Detail::new(field, format!("must be at most {MOST_HEADERS}")));
        }
        wrong.extend(self.rules.iter().flat_map(|(name, rule)| rule.wrong(name, self.operations.as_deref())));
        if self.rules.len() > MOST_RULES {
            wrong.push(Detail::new("rules", format!("must be at most {MOST_RULES}")));
        }
        let origin = |url: &str| Url::parse(url).ok().map(|u| u.origin());
        let same = before.filter(|b| called.as_ref().map(Url::origin) == origin(&b.settings.url));
        let kept = before.map(|_| same.map(|b| &b.settings));
        let mut headers = BTreeMap::new();
        for (name, value) in self.headers {
            match header(&name, value, kept.map(|k| k.map(|s| &s.headers))) {
                Ok((name, value)) => drop(headers.insert(name, value)),
                Err(must) => wrong.push(Detail::new(format!("headers.{name}"), must)),
            }
        }
        let mut query = BTreeMap::new();
        for (name, value) in self.query {
            let checked = if name.is_empty() {
                Err("has no name")
            } else {
                secret(&name, value, kept.map(|k| k.map(|s| &s.query)))
            };
            match checked {
                Ok(value) => drop(query.insert(name, value)),
                Err(must) => wrong.push(Detail::new(format!("query.{name}"), must)),
            }
        }
        let speaks = match self.operations {
            None => Speaks::Mcp,
            Some(requests) => {
                let operations: Vec<Operation> = requests.into_iter().map(Operation::from).collect();
                let checked = api.catalogue.check_operations(&operations);
                wrong.extend(checked.into_iter().map(|(field, must)| Detail::new(field, must)));
                Speaks::Http(operations)
            }
        };
        if !wrong.is_empty() {
            return Err(ApiError::validation(wrong));
        }
        Ok(ToolServerSettings {
            name: self.name,
            url: self.url,
            speaks,
            headers,
            query,
            enabled: self.enabled,
            trusted: self.trusted,
            rules: self.rules.into_iter().map(|(name, r)| (name, r.into())).collect(),
        })
    }
}

/// What is there already: the inner `None` if the address is another host's by now, which must not hear it.
type Kept<'a> = Option<Option<&'a BTreeMap<String, Secret>>>;

fn header(name: &str, value: String, before: Kept<'_>) -> Result<(String, Secret), &'static str> {
    let name = name.to_ascii_lowercase();
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err("is no name of a header");
    }
    if RESERVED.contains(&name.as_str()) {
        return Err("is set by the protocol");
    }
    secret(&name, value, before).map(|value| (name, value))
}

fn secret(name: &str, value: String, before: Kept<'_>) -> Result<Secret, &'static str> {
    if value == MASK {
        return match before {
            Some(None) => Err("must be entered again: the address is another one, and must not hear the old value"),
            Some(Some(before)) => before.get(name).cloned().ok_or("has no value that could stay"),
            None => Err("has no value that could stay"),
        };
    }
    let printed = |c: char| c == ' ' || c.is_ascii_graphic();
    if value.is_empty() || value.len() > LONGEST_HEADER || !value.chars().all(printed) {
        return Err("must be printed ASCII characters");
    }
    Ok(Secret::new(value))
}

pub(super) async fn find(tenant: &Tenant, id: &str) -> ApiResult<ToolServer> {
    Ok(tenant.store.tool_server(id.parse::<ToolServerId>()?).await?)
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("tool_servers", tenant.store.tool_servers(at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(find(&tenant, &id).await?.into())
}

/// Connects it; what it offers is known once it was asked (`…/refresh`).
pub async fn create(State(api): State<Arc<Api>>, tenant: Tenant, Body(new): Body<New>) -> ApiResult<Created<Out>> {
    let settings = new.settings(&api, None)?;
    let there = tenant.store.tool_servers(PageRequest::new(1, 1)).await?.total;
    if there >= u64::from(MOST_TOOL_SERVERS) {
        return Err(ApiError::invalid("name", format!("there are {MOST_TOOL_SERVERS} already, the most that can be")));
    }
    let made = tenant.store.create_tool_server(&settings).await?;
    tenant.note("tool_server.created", made.id, &made.settings.name).await?;
    created(made.into())
}

/// All of it.
pub async fn replace(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(new): Body<New>,
) -> ApiResult<Of<Out>> {
    let before = find(&tenant, &id).await?;
    let settings = new.settings(&api, Some(&before))?;
    let changed = tenant.store.update_tool_server(before.id, &settings).await?;
    tenant.note("tool_server.changed", changed.id, &changed.settings.name).await?;
    ok(changed.into())
}

pub async fn remove(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    tenant.store.delete_tool_server(id.parse::<ToolServerId>()?).await?;
    tenant.note("tool_server.deleted", &id, "").await?;
    ok(Deleted::of(id))
}

/// What came of asking a server.
#[derive(Serialize, JsonSchema)]
pub struct Refreshed {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    server: Out,
}

/// Asks the server what it offers. What it offered before stays known if it does not answer; one with `operations` is not
/// asked.
pub async fn refresh(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Refreshed>> {
    let server = find(&tenant, &id).await?;
    if matches!(server.settings.speaks, Speaks::Http(_)) {
        return ok(Refreshed { ok: true, code: None, message: None, server: server.into() });
    }
    match api.remote.look(&server).await {
        Ok(tools) => {
            tenant.store.tool_server_told(&server, &tools).await?;
            let server = find(&tenant, &id).await?.into();
            ok(Refreshed { ok: true, code: None, message: None, server })
        }
        Err(f) => {
            ok(Refreshed { ok: false, code: Some(f.code.to_string()), message: Some(f.detail), server: server.into() })
        }
    }
}
