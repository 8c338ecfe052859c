//! Reservations, orders, and what carries them out.

use super::{
    Kind::{Bool, Bytes, Int, Text, Uuid},
    Table, table,
};

pub(super) const RESERVATIONS: Table = table(
    "reservations",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("request_key", Text),
        ("conversation_id", Uuid),
        ("name", Text),
        ("phone", Text),
        ("party", Int),
        ("date", Text),
        ("time", Text),
        ("zone", Text),
        ("starts_at", Int),
        ("ends_at", Int),
        ("notes", Text),
        ("status", Text),
        ("cause", Text),
        ("calendar_link", Text),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const MENU_ITEMS: Table = table(
    "menu_items",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("name", Text),
        ("description", Text),
        ("category", Text),
        ("price", Int),
        ("available", Bool),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const ORDERS: Table = table(
    "orders",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("request_key", Text),
        ("conversation_id", Uuid),
        ("turn", Int),
        ("items", Text),
        ("amount", Int),
        ("currency", Text),
        ("name", Text),
        ("phone", Text),
        ("notes", Text),
        ("status", Text),
        ("cause", Text),
        ("payment_id", Text),
        ("payment_secret", Bytes),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const COMMERCE_FLOWS: Table = table(
    "commerce_flows",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("kind", Text),
        ("subject_id", Uuid),
        ("conversation_id", Uuid),
        ("state", Text),
        ("past", Int),
        ("phase", Text),
        ("tries", Int),
        ("code", Text),
        ("skipped", Text),
        ("payment_method", Text),
        ("version", Int),
        ("due_at", Int),
        ("leased_until", Int),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);

pub(super) const PAYMENT_EVENTS: Table =
    table("payment_events", 2, &[("tenant_id", Uuid), ("event_id", Text), ("created_at", Int)]);

pub(super) const WHATSAPP_FALLBACKS: Table = table(
    "whatsapp_fallbacks",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("request_key", Text),
        ("conversation_id", Uuid),
        ("phone", Text),
        ("reason", Text),
        ("created_at", Int),
    ],
);
