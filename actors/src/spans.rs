//! What takes time, as spans under the target `trace`: who exports traces sees them, nobody else pays for them. Their names
//! and fields are OpenTelemetry's (semantic conventions of generative AI and of messaging). Ids and figures only: nothing
//! that people write, no answers, no arguments.

use crate::work::{CallAt, Task};
use colloquy_domain::{
    agent::AgentProfile,
    conversation::Conversation,
    failure::Failure,
    ids::TurnNo,
    knowledge::IngestJob,
    model::CompletionResult,
    ports::OutboxItem,
    tool::{ToolCall, ToolResult, ToolStatus},
};
use tracing::{Span, field::Empty, info_span};

/// A turn, from the wait for its permit to its end.
pub(crate) fn turn(conversation: &Conversation, profile: &AgentProfile, turn: TurnNo) -> Span {
    info_span!(
        target: "trace", parent: None, "invoke_agent",
        otel.name = format!("invoke_agent {}", profile.name), otel.kind = "internal",
        gen_ai.operation.name = "invoke_agent", gen_ai.agent.id = %profile.id, gen_ai.agent.name = profile.name,
        gen_ai.conversation.id = %conversation.key.id, tenant.id = %conversation.key.tenant,
        channel.id = %conversation.key.channel, turn.no = turn,
    )
}

/// Passages for the turn.
pub(crate) fn retrieval(turn: &Span) -> Span {
    info_span!(
        target: "trace", parent: turn, "retrieval",
        gen_ai.operation.name = "retrieval", retrieval.passages = Empty, error.type = Empty, otel.status_code = Empty,
    )
}

/// One completion.
pub(crate) fn chat(turn: &Span, profile: &AgentProfile) -> Span {
    let model = &profile.model;
    info_span!(
        target: "trace", parent: turn, "chat",
        otel.name = format!("chat {}", model.model), otel.kind = "client",
        gen_ai.operation.name = "chat", gen_ai.provider.name = model.provider, gen_ai.request.model = model.model,
        gen_ai.request.temperature = model.temperature.map(f64::from), gen_ai.request.max_tokens = model.max_tokens,
        gen_ai.usage.input_tokens = Empty, gen_ai.usage.output_tokens = Empty, model.cost_micros = Empty,
        error.type = Empty, otel.status_code = Empty,
    )
}

pub(crate) fn completed(result: &CompletionResult) {
    match result {
        Ok(completion) => {
            let (span, usage) = (Span::current(), completion.usage);
            span.record("gen_ai.usage.input_tokens", usage.prompt_tokens);
            span.record("gen_ai.usage.output_tokens", usage.completion_tokens);
            span.record("model.cost_micros", usage.cost_micros);
        }
        Err(failure) => failed(failure),
    }
}

/// A tool's run. A name that the agent has no tool for is the model's own words.
pub(crate) fn tool(turn: &Span, task: &Task, at: CallAt, call: &ToolCall) -> Span {
    let name = if task.profile.all_tools().contains(&call.name) { call.name.as_str() } else { "unknown" };
    info_span!(
        target: "trace", parent: turn, "execute_tool",
        otel.name = format!("execute_tool {name}"), otel.kind = "internal",
        gen_ai.operation.name = "execute_tool", gen_ai.tool.name = name, gen_ai.tool.type = "function",
        tool.step = at.step, tool.index = at.index, tool.resumed = at.resumed,
        error.type = Empty, otel.status_code = Empty,
    )
}

pub(crate) fn settled(result: &ToolResult) {
    if let ToolStatus::Failed { failure } | ToolStatus::Uncertain { failure } = &result.status {
        failed(failure);
    }
}

/// A reply on its way to a provider, or a piece of one.
pub(crate) fn delivery(item: &OutboxItem, kind: &str) -> Span {
    info_span!(
        target: "trace", parent: None, "send",
        otel.name = format!("send {kind}"), otel.kind = "client",
        messaging.operation.type = "send", messaging.system = kind, messaging.message.id = %item.id,
        tenant.id = %item.tenant, gen_ai.conversation.id = %item.conversation,
        error.type = Empty, otel.status_code = Empty,
    )
}

/// A document's way into the index.
pub(crate) fn ingestion(job: &IngestJob) -> Span {
    info_span!(
        target: "trace", parent: None, "ingest",
        tenant.id = %job.tenant, document.id = %job.document, error.type = Empty, otel.status_code = Empty,
    )
}

/// The current span's work failed so.
pub(crate) fn failed(failure: &Failure) {
    let span = Span::current();
    span.record("error.type", failure.code.as_str());
    span.record("otel.status_code", "ERROR");
}
