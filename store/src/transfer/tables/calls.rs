//! Telephone calls and what happened in them.

use super::{
    Kind::{Bool, Int, Text, Uuid},
    Table, table,
};

pub(super) const CALLS: Table = table(
    "calls",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("channel_id", Uuid),
        ("provider", Text),
        ("external_call_id", Text),
        ("direction", Text),
        ("from_number", Text),
        ("to_number", Text),
        ("status", Text),
        ("ai_handled", Bool),
        ("outcome_type", Text),
        ("transcript", Text),
        ("summary", Text),
        ("structured_data", Text),
        ("duration_seconds", Int),
        ("provider_cost_cents", Int),
        ("billed_minutes", Int),
        ("conversation_id", Uuid),
        ("started_at", Int),
        ("ended_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const CALL_STEPS: Table = table(
    "call_steps",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("call_id", Uuid),
        ("key", Text),
        ("kind", Text),
        ("detail", Text),
        ("at", Int),
    ],
);
