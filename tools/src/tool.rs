use async_trait::async_trait;
use colloquy_domain::tool::{ToolInvocation, ToolResult, ToolSpec};
use serde_json::Value;

/// One tool. Its arguments were validated against the schema of its spec before `run` is called.
#[async_trait]
pub trait Tool: Send + Sync {
    fn spec(&self) -> ToolSpec;

    /// Runs the call. May be dropped at its timeout. An idempotent tool hands `inv.key` to whatever it changes.
    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult;
}
