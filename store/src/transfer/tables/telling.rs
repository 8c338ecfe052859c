//! What happened, and who is told of it.

use super::{
    Kind::{Bool, Bytes, Int, Text, Uuid},
    Table, table,
};

pub(super) const EVENTS: Table = table(
    "events",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("kind", Text),
        ("conversation_id", Uuid),
        ("message_id", Uuid),
        ("document_id", Uuid),
        ("detail", Text),
        ("created_at", Int),
        ("tx", Int),
        ("position", Int),
        ("reservation_id", Uuid),
        ("order_id", Uuid),
        ("fallback_id", Uuid),
        ("call_id", Uuid),
        ("approval_id", Uuid),
        ("planned_id", Uuid),
        ("broadcast_id", Uuid),
        ("video_id", Uuid),
    ],
);

pub(super) const WEBHOOK_ENDPOINTS: Table = table(
    "webhook_endpoints",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("url", Text),
        ("events", Text),
        ("secrets", Bytes),
        ("enabled", Bool),
        ("failures", Int),
        ("rests_until", Int),
        ("leased_until", Int),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const WEBHOOK_DELIVERIES: Table = table(
    "webhook_deliveries",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("endpoint_id", Uuid),
        ("event_id", Uuid),
        ("state", Text),
        ("failures", Int),
        ("due_at", Int),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const WEBHOOK_ATTEMPTS: Table = table(
    "webhook_attempts",
    2,
    &[
        ("delivery_id", Uuid),
        ("number", Int),
        ("tenant_id", Uuid),
        ("at", Int),
        ("took", Int),
        ("status", Int),
        ("cause", Text),
    ],
);
