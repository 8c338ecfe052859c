//! Sessions with avatars.

use super::{
    Kind::{Bytes, Int, Text, Uuid},
    Table, table,
};

pub(super) const VIDEO_SESSIONS: Table = table(
    "video_sessions",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("request_key", Text),
        ("channel_id", Uuid),
        ("chat", Text),
        ("provider", Text),
        ("state", Text),
        ("external_id", Text),
        ("secrets", Bytes),
        ("idle", Int),
        ("used_at", Int),
        ("expires_at", Int),
        ("started_at", Int),
        ("ended_at", Int),
        ("reason", Text),
        ("code", Text),
        ("tries", Int),
        ("spoken_turn", Int),
        ("version", Int),
        ("due_at", Int),
        ("leased_until", Int),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);
