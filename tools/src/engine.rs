//! The engine: every call goes through the same gates, in the same order.

use crate::{arguments, builtin, tool::Tool};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ports::{Concierge, Knowledge, Toolbox},
    tool::{EffectClass, ToolInvocation, ToolResult, ToolSpec, ToolStatus},
};
use futures::FutureExt;
use jsonschema::Validator;
use serde_json::Value;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// The tools of an installation.
pub struct Tools {
    entries: Vec<Entry>,
}

struct Entry {
    spec: ToolSpec,
    schema: Validator,
    tool: Arc<dyn Tool>,
}

impl Tools {
    /// The built-in tools, over this knowledge.
    #[must_use]
    pub fn new(knowledge: Arc<dyn Knowledge>) -> Self {
        Self::of(builtin::all(knowledge))
    }

    /// The built-in tools, and those that reserve and sell.
    #[must_use]
    pub fn with_concierge(knowledge: Arc<dyn Knowledge>, concierge: Arc<dyn Concierge>) -> Self {
        Self::of(builtin::all(knowledge).into_iter().chain(builtin::of_concierge(concierge)).collect())
    }

    /// Exactly these tools (simulations, and builds with tools of their own).
    ///
    /// # Panics
    /// If the schema of a tool's arguments is no JSON Schema.
    #[must_use]
    pub fn of(tools: Vec<Arc<dyn Tool>>) -> Self {
        Self { entries: tools.into_iter().map(Entry::new).collect() }
    }

    /// The names of all tools, in the order of the registry.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.entries.iter().map(|e| e.spec.name.as_str()).collect()
    }

    /// Checks the tools that an agent is to be given.
    ///
    /// # Errors
    /// `tool.unknown`, naming those that do not exist and those that do.
    pub fn check(&self, names: &[String]) -> Result<(), Failure> {
        let unknown: Vec<&str> = names.iter().map(String::as_str).filter(|n| self.entry(n).is_none()).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let detail = format!("no such tool: {}; there are: {}", unknown.join(", "), self.names().join(", "));
        Err(Failure::reject("tool.unknown", detail))
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.spec.name == name)
    }

    /// The gates before a tool runs; a refusal is the call's result.
    fn admit(&self, inv: &ToolInvocation) -> Result<(&Entry, Value), Box<ToolResult>> {
        let Some(entry) = self.entry(&inv.call.name) else {
            let detail = format!("there is no tool of this name; there are: {}", inv.allowed.join(", "));
            return Err(Box::new(ToolResult::failed(Failure::reject("tool.unknown", detail))));
        };
        // Before the other gates: what they say today says nothing about what an earlier run did.
        if inv.resumed && entry.spec.effect == EffectClass::Unsafe {
            let detail = "the program stopped while this ran: a person must see whether it happened";
            return Err(Box::new(ToolResult::uncertain(Failure::reject("tool.maybe_started", detail))));
        }
        if !inv.allowed.contains(&inv.call.name) {
            let detail = "this agent was not given this tool";
            return Err(Box::new(ToolResult::failed(Failure::reject("tool.not_allowed", detail))));
        }
        let args = arguments::check(&inv.call.arguments, &entry.schema).map_err(|f| Box::new(ToolResult::failed(f)))?;
        Ok((entry, args))
    }
}

impl Entry {
    fn new(tool: Arc<dyn Tool>) -> Self {
        let spec = tool.spec();
        let schema = serde_json::from_str(&spec.parameters).expect("a tool's schema is JSON");
        let schema = jsonschema::validator_for(&schema).expect("a tool's schema is a valid JSON Schema");
        Self { spec, schema, tool }
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        // Unwind safe: nothing of the call is looked at after a panic.
        let run = AssertUnwindSafe(self.tool.run(args, inv)).catch_unwind();
        match tokio::time::timeout(self.spec.timeout, run).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => self.broken_off(Failure::reject("tool.panicked", "the tool failed in an unforeseen way")),
            Err(_) => {
                let detail = format!("no answer within {} s", self.spec.timeout.as_secs_f32());
                self.broken_off(Failure::retry("tool.timeout", detail))
            }
        }
    }

    /// A call that ended in the middle. What changes something may have changed it: told that it failed, a model would
    /// ask for it again under another key.
    fn broken_off(&self, failure: Failure) -> ToolResult {
        match self.spec.effect {
            EffectClass::Read => ToolResult::failed(failure),
            EffectClass::Idempotent | EffectClass::Unsafe => ToolResult::uncertain(failure),
        }
    }
}

#[async_trait]
impl Toolbox for Tools {
    fn specs(&self, names: &[String]) -> Vec<ToolSpec> {
        names.iter().filter_map(|n| self.entry(n)).map(|e| e.spec.clone()).collect()
    }

    async fn run(&self, invocation: ToolInvocation) -> ToolResult {
        let result = match self.admit(&invocation) {
            Ok((entry, args)) => entry.run(args, &invocation).await,
            Err(refused) => *refused,
        };
        log(&invocation, self.entry(&invocation.call.name), &result);
        result
    }
}

fn log(inv: &ToolInvocation, entry: Option<&Entry>, result: &ToolResult) {
    // The model's own spelling of the name is not logged: it can hold what a person wrote.
    let tool = entry.map_or("unknown", |e| e.spec.name.as_str());
    let (status, code) = match &result.status {
        ToolStatus::Done => ("done", ""),
        ToolStatus::Failed { failure } => ("failed", failure.code.as_str()),
        ToolStatus::Uncertain { failure } => ("uncertain", failure.code.as_str()),
    };
    tracing::info!(
        tenant.id = %inv.tenant, conversation.id = %inv.conversation, turn.no = inv.turn, tool.name = tool,
        tool.status = status, failure.code = code, tool.resumed = inv.resumed, "tool call settled"
    );
}

#[cfg(test)]
mod tests;
