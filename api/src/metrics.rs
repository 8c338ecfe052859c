//! What is counted and measured, in Prometheus' text (OpenMetrics). A value of its own, no global; counters begin at the
//! start of the process, gauges are read when somebody asks.

use async_trait::async_trait;
use colloquy_domain::{
    failure::Failure,
    ids::TenantId,
    knowledge::DocumentStatus,
    ports::{Announcer, Notice, Toolbox},
    tool::{ToolCall, ToolInvocation, ToolResult, ToolSpec, ToolStatus},
    tool_limits::is_limit,
};
use colloquy_store::Backlog;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{fmt, sync::Arc, time::Duration};

/// Seconds; those of the response times that were asked for, with names of their own.
const RESPONSE_BUCKETS: [f64; 5] = [0.1, 0.5, 1.0, 2.0, 5.0];
/// Seconds; those that OpenTelemetry names for HTTP servers.
const DURATION_BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// One kind of request: few values, whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    /// The route with `{names}` where parameters stand.
    route: String,
    status: u16,
}

/// By one word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct By {
    kind: &'static str,
}

/// All of them.
pub struct Metrics {
    registry: Registry,
    requests: Family<Asked, Counter>,
    response_time: Family<Asked, Histogram>,
    duration: Family<Asked, Histogram>,
    turns: Counter,
    outcomes: Family<By, Counter>,
    tokens: Family<By, Counter>,
    cost: Counter,
    deliveries: Family<By, Counter>,
    documents: Family<By, Counter>,
    tool_calls: Family<By, Counter>,
    webhooks: Family<By, Gauge>,
    queues: Family<By, Gauge>,
    conversations: Gauge,
    memory: Gauge,
}

/// What is read when somebody asks.
#[derive(Debug, Clone, Copy)]
pub struct Present {
    pub backlog: Backlog,
    /// Entries of the log that are in no inbox yet; `None` if it cannot be reached.
    pub log_lag: Option<u64>,
    pub conversations: u64,
    pub resident_bytes: u64,
    /// Accepted, rejected, ignored since the start.
    pub webhooks: [u64; 3],
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram = |buckets: fn() -> Histogram| Family::new_with_constructor(buckets);
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            response_time: histogram(|| Histogram::new(RESPONSE_BUCKETS)),
            duration: histogram(|| Histogram::new(DURATION_BUCKETS)),
            turns: Counter::default(),
            outcomes: Family::default(),
            tokens: Family::default(),
            cost: Counter::default(),
            deliveries: Family::default(),
            documents: Family::default(),
            tool_calls: Family::default(),
            webhooks: Family::default(),
            queues: Family::default(),
            conversations: Gauge::default(),
            memory: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// Names; `_total` is added to counters.
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("api_requests", "Requests that were answered", self.requests.clone());
        r.register("api_response_time", "Seconds until the answer began", self.response_time.clone());
        let help = "Seconds until the answer began";
        r.register("http_server_request_duration_seconds", help, self.duration.clone());
        r.register("colloquy_turns", "Replies of agents", self.turns.clone());
        r.register("colloquy_messages", "Messages that have their outcome", self.outcomes.clone());
        r.register("colloquy_model_tokens", "Tokens that models used for replies", self.tokens.clone());
        r.register("colloquy_model_cost_micros", "Millionths of a dollar for replies", self.cost.clone());
        r.register("colloquy_deliveries", "Changes of a reply's status at its provider", self.deliveries.clone());
        r.register("colloquy_documents", "Documents that were read", self.documents.clone());
        let help = "Calls of tools that agents made, by what came of them; limited: not made, for a limit";
        r.register("colloquy_tool_calls", help, self.tool_calls.clone());
        r.register("colloquy_webhooks", "Webhooks since the start", self.webhooks.clone());
        r.register("colloquy_queue", "What waits, over all nodes", self.queues.clone());
        r.register("colloquy_conversations_active", "Conversations in memory", self.conversations.clone());
        r.register("process_resident_memory_bytes", "Memory of this process", self.memory.clone());
    }

    /// A request was answered. `route` is the template, never the path.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let asked = Asked { method, route: route.to_owned(), status };
        self.requests.get_or_create(&asked).inc();
        self.response_time.get_or_create(&asked).observe(took.as_secs_f64());
        self.duration.get_or_create(&asked).observe(took.as_secs_f64());
    }

    /// The text of all of them.
    ///
    /// # Errors
    /// The formatter's.
    pub(crate) fn text(&self, present: &Present) -> Result<String, fmt::Error> {
        let set = |family: &Family<By, Gauge>, kind, value: u64| {
            family.get_or_create(&By { kind }).set(signed(value));
        };
        let Backlog { pending_inbox, outbox, documents, dead_letters } = present.backlog;
        set(&self.queues, "inbox_pending", pending_inbox);
        set(&self.queues, "outbox_backlog", outbox);
        set(&self.queues, "documents_pending", documents);
        set(&self.queues, "dead_letters", dead_letters);
        match present.log_lag {
            Some(lag) => set(&self.queues, "log_lag", lag),
            // An old figure would be taken for the present one.
            None => _ = self.queues.remove(&By { kind: "log_lag" }),
        }
        for (kind, count) in ["accepted", "rejected", "ignored"].into_iter().zip(present.webhooks) {
            set(&self.webhooks, kind, count);
        }
        self.conversations.set(signed(present.conversations));
        self.memory.set(signed(present.resident_bytes));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Counts what this node announces.
    fn count(&self, notice: &Notice) {
        let one = |family: &Family<By, Counter>, kind| family.get_or_create(&By { kind }).inc();
        match notice {
            Notice::Replied { reply, .. } => {
                self.turns.inc();
                let tokens = |kind, count| self.tokens.get_or_create(&By { kind }).inc_by(count);
                tokens("prompt", reply.usage.prompt_tokens);
                tokens("completion", reply.usage.completion_tokens);
                self.cost.inc_by(reply.usage.cost_micros);
            }
            Notice::Settled { settled, .. } => settled.iter().for_each(|s| _ = one(&self.outcomes, s.outcome.name())),
            Notice::Delivery { status, .. } => _ = one(&self.deliveries, status.name()),
            Notice::Document { progress, .. } => match progress.status {
                DocumentStatus::Ready => _ = one(&self.documents, "ready"),
                DocumentStatus::Failed => _ = one(&self.documents, "failed"),
                DocumentStatus::Pending | DocumentStatus::Extracting | DocumentStatus::Indexing => {}
            },
            Notice::Admitted { .. } | Notice::Typing { .. } | Notice::Delta { .. } | Notice::DeltaReset { .. } => {}
            Notice::Writing { .. } | Notice::Connected { .. } => {}
        }
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Announces, and counts what is announced.
pub struct Counting {
    pub next: Arc<dyn Announcer>,
    pub metrics: Arc<Metrics>,
}

impl Announcer for Counting {
    fn announce(&self, notice: Notice) {
        self.metrics.count(&notice);
        self.next.announce(notice);
    }
}

/// Runs tools, and counts what came of it.
pub struct CountingTools {
    pub next: Arc<dyn Toolbox>,
    pub metrics: Arc<Metrics>,
}

#[async_trait]
impl Toolbox for CountingTools {
    async fn specs(&self, tenant: TenantId, names: &[String]) -> Result<Vec<ToolSpec>, Failure> {
        self.next.specs(tenant, names).await
    }

    fn fits(&self, spec: &ToolSpec, call: &ToolCall) -> bool {
        self.next.fits(spec, call)
    }

    async fn run(&self, invocation: ToolInvocation) -> ToolResult {
        let result = self.next.run(invocation).await;
        let kind = match &result.status {
            ToolStatus::Done => "done",
            ToolStatus::Failed { failure } if is_limit(&failure.code) => "limited",
            ToolStatus::Failed { .. } => "failed",
            ToolStatus::Uncertain { .. } => "uncertain",
        };
        self.metrics.tool_calls.get_or_create(&By { kind }).inc();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::{
        channel::DeliveryStatus,
        conversation::Settled,
        ids::{ConversationId, MessageId, TenantId},
        message::Outcome,
        model::Usage,
        outbound::{Checks, Reply},
    };
    use uuid::Uuid;

    struct Deaf;

    impl Announcer for Deaf {
        fn announce(&self, _: Notice) {}
    }

    const PRESENT: Present = Present {
        backlog: Backlog { pending_inbox: 4, outbox: 3, documents: 2, dead_letters: 1 },
        log_lag: Some(7),
        conversations: 5,
        resident_bytes: 6,
        webhooks: [3, 2, 1],
    };

    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }

    // req: S4-MET-1
    #[test]
    fn requests_are_counted_and_timed_under_the_names_that_were_asked_for() {
        let metrics = Metrics::default();
        for ms in [50, 300, 700, 1_500, 3_000, 9_000] {
            metrics.answered("GET", "/api/agents/{id}", 200, Duration::from_millis(ms));
        }
        let text = metrics.text(&PRESENT).unwrap();
        let labels = r#"method="GET",route="/api/agents/{id}",status="200""#;
        has(&text, &format!("api_requests_total{{{labels}}} 6"));
        for (le, count) in [("0.1", 1), ("0.5", 2), ("1.0", 3), ("2.0", 4), ("5.0", 5), ("+Inf", 6)] {
            has(&text, &format!("api_response_time_bucket{{le=\"{le}\",{labels}}} {count}"));
        }
        has(&text, &format!("http_server_request_duration_seconds_count{{{labels}}} 6"));
        assert!(text.ends_with("# EOF\n"));
    }

    // req: S1-BI-1
    #[test]
    fn what_happens_in_conversations_is_counted_once_and_what_waits_is_shown() {
        let metrics = Arc::new(Metrics::default());
        let announcer = Counting { next: Arc::new(Deaf), metrics: Arc::clone(&metrics) };
        let (tenant, conversation) = (TenantId::new(Uuid::nil()), ConversationId::new(Uuid::nil()));
        let message = MessageId::new(Uuid::nil());
        let usage = Usage { prompt_tokens: 40, completion_tokens: 2, cost_micros: 9 };
        let reply = Reply {
            turn: 1,
            text: String::new(),
            citations: Vec::new(),
            abstained: false,
            checks: Checks::default(),
            usage,
        };
        announcer.announce(Notice::Replied { tenant, conversation, message, reply });
        let settled = |outcome| Settled { seq: 1, provider_message_id: String::new(), outcome };
        let settled = vec![settled(Outcome::Answered { turn: 1 }), settled(Outcome::Merged { turn: 1 })];
        announcer.announce(Notice::Settled { tenant, conversation, settled });
        announcer.announce(Notice::Delivery { tenant, conversation, message, status: DeliveryStatus::Sent });
        let text = metrics.text(&PRESENT).unwrap();
        has(&text, "colloquy_turns_total 1");
        has(&text, r#"colloquy_model_tokens_total{kind="prompt"} 40"#);
        has(&text, r#"colloquy_messages_total{kind="merged"} 1"#);
        has(&text, r#"colloquy_deliveries_total{kind="sent"} 1"#);
        has(&text, r#"colloquy_queue{kind="log_lag"} 7"#);
        has(&text, r#"colloquy_webhooks{kind="rejected"} 2"#);
        let away = metrics.text(&Present { log_lag: None, ..PRESENT }).unwrap();
        assert!(!away.contains("log_lag"), "no old figure");
    }
}
