//! Servers of tools.

pub(crate) const ADD: &str = "INSERT INTO tool_servers (id, tenant_id, name, url, secrets, enabled, trusted, rules, \
     tools, created_at, updated_at, operations) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '[]', $9, $9, $10)";

pub(crate) const SET: &str = "UPDATE tool_servers SET name = $3, url = $4, secrets = $5, enabled = $6, trusted = $7, \
     rules = $8, updated_at = $9, operations = $10 WHERE tenant_id = $1 AND id = $2";

/// What it offers; unless it became another one while it was asked.
pub(crate) const TOLD: &str =
    "UPDATE tool_servers SET tools = $3, asked_at = $4 WHERE tenant_id = $1 AND id = $2 AND url = $5";

pub(crate) const SERVER: &str = "SELECT id, tenant_id, name, url, secrets, enabled, trusted, rules, tools, operations, \
     asked_at, created_at, updated_at FROM tool_servers WHERE tenant_id = $1 AND id = $2";

pub(crate) const SERVERS: &str = "SELECT id, tenant_id, name, url, secrets, enabled, trusted, rules, tools, operations, \
     asked_at, created_at, updated_at FROM tool_servers WHERE tenant_id = $1 ORDER BY id LIMIT $2 OFFSET $3";
pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM tool_servers WHERE tenant_id = $1";

pub(crate) const DELETE: &str = "DELETE FROM tool_servers WHERE tenant_id = $1 AND id = $2";
