//! What tenants may use and spend.

pub(crate) const SUBSCRIPTION: &str = "SELECT plan, messages_per_month, agents, documents, storage_bytes, seats, \
     created_at, updated_at FROM subscriptions WHERE tenant_id = $1";
pub(crate) const SET_SUBSCRIPTION: &str = "INSERT INTO subscriptions (tenant_id, plan, messages_per_month, agents, \
     documents, storage_bytes, seats, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) \
     ON CONFLICT (tenant_id) DO UPDATE SET plan = excluded.plan, messages_per_month = excluded.messages_per_month, \
     agents = excluded.agents, documents = excluded.documents, storage_bytes = excluded.storage_bytes, \
     seats = excluded.seats, updated_at = excluded.updated_at";

/// Agents, documents, their bytes, people who may sign in.
pub(crate) const HELD: &str = "SELECT \
     (SELECT COUNT(*) FROM agents WHERE tenant_id = $1 AND deleted_at IS NULL), \
     (SELECT COUNT(*) FROM documents WHERE tenant_id = $1), \
     (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM documents WHERE tenant_id = $1), \
     (SELECT COUNT(*) FROM users WHERE tenant_id = $1 AND disabled_at IS NULL)";

pub(crate) const BUDGET: &str = "SELECT monthly_micros FROM budgets WHERE tenant_id = $1";
/// A new budget is warned of anew.
pub(crate) const SET_BUDGET: &str = "INSERT INTO budgets (tenant_id, monthly_micros, updated_at) VALUES ($1, $2, $3) \
     ON CONFLICT (tenant_id) DO UPDATE SET monthly_micros = excluded.monthly_micros, warned = 0, spent = 0, \
     updated_at = excluded.updated_at";

/// The budget, and how many messages a month the plan has.
pub(crate) const BARS: &str = "SELECT (SELECT b.monthly_micros FROM budgets b WHERE b.tenant_id = $1), \
     (SELECT s.messages_per_month FROM subscriptions s WHERE s.tenant_id = $1)";
