use crate::{
    failure::Failure,
    ids::{TenantId, ToolServerId},
    ports::StoreError,
    tool::{Exceeded, ToolCall, ToolInvocation, ToolLimits, ToolResult, ToolSpec, UndoneBy},
    tool_limits::ToolUse,
    tool_server::{OfferedTool, ToolServer},
};
use async_trait::async_trait;

/// The tools of an installation.
#[async_trait]
pub trait Toolbox: Send + Sync {
    /// The tools of these names that this tenant has, in this order; names that do not exist are left out (they are
    /// refused when an agent is saved).
    ///
    /// # Errors
    /// Retry: what a tenant connected cannot be read now.
    async fn specs(&self, tenant: TenantId, names: &[String]) -> Result<Vec<ToolSpec>, Failure>;

    /// Whether the call's arguments fit the tool: of one that do not, nobody is asked to decide.
    fn fits(&self, _spec: &ToolSpec, _call: &ToolCall) -> bool {
        true
    }

    /// Checks the arguments, runs the tool within its timeout, and always comes back with a result: unknown tools,
    /// wrong arguments and timeouts are results, too. For a `resumed` invocation the effect class decides.
    async fn run(&self, invocation: ToolInvocation) -> ToolResult;
}

/// Where a tool that is not ours runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolPlace {
    /// On a server that the tenant connected.
    Connected(ToolServerId),
    /// On a server that the installation's configuration names.
    Installed(String),
}

/// A tool that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteTool {
    pub place: ToolPlace,
    /// What its server calls it.
    pub name: String,
    /// What agents and models are told.
    pub spec: ToolSpec,
    pub limits: ToolLimits,
    /// What undoes a call of it, as agents call that tool.
    pub undone_by: Option<UndoneBy>,
}

/// Counts calls of tools that may be used only so often.
#[async_trait]
pub trait ToolMeter: Send + Sync {
    /// Counts the call, once for its key, unless it is one too many; then it is not counted.
    ///
    /// # Errors
    /// The store's.
    async fn count(&self, used: ToolUse) -> Result<Option<Exceeded>, StoreError>;
}

/// Tools of other programs.
#[async_trait]
pub trait RemoteTools: Send + Sync {
    /// What agents of this tenant can be given, of the server of this name or of all.
    ///
    /// # Errors
    /// The store's.
    async fn given(&self, tenant: TenantId, of: Option<&str>) -> Result<Vec<RemoteTool>, Failure>;

    /// Asks a server what it offers.
    ///
    /// # Errors
    /// Reject: `web.url`, `egress.private`, `mcp.unauthorized`, `mcp.refused` (what answers is no such server). Retry:
    /// `mcp.unreachable`, `mcp.timeout`.
    async fn look(&self, server: &ToolServer) -> Result<Vec<OfferedTool>, Failure>;

    /// Calls it with these arguments (a JSON object, as text, that fits its schema), and says what is known: `Failed` when
    /// nothing can have happened or the tool says so itself.
    async fn call(&self, tool: &RemoteTool, arguments: &str, invocation: &ToolInvocation) -> ToolResult;

    /// Finds out whether a call that may have been started was carried out, and changes nothing; `None` where there is no
    /// way to know.
    async fn look_up(&self, tool: &RemoteTool, arguments: &str, invocation: &ToolInvocation) -> Option<ToolResult>;
}
