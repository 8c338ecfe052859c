//! How channels stand with their providers.

use super::{
    Kind::{Int, Text, Uuid},
    Table, table,
};

pub(super) const CHANNEL_HEALTH: Table = table(
    "channel_health",
    1,
    &[
        ("channel_id", Uuid),
        ("tenant_id", Uuid),
        ("refused_at", Int),
        ("refused_code", Text),
        ("refused_detail", Text),
        ("unreadable", Int),
        ("unreadable_at", Int),
        ("unreadable_why", Text),
        ("notice", Text),
        ("notice_gravity", Text),
        ("notice_detail", Text),
        ("notice_at", Int),
        ("stopped_at", Int),
        ("token_expires_at", Int),
    ],
);
