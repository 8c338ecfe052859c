//! What is counted, and what may be used.

use super::{
    Kind::{Int, Text, Uuid},
    Table, table,
};

pub(super) const METRIC_CHANGES: Table = table(
    "metric_changes",
    2,
    &[
        ("tenant_id", Uuid),
        ("id", Uuid),
        ("day", Int),
        ("channel_id", Uuid),
        ("agent_id", Uuid),
        ("conversation_id", Uuid),
        ("what", Text),
        ("bound", Int),
        ("times", Int),
        ("prompt_tokens", Int),
        ("completion_tokens", Int),
        ("cost_micros", Int),
    ],
);

pub(super) const DAILY_METRICS: Table = table(
    "daily_metrics",
    6,
    &[
        ("tenant_id", Uuid),
        ("day", Int),
        ("channel_id", Uuid),
        ("agent_id", Uuid),
        ("what", Text),
        ("bound", Int),
        ("times", Int),
        ("prompt_tokens", Int),
        ("completion_tokens", Int),
        ("cost_micros", Int),
    ],
);

pub(super) const MESSAGE_COUNTS: Table =
    table("message_counts", 3, &[("tenant_id", Uuid), ("day", Int), ("status", Text), ("times", Int)]);

pub(super) const LIST_CHANGES: Table =
    table("list_changes", 2, &[("tenant_id", Uuid), ("id", Uuid), ("list", Text), ("times", Int)]);

pub(super) const LIST_SIZES: Table = table("list_sizes", 2, &[("tenant_id", Uuid), ("list", Text), ("times", Int)]);

pub(super) const CONVERSATION_COSTS: Table = table(
    "conversation_costs",
    4,
    &[
        ("tenant_id", Uuid),
        ("day", Int),
        ("conversation_id", Uuid),
        ("agent_id", Uuid),
        ("turns", Int),
        ("prompt_tokens", Int),
        ("completion_tokens", Int),
        ("cost_micros", Int),
    ],
);

pub(super) const SUBSCRIPTIONS: Table = table(
    "subscriptions",
    1,
    &[
        ("tenant_id", Uuid),
        ("plan", Text),
        ("messages_per_month", Int),
        ("agents", Int),
        ("documents", Int),
        ("storage_bytes", Int),
        ("seats", Int),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const BUDGETS: Table = table(
    "budgets",
    1,
    &[("tenant_id", Uuid), ("monthly_micros", Int), ("warned", Int), ("spent", Int), ("updated_at", Int)],
);
