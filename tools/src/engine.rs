//! The engine: every call goes through the same gates, in the same order.

use crate::{arguments, builtin, limits, remote, tool::Tool, undo};
use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::TenantId,
    ports::{Concierge, Knowledge, RemoteTool, RemoteTools, ToolMeter, Toolbox},
    tool::{BECAME_UNSAFE, EffectClass, ToolCall, ToolInvocation, ToolLimits, ToolResult, ToolSpec, ToolStatus},
    tool_limits::ToolUse,
    tool_server::server_of,
};
use futures::FutureExt;
use jsonschema::Validator;
use serde_json::Value;
use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc};

/// The tools of an installation.
pub struct Tools {
    entries: Vec<Arc<Entry>>,
    /// Those that nobody lists: they come with what an agent is.
    inherent: Vec<Arc<Entry>>,
    /// Those of other programs.
    remote: Option<Arc<dyn RemoteTools>>,
    /// Counts calls of those that may be used only so often.
    meter: Option<Arc<dyn ToolMeter>>,
}

struct Entry {
    spec: ToolSpec,
    schema: Validator,
    tool: Arc<dyn Tool>,
    limits: ToolLimits,
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

    /// Exactly these tools, and those that come with what an agent is (simulations, and builds with tools of their own).
    ///
    /// # Panics
    /// If the schema of a tool's arguments is no JSON Schema.
    #[must_use]
    pub fn of(tools: Vec<Arc<dyn Tool>>) -> Self {
        let ours = |tools: Vec<Arc<dyn Tool>>| tools.into_iter().map(|tool| Arc::new(Entry::ours(tool))).collect();
        Self { entries: ours(tools), inherent: ours(builtin::inherent()), remote: None, meter: None }
    }

    /// Beside these, the tools of other programs.
    #[must_use]
    pub fn and_remote(self, remote: Arc<dyn RemoteTools>) -> Self {
        Self { remote: Some(remote), ..self }
    }

    /// Limits of tools hold: without a meter, nobody counts.
    #[must_use]
    pub fn metered_by(self, meter: Arc<dyn ToolMeter>) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// All that an agent of this tenant can be given, ours first.
    ///
    /// # Errors
    /// What the tenant connected cannot be read now.
    pub async fn all(&self, tenant: TenantId) -> Result<Vec<ToolSpec>, Failure> {
        let ours = self.entries.iter().map(|e| e.spec.clone());
        Ok(ours.chain(self.given(tenant, None).await?.into_iter().map(|tool| tool.spec)).collect())
    }

    /// Checks the tools that an agent is to be given.
    ///
    /// # Errors
    /// `tool.unknown`, naming those that do not exist and those that do; or what the tenant connected cannot be read now.
    pub async fn check(&self, tenant: TenantId, names: &[String]) -> Result<(), Failure> {
        let all = self.all(tenant).await?;
        let unknown: Vec<&str> =
            names.iter().map(String::as_str).filter(|n| all.iter().all(|s| s.name != *n)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let there: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
        let detail = format!("no such tool: {}; there are: {}", unknown.join(", "), there.join(", "));
        Err(Failure::reject("tool.unknown", detail))
    }

    /// Whether the tool of this name says itself how much its calls move.
    #[must_use]
    pub fn tells_amount(&self, name: &str) -> bool {
        self.ours(name).is_some_and(|entry| entry.tool.tells_amount())
    }

    async fn given(&self, tenant: TenantId, of: Option<&str>) -> Result<Vec<RemoteTool>, Failure> {
        match &self.remote {
            Some(remote) => remote.given(tenant, of).await,
            None => Ok(Vec::new()),
        }
    }

    fn ours(&self, name: &str) -> Option<Arc<Entry>> {
        self.entries.iter().chain(&self.inherent).find(|e| e.spec.name == name).cloned()
    }

    /// Ours, or the one that the tenant connected under this name.
    async fn entry(&self, tenant: TenantId, name: &str) -> Result<Option<Arc<Entry>>, Failure> {
        let ours = self.ours(name);
        let (Some(remote), Some(server), None) = (&self.remote, server_of(name), &ours) else { return Ok(ours) };
        let found = remote.given(tenant, Some(server)).await?.into_iter().find(|tool| tool.spec.name == name);
        found.map(|tool| Entry::remote(tool, Arc::clone(remote)).map(Arc::new)).transpose()
    }

    /// The last gate: what may be used only so often, or for so much. A call that is run again is counted once.
    async fn exceeded(&self, entry: &Entry, args: &Value, inv: &ToolInvocation) -> Option<ToolResult> {
        let of_agent = inv.limits.clone().filter(|o| o.limits.counts());
        let meter = self.meter.as_ref().filter(|_| entry.limits.counts() || of_agent.is_some())?;
        let amount_micros = match limits::moved(&*entry.tool, args, inv, of_agent.as_ref()).await {
            Ok(amount) => amount,
            Err(failure) => return Some(ToolResult::failed(failure)),
        };
        let (tool, key) = (entry.spec.name.clone(), inv.key.clone());
        let used = ToolUse { tenant: inv.tenant, tool, key, limits: entry.limits, of_agent, amount_micros };
        match meter.count(used).await {
            Ok(None) => None,
            Ok(Some(exceeded)) => Some(ToolResult::failed(limits::refusal(exceeded))),
            Err(error) => Some(ToolResult::failed(Failure::retry("store.unavailable", error.to_string()))),
        }
    }

    /// The gates before a tool runs; a refusal is the call's result.
    fn admit(entry: &Entry, inv: &ToolInvocation) -> Result<Value, Box<ToolResult>> {
        if !inv.allowed.contains(&inv.call.name) {
            let detail = "this agent was not given this tool";
            return Err(Box::new(ToolResult::failed(Failure::reject("tool.not_allowed", detail))));
        }
        let args = arguments::check(&inv.call.arguments, &entry.schema).map_err(|f| Box::new(ToolResult::failed(f)))?;
        if entry.spec.effect == EffectClass::Unsafe && !inv.as_unsafe {
            let detail = "the tool became unsafe after this call was judged";
            return Err(Box::new(ToolResult::failed(Failure::reject(BECAME_UNSAFE, detail))));
        }
        Ok(args)
    }
}

impl Entry {
    fn ours(tool: Arc<dyn Tool>) -> Self {
        let spec = tool.spec();
        let schema = serde_json::from_str(&spec.parameters).expect("a tool's schema is JSON");
        let schema = jsonschema::validator_for(&schema).expect("a tool's schema is a valid JSON Schema");
        Self { spec, schema, tool, limits: ToolLimits::default() }
    }

    fn remote(tool: RemoteTool, remote: Arc<dyn RemoteTools>) -> Result<Self, Failure> {
        let unusable =
            || Failure::reject("tool.schema", "what the server says of this tool's arguments is no JSON Schema");
        let schema = serde_json::from_str(&tool.spec.parameters).map_err(|_| unusable())?;
        let schema = jsonschema::validator_for(&schema).map_err(|_| unusable())?;
        let limits = tool.limits;
        Ok(Self { spec: tool.spec.clone(), schema, limits, tool: Arc::new(remote::OnServer { tool, remote }) })
    }

    async fn run(&self, args: Value, inv: &ToolInvocation) -> ToolResult {
        // Unwind safe: nothing of the call is looked at after a panic.
        let run = AssertUnwindSafe(self.tool.run(args.clone(), inv)).catch_unwind();
        match tokio::time::timeout(self.spec.timeout, run).await {
            Ok(Ok(result)) => self.undoable(&args, result),
            Ok(Err(_)) => self.broken_off(Failure::reject("tool.panicked", "the tool failed in an unforeseen way")),
            Err(_) => {
                let detail = format!("no answer within {} s", self.spec.timeout.as_secs_f32());
                self.broken_off(Failure::retry("tool.timeout", detail))
            }
        }
    }

    /// What became of a call that may have been started and is not started again.
    async fn look_up(&self, inv: &ToolInvocation) -> ToolResult {
        let Ok(args) = arguments::check(&inv.call.arguments, &self.schema) else { return maybe_started() };
        let look = AssertUnwindSafe(self.tool.look_up(args.clone(), inv)).catch_unwind();
        match tokio::time::timeout(self.spec.timeout, look).await {
            Ok(Ok(Some(found))) => self.undoable(&args, found),
            Ok(Ok(None) | Err(_)) | Err(_) => maybe_started(),
        }
    }

    /// With what undoes it, if it was done and something does.
    fn undoable(&self, args: &Value, result: ToolResult) -> ToolResult {
        let by = self.tool.undone_by().filter(|_| result.status == ToolStatus::Done);
        let undo = by.and_then(|by| undo::of(&by, args, &result.content));
        ToolResult { undo, ..result }
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
    async fn specs(&self, tenant: TenantId, names: &[String]) -> Result<Vec<ToolSpec>, Failure> {
        let elsewhere = names.iter().filter(|n| self.ours(n).is_none()).filter_map(|n| server_of(n));
        let mut remote = Vec::new();
        for server in elsewhere.collect::<BTreeSet<_>>() {
            remote.extend(self.given(tenant, Some(server)).await?);
        }
        let spec = |name: &String| match self.ours(name) {
            Some(entry) => Some(entry.spec.clone()),
            None => remote.iter().find(|tool| tool.spec.name == *name).map(|tool| tool.spec.clone()),
        };
        Ok(names.iter().filter_map(spec).collect())
    }

    fn fits(&self, spec: &ToolSpec, call: &ToolCall) -> bool {
        let schema = serde_json::from_str(&spec.parameters).ok();
        let schema = schema.and_then(|schema: Value| jsonschema::validator_for(&schema).ok());
        schema.is_some_and(|schema| arguments::check(&call.arguments, &schema).is_ok())
    }

    async fn run(&self, invocation: ToolInvocation) -> ToolResult {
        let (known, result) = match self.entry(invocation.tenant, &invocation.call.name).await {
            Ok(Some(entry)) => {
                let result = if invocation.resumed && entry.spec.effect == EffectClass::Unsafe {
                    // Before the gates: what they say today says nothing about what an earlier run did.
                    entry.look_up(&invocation).await
                } else {
                    match Self::admit(&entry, &invocation) {
                        Ok(args) => match self.exceeded(&entry, &args, &invocation).await {
                            Some(refused) => refused,
                            None => entry.run(args, &invocation).await,
                        },
                        Err(refused) => *refused,
                    }
                };
                (Some(entry), result)
            }
            // It was a server's, and is not there any more.
            Ok(None) if invocation.resumed && server_of(&invocation.call.name).is_some() => (None, maybe_started()),
            Ok(None) => {
                let detail = format!("there is no tool of this name; there are: {}", invocation.allowed.join(", "));
                (None, ToolResult::failed(Failure::reject("tool.unknown", detail)))
            }
            // Whether it ran before is not known without knowing what it is.
            Err(failure) if invocation.resumed => (None, ToolResult::uncertain(failure)),
            Err(failure) => (None, ToolResult::failed(failure)),
        };
        log(&invocation, known.as_deref(), &result);
        result
    }
}

fn maybe_started() -> ToolResult {
    let detail = "the program stopped while this ran: a person must see whether it happened";
    ToolResult::uncertain(Failure::reject("tool.maybe_started", detail))
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
