use crate::db::Sql;

pub(crate) const META: &str = "SELECT value FROM meta WHERE name = $1";

/// Whoever comes first says it.
pub(crate) const SET_META: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

pub(crate) const CHANGE_META: &str =
    "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";

pub(crate) const ADD_TENANT: &str = "INSERT INTO tenants (id, slug, name, created_at) VALUES ($1, $2, $3, $4)";
pub(crate) const ENSURE_TENANT: &str = "INSERT INTO tenants (id, slug, name, created_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (slug) DO NOTHING";
pub(crate) const TENANT: &str = "SELECT id, slug, name, created_at, suspended_at FROM tenants WHERE id = $1";
pub(crate) const TENANT_BY_SLUG: &str = "SELECT id, slug, name, created_at, suspended_at FROM tenants WHERE slug = $1";
pub(crate) const TENANTS: &str =
    "SELECT id, slug, name, created_at, suspended_at FROM tenants ORDER BY id LIMIT $1 OFFSET $2";
pub(crate) const COUNT_TENANTS: &str = "SELECT COUNT(*) FROM tenants";

pub(crate) const ADD_KEY: &str =
    "INSERT INTO api_keys (id, tenant_id, name, hash, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
pub(crate) const KEYS: &str = "SELECT id, name, scopes, created_at, revoked_at FROM api_keys \
     WHERE tenant_id = $1 ORDER BY id LIMIT $2 OFFSET $3";
pub(crate) const COUNT_KEYS: &str = "SELECT COUNT(*) FROM api_keys WHERE tenant_id = $1";
pub(crate) const REVOKE_KEY: &str =
    "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE tenant_id = $1 AND id = $2";
pub(crate) const KEY_BY_HASH: &str = "SELECT k.id, k.tenant_id, k.scopes FROM api_keys k JOIN tenants t ON t.id = k.tenant_id \
     WHERE k.hash = $1 AND k.revoked_at IS NULL AND t.suspended_at IS NULL";

pub(crate) const ADD_AGENT: &str = "INSERT INTO agents (tenant_id, id, name, enabled, profile, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $6)";
pub(crate) const SET_AGENT: &str = "UPDATE agents SET name = $3, enabled = $4, profile = $5, updated_at = $6 \
     WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
pub(crate) const AGENT: &str = "SELECT id, name, enabled, profile, created_at, updated_at, (SELECT MAX(v.version) FROM agent_versions v \
     WHERE v.tenant_id = agents.tenant_id AND v.agent_id = agents.id) AS version FROM agents \
     WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
pub(crate) const AGENT_BY_NAME: &str = "SELECT id, name, enabled, profile, created_at, updated_at, (SELECT MAX(v.version) FROM agent_versions v \
     WHERE v.tenant_id = agents.tenant_id AND v.agent_id = agents.id) AS version FROM agents \
     WHERE tenant_id = $1 AND name = $2 AND deleted_at IS NULL";
pub(crate) const AGENTS: &str = "SELECT id, name, enabled, profile, created_at, updated_at, (SELECT MAX(v.version) FROM agent_versions v \
     WHERE v.tenant_id = agents.tenant_id AND v.agent_id = agents.id) AS version FROM agents \
     WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT $2 OFFSET $3";
pub(crate) const COUNT_AGENTS: &str = "SELECT COUNT(*) FROM agents WHERE tenant_id = $1 AND deleted_at IS NULL";
pub(crate) const DELETE_AGENT: &str =
    "UPDATE agents SET deleted_at = $3 WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
pub(crate) const AGENT_ANSWERS: &str =
    "SELECT 1 FROM channels WHERE agent_id = $2 AND tenant_id = $1 AND deleted_at IS NULL LIMIT 1";

pub(crate) const ADD_CHANNEL: &str = "INSERT INTO channels (id, tenant_id, kind, name, agent_id, external_id, pull, \
     settings, secrets, enabled, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";
pub(crate) const SET_CHANNEL: &str = "UPDATE channels SET name = $3, agent_id = $4, external_id = $5, settings = $6, \
     secrets = $7, enabled = $8, updated_at = $9 WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
pub(crate) const CHANNEL: &str = "SELECT id, tenant_id, kind, name, agent_id, external_id, pull, settings, secrets, \
     enabled, created_at, updated_at FROM channels WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";
pub(crate) const CHANNELS: &str = "SELECT id, tenant_id, kind, name, agent_id, external_id, pull, settings, secrets, \
     enabled, created_at, updated_at FROM channels WHERE tenant_id = $1 AND deleted_at IS NULL \
     ORDER BY id LIMIT $2 OFFSET $3";
pub(crate) const COUNT_CHANNELS: &str = "SELECT COUNT(*) FROM channels WHERE tenant_id = $1 AND deleted_at IS NULL";
pub(crate) const DELETE_CHANNEL: Sql = both!(
    "UPDATE channels SET deleted_at = $3, ",
    { "enabled = 0, secrets = x''" | "enabled = FALSE, secrets = ''" },
    " WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL"
);
pub(crate) const ANY_CHANNEL: &str = "SELECT id, tenant_id, kind, name, agent_id, external_id, pull, settings, secrets, \
     enabled, created_at, updated_at FROM channels WHERE id = $1 AND deleted_at IS NULL";
pub(crate) const CHANNEL_BY_EXTERNAL: &str = "SELECT id, tenant_id, kind, name, agent_id, external_id, pull, settings, \
     secrets, enabled, created_at, updated_at FROM channels \
     WHERE kind = $1 AND external_id = $2 AND external_id IS NOT NULL AND deleted_at IS NULL";
pub(crate) const ENABLED_CHANNELS: Sql = both!(
    "SELECT id, tenant_id, kind, name, agent_id, external_id, pull, settings, \
     secrets, enabled, created_at, updated_at FROM channels WHERE ",
    { "enabled = 1" | "enabled" },
    " AND deleted_at IS NULL ORDER BY id"
);

pub(crate) const ADD_BASE: &str =
    "INSERT INTO knowledge_bases (id, tenant_id, name, created_at) VALUES ($1, $2, $3, $4)";
pub(crate) const ENSURE_BASE: &str = "INSERT INTO knowledge_bases (id, tenant_id, name, created_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, name) DO NOTHING";
pub(crate) const BASE: &str = "SELECT id, name, created_at, draft_of IS NOT NULL AS draft, \
     (SELECT COUNT(*) FROM documents d WHERE d.tenant_id = b.tenant_id AND d.knowledge_base_id = b.id) AS documents \
     FROM knowledge_bases b WHERE tenant_id = $1 AND id = $2";
pub(crate) const BASE_BY_NAME: &str = "SELECT id, name, created_at, draft_of IS NOT NULL AS draft, \
     (SELECT COUNT(*) FROM documents d WHERE d.tenant_id = b.tenant_id AND d.knowledge_base_id = b.id) AS documents \
     FROM knowledge_bases b WHERE tenant_id = $1 AND name = $2 AND draft_of IS NULL";
pub(crate) const BASES: &str = "SELECT id, name, created_at, draft_of IS NOT NULL AS draft, \
     (SELECT COUNT(*) FROM documents d WHERE d.tenant_id = b.tenant_id AND d.knowledge_base_id = b.id) AS documents \
     FROM knowledge_bases b WHERE tenant_id = $1 AND draft_of IS NULL ORDER BY name LIMIT $2 OFFSET $3";
pub(crate) const COUNT_BASES: &str = "SELECT COUNT(*) FROM knowledge_bases WHERE tenant_id = $1 AND draft_of IS NULL";
pub(crate) const RENAME_BASE: &str = "UPDATE knowledge_bases SET name = $3 WHERE tenant_id = $1 AND id = $2";
/// Only an empty one: its documents have passages elsewhere that must be forgotten first.
pub(crate) const DELETE_BASE: &str = "DELETE FROM knowledge_bases WHERE tenant_id = $1 AND id = $2 \
     AND NOT EXISTS (SELECT 1 FROM documents WHERE tenant_id = $1 AND knowledge_base_id = $2)";

/// PostgreSQL's.
pub(crate) const ENCODING: &str = "SELECT current_setting('server_encoding')";
/// PostgreSQL's: whether row-level security does not hold for us.
pub(crate) const BYPASSES: &str = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
/// PostgreSQL's: its version as a number, its version as people write it, its clock in milliseconds since 1970.
pub(crate) const SERVER: &str = "SELECT CAST(current_setting('server_version_num') AS BIGINT), \
     current_setting('server_version'), CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
/// PostgreSQL's: of processes that ended without a word.
pub(crate) const FORGET_WRITERS: &str = "DELETE FROM writers WHERE seen_at < now() - interval '7 days'";
