//! The tool engine behind a planted defect: what may have been started is started again.

use async_trait::async_trait;
use colloquy_domain::{
    ports::Toolbox,
    tool::{ToolInvocation, ToolResult, ToolSpec},
};

pub struct Careless<T>(pub T);

#[async_trait]
impl<T: Toolbox> Toolbox for Careless<T> {
    fn specs(&self, names: &[String]) -> Vec<ToolSpec> {
        self.0.specs(names)
    }

    async fn run(&self, invocation: ToolInvocation) -> ToolResult {
        self.0.run(ToolInvocation { resumed: false, ..invocation }).await
    }
}
