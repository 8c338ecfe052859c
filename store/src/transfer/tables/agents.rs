//! What agents were, and what is tried before they are.

use super::{
    Kind::{Bool, Int, Text, Uuid},
    Table, table,
};

pub(super) const AGENT_VERSIONS: Table = table(
    "agent_versions",
    2,
    &[
        ("agent_id", Uuid),
        ("version", Int),
        ("tenant_id", Uuid),
        ("name", Text),
        ("enabled", Bool),
        ("profile", Text),
        ("author_kind", Text),
        ("author_id", Uuid),
        ("restores", Int),
        ("created_at", Int),
    ],
);

pub(super) const AGENT_DRAFTS: Table = table(
    "agent_drafts",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("agent_id", Uuid),
        ("version", Int),
        ("name", Text),
        ("enabled", Bool),
        ("profile", Text),
        ("author_kind", Text),
        ("author_id", Uuid),
        ("state", Text),
        ("questions", Int),
        ("created_at", Int),
        ("updated_at", Int),
    ],
);
