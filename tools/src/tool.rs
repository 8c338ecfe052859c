use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    tool::{ToolInvocation, ToolResult, ToolSpec, UndoneBy},
};
use serde_json::Value;

/// One tool. Its arguments were validated against the schema of its spec before `run` is called.
#[async_trait]
pub trait Tool: Send + Sync {
    fn spec(&self) -> ToolSpec;

    /// What undoes a call that was done, if something does. The tool is named as agents call it.
    fn undone_by(&self) -> Option<UndoneBy> {
        None
    }

    /// Runs the call. May be dropped at its timeout. An idempotent tool hands `inv.key` to whatever it changes.
    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult;

    /// Whether [`Self::amount`] is known.
    fn tells_amount(&self) -> bool {
        false
    }

    /// How much the call would move, in millionths; `None` where the tool does not know.
    ///
    /// # Errors
    /// It cannot be told now.
    async fn amount(&self, _args: &Value, _inv: &ToolInvocation) -> Result<Option<u64>, Failure> {
        Ok(None)
    }

    /// Finds out whether a call that an earlier run of the program may have started was carried out; `None` where there is
    /// no way to know.
    async fn look_up(&self, _args: Value, _inv: &ToolInvocation) -> Option<ToolResult> {
        None
    }
}
