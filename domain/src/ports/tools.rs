use crate::tool::{ToolInvocation, ToolResult, ToolSpec};
use async_trait::async_trait;

/// The tools of an installation.
#[async_trait]
pub trait Toolbox: Send + Sync {
    /// The tools of these names, in this order; names that do not exist are left out (they are refused when an agent
    /// is saved).
    fn specs(&self, names: &[String]) -> Vec<ToolSpec>;

    /// Checks the arguments, runs the tool within its timeout, and always comes back with a result: unknown tools,
    /// wrong arguments and timeouts are results, too. For a `resumed` invocation the effect class decides.
    async fn run(&self, invocation: ToolInvocation) -> ToolResult;
}
