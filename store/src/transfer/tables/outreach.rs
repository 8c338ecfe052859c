//! What people agreed to, what messages cost, and what is planned.

use super::{
    Kind::{Int, Text, Uuid},
    Table, table,
};

pub(super) const CONSENTS: Table = table(
    "consents",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("contact_id", Uuid),
        ("channel_kind", Text),
        ("purpose", Text),
        ("source", Text),
        ("given_at", Int),
        ("recorded_at", Int),
        ("withdrawn_at", Int),
        ("withdrawn_source", Text),
    ],
);

pub(super) const CHANNEL_PRICES: Table = table(
    "channel_prices",
    1,
    &[("channel_id", Uuid), ("tenant_id", Uuid), ("currency", Text), ("micros", Text), ("updated_at", Int)],
);

pub(super) const BROADCASTS: Table = table(
    "broadcasts",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("channel_id", Uuid),
        ("name", Text),
        ("words", Text),
        ("audience", Text),
        ("per_minute", Int),
        ("state", Text),
        ("start_at", Int),
        ("next_at", Int),
        ("gathered_to", Uuid),
        ("gathered_at", Int),
        ("reason", Text),
        ("created_at", Int),
        ("updated_at", Int),
        ("started_at", Int),
        ("ended_at", Int),
    ],
);

pub(super) const PLANNED_MESSAGES: Table = table(
    "planned_messages",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("contact_id", Uuid),
        ("broadcast_id", Uuid),
        ("channel_id", Uuid),
        ("words", Text),
        ("due_at", Int),
        ("state", Text),
        ("reason", Text),
        ("conversation_id", Uuid),
        ("message_id", Uuid),
        ("outbox_id", Uuid),
        ("created_at", Int),
        ("settled_at", Int),
    ],
);
