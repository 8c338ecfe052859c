//! People, their sessions, and what else opens a door.

use super::{
    Kind::{Bytes, Int, Text, Uuid},
    Table, table,
};

pub(super) const USERS: Table = table(
    "users",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("email", Text),
        ("name", Text),
        ("role", Text),
        ("password", Text),
        ("created_at", Int),
        ("updated_at", Int),
        ("last_seen_at", Int),
        ("disabled_at", Int),
    ],
);

pub(super) const SESSIONS: Table = table(
    "sessions",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("user_id", Uuid),
        ("created_at", Int),
        ("expires_at", Int),
        ("revoked_at", Int),
        ("cause", Text),
    ],
);

pub(super) const REFRESH_TOKENS: Table = table(
    "refresh_tokens",
    1,
    &[("hash", Bytes), ("tenant_id", Uuid), ("session_id", Uuid), ("expires_at", Int), ("used_at", Int)],
);

pub(super) const LINKS: Table = table(
    "links",
    1,
    &[
        ("hash", Bytes),
        ("tenant_id", Uuid),
        ("user_id", Uuid),
        ("purpose", Text),
        ("expires_at", Int),
        ("used_at", Int),
    ],
);

pub(super) const AUDIT: Table = table(
    "audit",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("actor_kind", Text),
        ("actor_id", Uuid),
        ("action", Text),
        ("target", Text),
        ("detail", Text),
        ("created_at", Int),
    ],
);

pub(super) const API_KEYS: Table = table(
    "api_keys",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("name", Text),
        ("hash", Bytes),
        ("scopes", Text),
        ("created_at", Int),
        ("revoked_at", Int),
    ],
);
