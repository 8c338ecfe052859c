//! Calls of tools that may be used only so often, or for so much.

/// PostgreSQL's: whoever counts uses of a tool ($1) does it alone until their transaction ends, on whichever node, and then sees
/// all that were counted before. The number is that of these locks, beside those of partitions and tenants.
pub(crate) const LOCK: &str = "SELECT pg_advisory_xact_lock(1668246531, hashtext($1))";

pub(crate) const COUNTED: &str = "SELECT used_at FROM tool_uses WHERE tenant_id = $1 AND key = $2";
/// Within the day that began after `$3`, and within the minute that began after `$4`.
pub(crate) const USED: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN used_at > $4 THEN 1 ELSE 0 END), 0) \
     FROM tool_uses WHERE tenant_id = $1 AND tool = $2 AND used_at > $3";
/// The same of one agent ($5), and what it moved.
pub(crate) const USED_BY: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN used_at > $4 THEN 1 ELSE 0 END), 0), \
     CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM tool_uses WHERE tenant_id = $1 AND tool = $2 AND used_at > $3 \
     AND agent_id = $5";
pub(crate) const COUNT: &str = "INSERT INTO tool_uses (tenant_id, key, tool, used_at, agent_id, amount) \
     VALUES ($1, $2, $3, $4, $5, $6)";
pub(crate) const FORGET: &str = "DELETE FROM tool_uses WHERE used_at <= $1";
