//! Tools of other programs, reached with the Model Context Protocol: on servers that tenants connect, over HTTP and behind
//! the same guard as everything that somebody names; and on those that the configuration names, as processes. Of servers
//! to which nothing but HTTP is spoken, `colloquy_tools::http` makes the requests.

mod answer;
mod open;
mod sessions;
#[cfg(test)]
mod tests;

use crate::{config::LocalServer, web::Internet};
use answer::{Lost, answered, lost, offered};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::{TenantId, ToolServerId},
    ports::{RemoteTool, RemoteTools, StoreError, ToolPlace},
    tool::{EffectClass, ToolInvocation, ToolLimits, ToolResult},
    tool_server::{MOST_TOOLS, OfferedTool, Speaks, ToolServer, given},
};
use colloquy_store::{MOST_TOOL_SERVERS, PageRequest, Store};
use colloquy_tools::http::Asked;
use rmcp::model::{CallToolRequestParams, RequestMetaObject};
use serde_json::{Map, Value};
use sessions::{Key, Session, Sessions};
use std::{sync::Arc, time::Duration};

/// How long a server may take to say what it offers, the opening of the session included.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same for every run of the same call: a server that knows it does a thing once.
const IDEMPOTENCY_KEY: &str = "colloquy/idempotencyKey";

/// All servers that an installation reaches.
pub struct ToolServers {
    store: Store,
    internet: Arc<Internet>,
    local: Vec<LocalServer>,
    sessions: Sessions,
}

impl ToolServers {
    pub fn new(store: Store, internet: Arc<Internet>, local: Vec<LocalServer>) -> Self {
        Self { store, internet, local, sessions: Sessions::default() }
    }

    async fn session_with(&self, server: &LocalServer) -> Result<Arc<Session>, Failure> {
        self.sessions.get(Key::Local(server.name.clone()), async || open::process(server).await).await
    }

    /// What a server of the configuration offers; none of it while it cannot be started, which is told in the log.
    async fn given_by(&self, server: &LocalServer) -> Vec<RemoteTool> {
        let tools = match self.session_with(server).await {
            Ok(session) => within(PATIENCE, listed(&session)).await,
            Err(failure) => Err(failure),
        };
        let tools = tools.unwrap_or_else(|error| {
            tracing::warn!(mcp.server = %server.name, failure.code = %error.code, "mcp.unavailable");
            Vec::new()
        });
        let effect = |tool: &OfferedTool| Some(if server.trusted { tool.effect } else { EffectClass::Unsafe });
        let place = |(name, spec)| RemoteTool {
            place: ToolPlace::Installed(server.name.clone()),
            name,
            spec,
            limits: ToolLimits::default(),
            undone_by: None,
        };
        given(&server.name, &tools, effect).into_iter().map(place).collect()
    }

    async fn session_for(&self, tool: &RemoteTool, tenant: TenantId) -> Result<(Key, Arc<Session>), Failure> {
        match &tool.place {
            ToolPlace::Connected(id) => {
                let server = self.server(*id, tenant).await?;
                let key = Key::Connected(server.id, server.updated_at);
                let session = self.sessions.get(key.clone(), async || open::over_http(&self.internet, &server).await);
                Ok((key, session.await?))
            }
            ToolPlace::Installed(name) => {
                let server = self.local.iter().find(|s| s.name == *name);
                let gone = || Failure::reject("mcp.unreachable", "the server is not configured any more");
                Ok((Key::Local(name.clone()), self.session_with(server.ok_or_else(gone)?).await?))
            }
        }
    }

    async fn server(&self, id: ToolServerId, tenant: TenantId) -> Result<ToolServer, Failure> {
        self.store.tenant(tenant).tool_server(id).await.map_err(store_failure)
    }

    /// The server, if nothing but HTTP is spoken to it.
    async fn over_http_alone(&self, tool: &RemoteTool, tenant: TenantId) -> Result<Option<ToolServer>, Failure> {
        let ToolPlace::Connected(id) = tool.place else { return Ok(None) };
        Ok(Some(self.server(id, tenant).await?).filter(|s| matches!(s.settings.speaks, Speaks::Http(_))))
    }

    async fn once(&self, tool: &RemoteTool, arguments: &str, inv: &ToolInvocation) -> Result<ToolResult, Lost> {
        let (key, session) = self.session_for(tool, inv.tenant).await.map_err(Lost::NotSent)?;
        let mut params = CallToolRequestParams::new(tool.name.clone());
        params.meta = Some(meta(inv));
        let arguments: Map<String, Value> = serde_json::from_str(arguments).unwrap_or_default();
        let suspected = Suspected { sessions: &self.sessions, key: Some(key) };
        let answer = session.service.call_tool(params.with_arguments(arguments)).await;
        match answer.map(answered).map_err(|error| lost(&error)) {
            heard @ (Ok(_) | Err(Lost::Refused(_))) => {
                suspected.cleared();
                heard
            }
            lost => lost,
        }
    }

    async fn is_for(&self, server: &LocalServer, tenant: TenantId) -> Result<bool, Failure> {
        let Some(tenants) = &server.tenants else { return Ok(true) };
        let slug = self.store.installation().tenant(tenant).await.map_err(store_failure)?.slug;
        Ok(tenants.contains(&slug))
    }
}

/// A session that gave no answer: whoever gives up waiting, too, leaves it to nobody else.
struct Suspected<'a> {
    sessions: &'a Sessions,
    key: Option<Key>,
}

impl Suspected<'_> {
    fn cleared(mut self) {
        self.key = None;
    }
}

impl Drop for Suspected<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.sessions.forget(key);
        }
    }
}

fn meta(inv: &ToolInvocation) -> RequestMetaObject {
    let mut meta = RequestMetaObject::new();
    meta.insert(IDEMPOTENCY_KEY.to_owned(), Value::String(inv.key.clone()));
    meta
}

/// What a session's server offers, asked once.
async fn listed(session: &Session) -> Result<Vec<OfferedTool>, Failure> {
    let ask = || async {
        let tools = session.service.list_all_tools().await.map_err(|error| lost(&error).failure())?;
        Ok(tools.into_iter().take(MOST_TOOLS).map(offered).collect())
    };
    session.tools.get_or_try_init(ask).await.cloned()
}

async fn within<T>(time: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Err(Failure::retry("mcp.timeout", format!("no answer within {} s", time.as_secs())));
    tokio::time::timeout(time, work).await.unwrap_or_else(late)
}

/// A call of a declared request.
async fn request(
    server: &ToolServer,
    tool: &RemoteTool,
    arguments: &str,
    inv: &ToolInvocation,
    make: impl AsyncFnOnce(Asked<'_>) -> ToolResult,
) -> ToolResult {
    let Some(operation) = server.operation(&tool.name) else { return gone() };
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
    make(Asked { server, operation, effect: tool.spec.effect, arguments: &arguments, key: &inv.key }).await
}

fn gone() -> ToolResult {
    ToolResult::failed(Failure::reject("http.gone", "the request is not declared any more"))
}

fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::NotFound(_) => Failure::reject("mcp.unreachable", "the server is not connected any more"),
        other => Failure::retry("store.unavailable", other.to_string()),
    }
}

#[async_trait]
impl RemoteTools for ToolServers {
    async fn given(&self, tenant: TenantId, of: Option<&str>) -> Result<Vec<RemoteTool>, Failure> {
        let wanted = |name: &str| of.is_none_or(|of| of == name);
        let mut all = Vec::new();
        for server in self.local.iter().filter(|s| wanted(&s.name)) {
            if self.is_for(server, tenant).await? {
                all.extend(self.given_by(server).await);
            }
        }
        let page = PageRequest::new(1, MOST_TOOL_SERVERS);
        let connected = self.store.tenant(tenant).tool_servers(page).await.map_err(store_failure)?;
        for server in connected.items.into_iter().filter(|s| wanted(&s.settings.name)) {
            let place = |(name, spec): (String, _)| {
                let (limits, undone_by) = (server.limits(&name), server.undone_by(&name));
                RemoteTool { place: ToolPlace::Connected(server.id), name, spec, limits, undone_by }
            };
            all.extend(server.given().into_iter().map(place));
        }
        Ok(all)
    }

    async fn look(&self, server: &ToolServer) -> Result<Vec<OfferedTool>, Failure> {
        let asked = async {
            // A session of its own: what one that is open was told may be old.
            let session = open::over_http(&self.internet, server).await?;
            listed(&session).await
        };
        within(PATIENCE, asked).await
    }

    async fn call(&self, tool: &RemoteTool, arguments: &str, inv: &ToolInvocation) -> ToolResult {
        match self.over_http_alone(tool, inv.tenant).await {
            Ok(None) => {}
            Ok(Some(server)) => {
                return request(&server, tool, arguments, inv, async |a| a.call(&*self.internet).await).await;
            }
            Err(failure) => return ToolResult::failed(failure),
        }
        let first = self.once(tool, arguments, inv).await;
        // Only what cannot have happened, or may happen twice.
        let again = match &first {
            Err(Lost::NotSent(_)) => true,
            Err(Lost::Unknown(_)) => tool.spec.effect != EffectClass::Unsafe,
            Err(Lost::Refused(_)) | Ok(_) => false,
        };
        let last = if again { self.once(tool, arguments, inv).await } else { first };
        match last {
            Ok(result) => result,
            Err(Lost::NotSent(failure) | Lost::Refused(failure)) => ToolResult::failed(failure),
            Err(Lost::Unknown(failure)) if tool.spec.effect == EffectClass::Read => ToolResult::failed(failure),
            Err(Lost::Unknown(failure)) => ToolResult::uncertain(failure),
        }
    }

    async fn look_up(&self, tool: &RemoteTool, arguments: &str, inv: &ToolInvocation) -> Option<ToolResult> {
        let server = self.over_http_alone(tool, inv.tenant).await.ok()??;
        let lookup = server.operation(&tool.name).is_some_and(|o| o.lookup.is_some());
        let look = async |asked: Asked<'_>| asked.look_up(&*self.internet).await.unwrap_or_else(gone);
        if lookup { Some(request(&server, tool, arguments, inv, look).await) } else { None }
    }
}
