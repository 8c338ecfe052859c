//! How sessions begin.

use super::{PATIENCE, answer::lost_beginning, sessions::Session, within};
use crate::{config::LocalServer, web::Internet};
use colloquy_domain::{failure::Failure, tool_server::ToolServer};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    ServiceExt,
    model::{ClientCapabilities, ClientConfig, Implementation},
    transport::{
        StreamableHttpClientTransport, TokioChildProcess, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use std::{collections::HashMap, process::Stdio};
use tokio::process::Command;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 4 << 20;

fn ourselves() -> ClientConfig {
    ClientConfig::new(ClientCapabilities::default(), Implementation::new("colloquy", env!("CARGO_PKG_VERSION")))
}

/// # Errors
/// As [`colloquy_domain::ports::RemoteTools::look`].
pub async fn over_http(internet: &Internet, server: &ToolServer) -> Result<Session, Failure> {
    internet.address(&server.settings.url)?;
    let mut headers = HashMap::new();
    for (name, value) in &server.settings.headers {
        let wrong = || Failure::reject("mcp.header", format!("{name}: is no header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let config = StreamableHttpClientTransportConfig::with_uri(server.settings.url.as_str())
        .custom_headers(headers)
        .max_json_response_size(LONGEST)
        .max_sse_event_size(LONGEST)
        // A session that is over is ours to begin anew: there, nobody would wait for it no longer than a call may take.
        .reinit_on_expired_session(false);
    let transport = StreamableHttpClientTransport::with_client(internet.client(), config);
    let begun = Box::pin(async { ourselves().serve(transport).await.map_err(|error| lost_beginning(&error)) });
    within(PATIENCE, begun).await.map(Session::new)
}

/// Starts the program; it ends with the session. It sees what the configuration gives it of the environment, and what
/// programs need to be found.
///
/// # Errors
/// Retry: `mcp.unreachable` (it cannot be started, or is no such server), `mcp.timeout`.
pub async fn process(server: &LocalServer) -> Result<Session, Failure> {
    let mut command = Command::new(&server.command);
    command.args(&server.args).env_clear();
    for name in ["PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.envs(server.env.iter().map(|(name, value)| (name, value.expose())));
    let started = TokioChildProcess::builder(command).stderr(Stdio::null()).spawn();
    let (transport, _) = started.map_err(|e| Failure::retry("mcp.unreachable", format!("cannot be started: {e}")))?;
    let begun = Box::pin(async { ourselves().serve(transport).await.map_err(|error| lost_beginning(&error)) });
    within(PATIENCE, begun).await.map(Session::new)
}
