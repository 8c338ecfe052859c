//! Tools of other programs, as tools of the engine.

use crate::tool::Tool;
use async_trait::async_trait;
use colloquy_domain::{
    ports::{RemoteTool, RemoteTools},
    tool::{ToolInvocation, ToolResult, ToolSpec, UndoneBy},
};
use serde_json::Value;
use std::sync::Arc;

/// A tool on a server.
pub(crate) struct OnServer {
    pub(crate) tool: RemoteTool,
    pub(crate) remote: Arc<dyn RemoteTools>,
}

#[async_trait]
impl Tool for OnServer {
    fn spec(&self) -> ToolSpec {
        self.tool.spec.clone()
    }

    fn undone_by(&self) -> Option<UndoneBy> {
        self.tool.undone_by.clone()
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        self.remote.call(&self.tool, &args.to_string(), inv).await
    }

    async fn look_up(&self, args: Value, inv: &ToolInvocation) -> Option<ToolResult> {
        self.remote.look_up(&self.tool, &args.to_string(), inv).await
    }
}
