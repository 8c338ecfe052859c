//! Figures as they are shown.

use colloquy_domain::{
    analytics::{Figures, Outcomes, Statuses},
    model::Usage,
};
use schemars::JsonSchema;
use serde::Serialize;

/// Counts of a period: messages count on the UTC day on which they were written, with what became of them until now.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FiguresOut {
    /// Begun.
    conversations: i64,
    /// Times that a person took over.
    handed_over: i64,
    messages: i64,
    messages_in: i64,
    messages_out: i64,
    pub messages_in_by_outcome: ByOutcome,
    messages_out_by_status: ByStatus,
    /// From 0 to 1, of what left us; null where nothing did.
    delivery_rate: Option<f64>,
    /// In which a model was asked.
    turns: i64,
    replies: Replies,
    tool_calls: ToolCalls,
    #[serde(flatten)]
    spent: SpentOut,
    response_time: ResponseTime,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ByOutcome {
    waiting: i64,
    answered: i64,
    /// Answered together with a later one.
    merged: i64,
    handed_over: i64,
    ignored: i64,
    dead_lettered: i64,
    erased: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ByStatus {
    queued: i64,
    uncertain: i64,
    sent: i64,
    delivered: i64,
    read: i64,
    failed: i64,
    erased: i64,
}

/// The agents', by what they rest on.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Replies {
    with_citations: i64,
    /// The agent said that it does not know.
    do_not_know: i64,
    other: i64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolCalls {
    done: i64,
    failed: i64,
}

/// From somebody's last message to the answer, as far as a histogram tells; null where nobody was answered.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResponseTime {
    answered: i64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
}

/// What models were given, what they wrote and what it cost.
#[derive(Serialize, Default, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpentOut {
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_usd: f64,
}

/// Millionths of a dollar as dollars.
pub fn usd(micros: u64) -> f64 {
    micros as f64 / 1e6
}

impl From<Usage> for SpentOut {
    fn from(u: Usage) -> Self {
        Self { prompt_tokens: u.prompt_tokens, completion_tokens: u.completion_tokens, cost_usd: usd(u.cost_micros) }
    }
}

/// To the tenth of a millisecond: more would pretend.
fn rounded(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}

impl From<&Figures> for FiguresOut {
    fn from(f: &Figures) -> Self {
        let Outcomes { answered, merged, handed_over, ignored, dead_lettered, erased } = f.outcomes;
        let by_outcome =
            ByOutcome { waiting: f.waiting(), answered, merged, handed_over, ignored, dead_lettered, erased };
        let Statuses { uncertain, sent, delivered, read, failed, erased } = f.statuses;
        Self {
            conversations: f.begun,
            handed_over: f.handed_over,
            messages: f.received + f.out(),
            messages_in: f.received,
            messages_out: f.out(),
            messages_in_by_outcome: by_outcome,
            messages_out_by_status: ByStatus { queued: f.queued(), uncertain, sent, delivered, read, failed, erased },
            delivery_rate: f.delivery_rate(),
            turns: f.turns,
            replies: Replies { with_citations: f.cited, do_not_know: f.unknown, other: f.plain },
            tool_calls: ToolCalls { done: f.tools_done, failed: f.tools_failed },
            spent: f.usage.into(),
            response_time: ResponseTime {
                answered,
                p50_ms: f.waits.quantile(0.5).map(rounded),
                p95_ms: f.waits.quantile(0.95).map(rounded),
            },
        }
    }
}
