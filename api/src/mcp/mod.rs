//! This installation as a server of tools (Model Context Protocol, over HTTP at `/mcp`): what a credential may do over REST, its
//! holder may have done by a model. Each tool is an endpoint, called in this process with the caller's own credential, so that
//! rights, limits and checks are those of the endpoint.

mod call;
mod offered;

use crate::{auth::Tenant, state::Api};
use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::IntoResponse,
};
use call::Called;
use offered::{ALL, Offered};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult, PaginatedRequestParams,
        ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde_json::Value;
use std::sync::Arc;

/// All endpoints, for who calls them in this process.
#[derive(Clone)]
pub struct Inside(pub Router);

/// What one request of a client can do.
#[derive(Clone)]
struct Desk {
    called: Called,
    version: &'static str,
    /// What its credential may do.
    offered: Arc<[&'static Offered]>,
}

/// `POST /mcp`. Each request stands for itself: whichever node it comes to can answer it.
pub async fn serve(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Extension(Inside(inside)): Extension<Inside>,
    headers: HeaderMap,
    mut request: Request,
) -> axum::response::Response {
    // The answer is JSON. A client that does not say that it would take a stream, too, is answered all the same.
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    let called = Called::new(inside, &headers, request.extensions());
    let offered = ALL.iter().filter(|tool| tenant.who.may(tool.action)).collect();
    let desk = Desk { called, version: api.options.version, offered };
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(None)
        // Names that are rebound to this machine gain nothing: every request carries its credential.
        .disable_allowed_hosts();
    let service =
        StreamableHttpService::new(move || Ok(desk.clone()), Arc::new(NeverSessionManager::default()), config);
    service.handle(request).await.map(axum::body::Body::new).into_response()
}

fn described(tool: &Offered) -> Tool {
    let schema = match tool.schema() {
        Value::Object(schema) => schema,
        _ => Default::default(),
    };
    let says = ToolAnnotations::new().read_only(tool.reads()).destructive(false).open_world(!tool.reads());
    Tool::new(tool.name, tool.description, schema).with_annotations(says)
}

impl ServerHandler for Desk {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("colloquy", self.version))
            .with_instructions("Ask this team's agents, search its documents, read and answer its conversations, and try agents in simulations.")
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.offered.iter().map(|tool| described(tool)).collect()))
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let unknown = || ErrorData::invalid_params(format!("there is no tool {:?} for you", params.name), None);
        let tool = self.offered.iter().find(|tool| tool.name == params.name).ok_or_else(unknown)?;
        Ok(self.called.call(tool, params.arguments.unwrap_or_default()).await.into())
    }
}
