//! Calls that wait, or waited, for a person's word.

use super::{
    Kind::{Int, Text, Uuid},
    Table, table,
};

pub(super) const APPROVALS: Table = table(
    "approvals",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("conversation_id", Uuid),
        ("turn", Int),
        ("step", Int),
        ("place", Int),
        ("call_id", Text),
        ("tool", Text),
        ("arguments", Text),
        ("key", Text),
        ("why", Text),
        ("status", Text),
        ("requested_at", Int),
        ("overdue_at", Int),
        ("decided_at", Int),
        ("decider_kind", Text),
        ("decided_by", Uuid),
        ("reason", Text),
        ("taken_at", Int),
        ("taken_turn", Int),
        ("outcome", Text),
        ("code", Text),
        ("settled_at", Int),
        ("ended_at", Int),
    ],
);
