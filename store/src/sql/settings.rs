//! What a tenant sets up: other systems, how long things are kept, and the keys of requests that are carried out once.

pub(crate) const SET_INTEGRATION: &str = "INSERT INTO integrations (tenant_id, kind, settings, secrets, updated_at, id) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, kind) DO UPDATE SET id = excluded.id, \
     settings = excluded.settings, secrets = excluded.secrets, updated_at = excluded.updated_at";
pub(crate) const INTEGRATION: &str =
    "SELECT id, settings, secrets, updated_at FROM integrations WHERE tenant_id = $1 AND kind = $2";
pub(crate) const DELETE_INTEGRATION: &str = "DELETE FROM integrations WHERE tenant_id = $1 AND kind = $2";

/// Whoever comes first carries it out.
pub(crate) const CLAIM_KEY: &str = "INSERT INTO idempotency_keys (tenant_id, key, fingerprint, created_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, key) DO NOTHING";
pub(crate) const KEY: &str =
    "SELECT fingerprint, status, answer, created_at FROM idempotency_keys WHERE tenant_id = $1 AND key = $2";
pub(crate) const ANSWER_KEY: &str = "UPDATE idempotency_keys SET status = $3, answer = $4 \
     WHERE tenant_id = $1 AND key = $2 AND status IS NULL";
pub(crate) const RELEASE_KEY: &str =
    "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key = $2 AND status IS NULL";
pub(crate) const FORGET_KEY: &str =
    "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND key = $2 AND created_at <= $3";
pub(crate) const FORGET_KEYS: &str = "DELETE FROM idempotency_keys WHERE created_at <= $1";
