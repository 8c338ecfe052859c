//! The tool engine behind a planted defect: what may have been started is started again.

use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::TenantId,
    ports::Toolbox,
    tool::{ToolCall, ToolInvocation, ToolResult, ToolSpec},
};

pub struct Careless<T>(pub T);

#[async_trait]
impl<T: Toolbox> Toolbox for Careless<T> {
    async fn specs(&self, tenant: TenantId, names: &[String]) -> Result<Vec<ToolSpec>, Failure> {
        self.0.specs(tenant, names).await
    }

    fn fits(&self, spec: &ToolSpec, call: &ToolCall) -> bool {
        self.0.fits(spec, call)
    }

    async fn run(&self, invocation: ToolInvocation) -> ToolResult {
        // As its first run was: what was judged then is not judged again.
        self.0.run(ToolInvocation { resumed: false, as_unsafe: true, ..invocation }).await
    }
}
