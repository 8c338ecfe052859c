//! What agents were configured as, and what is tried before it is.

/// The last one.
pub(crate) const LAST: &str = "SELECT version, name, enabled, profile FROM agent_versions \
     WHERE tenant_id = $1 AND agent_id = $2 ORDER BY version DESC LIMIT 1";

pub(crate) const ADD: &str = "INSERT INTO agent_versions (tenant_id, agent_id, version, name, enabled, profile, \
     author_kind, author_id, restores, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Changes after a version.
pub(crate) const CHANGED_SINCE: &str =
    "SELECT COUNT(*) FROM agent_versions WHERE tenant_id = $1 AND agent_id = $2 AND version > $3";

pub(crate) const VERSION: &str = "SELECT version, name, enabled, profile, author_kind, author_id, restores, created_at \
     FROM agent_versions WHERE tenant_id = $1 AND agent_id = $2 AND version = $3";

/// The newest first.
pub(crate) const VERSIONS: &str = "SELECT version, name, enabled, profile, author_kind, author_id, restores, created_at \
     FROM agent_versions WHERE tenant_id = $1 AND agent_id = $4 ORDER BY version DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT_VERSIONS: &str = "SELECT COUNT(*) FROM agent_versions WHERE tenant_id = $1 AND agent_id = $2";

pub(crate) const ADD_DRAFT: &str = "INSERT INTO agent_drafts (tenant_id, id, agent_id, version, name, enabled, profile, \
     author_kind, author_id, questions, state, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'reviewing', $11, $11)";

pub(crate) const DRAFT: &str = "SELECT id, agent_id, version, name, enabled, profile, author_kind, author_id, state, \
     questions, created_at, updated_at FROM agent_drafts WHERE tenant_id = $1 AND id = $2";

/// The newest first.
pub(crate) const DRAFTS: &str = "SELECT id, agent_id, version, name, enabled, profile, author_kind, author_id, state, \
     questions, created_at, updated_at FROM agent_drafts WHERE tenant_id = $1 AND agent_id = $4 \
     ORDER BY id DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT_DRAFTS: &str = "SELECT COUNT(*) FROM agent_drafts WHERE tenant_id = $1 AND agent_id = $2";

/// Only forward, and never after its end.
pub(crate) const MOVE_DRAFT: &str = "UPDATE agent_drafts SET state = $3, updated_at = $4 WHERE tenant_id = $1 \
     AND id = $2 AND state NOT IN ('promoted', 'dropped')";
