//! Calls of tools that may be used only so often.

pub(crate) const COUNTED: &str = "SELECT used_at FROM tool_uses WHERE tenant_id = $1 AND key = $2";
/// Within the day that began after `$3`, and within the minute that began after `$4`.
pub(crate) const USED: &str = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN used_at > $4 THEN 1 ELSE 0 END), 0) \
     FROM tool_uses WHERE tenant_id = $1 AND tool = $2 AND used_at > $3";
pub(crate) const COUNT: &str = "INSERT INTO tool_uses (tenant_id, key, tool, used_at) VALUES ($1, $2, $3, $4)";
pub(crate) const FORGET: &str = "DELETE FROM tool_uses WHERE used_at <= $1";
