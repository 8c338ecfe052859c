//! Work that goes on after a restart.

pub(crate) const ADD: &str = "INSERT INTO jobs (id, tenant_id, kind, state, detail, created_at, updated_at) \
     VALUES ($1, $2, $3, 'running', $4, $5, $5)";

pub(crate) const GET: &str =
    "SELECT id, tenant_id, kind, state, detail, created_at, updated_at FROM jobs WHERE tenant_id = $1 AND id = $2";

/// Mostly nothing is: looked up before it is written.
pub(crate) const DUE: &str =
    "SELECT CAST(1 AS BIGINT) FROM jobs WHERE state = 'running' AND leased_until <= $1 LIMIT 1";

/// The one that was worked at longest ago. Whoever gets it works at it alone for a while.
pub(crate) const LEASE: &str = "UPDATE jobs SET leased_until = $2 WHERE id = (SELECT id FROM jobs \
     WHERE state = 'running' AND leased_until <= $1 ORDER BY leased_until, id LIMIT 1) \
     AND state = 'running' AND leased_until <= $1 \
     RETURNING id, tenant_id, kind, state, detail, created_at, updated_at";

pub(crate) const SAVE: &str = "UPDATE jobs SET state = $3, detail = $4, leased_until = $5, updated_at = $6 \
     WHERE tenant_id = $1 AND id = $2 AND state = 'running'";
