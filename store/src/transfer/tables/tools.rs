//! Servers of tools.

use super::{
    Kind::{Bool, Bytes, Int, Text, Uuid},
    Table, table,
};

pub(super) const TOOL_USES: Table = table(
    "tool_uses",
    2,
    &[("tenant_id", Uuid), ("key", Text), ("tool", Text), ("used_at", Int), ("agent_id", Uuid), ("amount", Int)],
);

pub(super) const TOOL_SERVERS: Table = table(
    "tool_servers",
    1,
    &[
        ("id", Uuid),
        ("tenant_id", Uuid),
        ("name", Text),
        ("url", Text),
        ("secrets", Bytes),
        ("enabled", Bool),
        ("trusted", Bool),
        ("rules", Text),
        ("tools", Text),
        ("asked_at", Int),
        ("created_at", Int),
        ("updated_at", Int),
        ("operations", Text),
    ],
);
