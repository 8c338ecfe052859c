//! Message templates.

pub(crate) const ADD: &str = "INSERT INTO templates (id, tenant_id, channel_id, name, language, category, components, \
     status, reason, provider_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";

/// Its words, and what the provider says of them.
pub(crate) const SET: &str = "UPDATE templates SET category = $3, components = $4, status = $5, reason = $6, \
     provider_id = $7, updated_at = $8 WHERE tenant_id = $1 AND id = $2";

pub(crate) const TEMPLATE: &str = "SELECT id, channel_id, name, language, category, components, status, reason, \
     provider_id, created_at, updated_at FROM templates WHERE tenant_id = $1 AND id = $2";

pub(crate) const TEMPLATES: &str = "SELECT id, channel_id, name, language, category, components, status, reason, \
     provider_id, created_at, updated_at FROM templates WHERE tenant_id = $1 ORDER BY id LIMIT $2 OFFSET $3";
pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM templates WHERE tenant_id = $1";

/// Those that a channel can send under a name: its own first, then ours.
pub(crate) const BY_NAME: &str = "SELECT id, channel_id, name, language, category, components, status, reason, \
     provider_id, created_at, updated_at FROM templates WHERE tenant_id = $1 AND name = $2 \
     AND (channel_id = $3 OR channel_id IS NULL) ORDER BY CASE WHEN channel_id IS NULL THEN 1 ELSE 0 END, language";

pub(crate) const OF_CHANNEL: &str = "SELECT id, channel_id, name, language, category, components, status, reason, \
     provider_id, created_at, updated_at FROM templates WHERE tenant_id = $1 AND channel_id = $2";

/// The provider's own times tell which of its words is the later one.
pub(crate) const TOLD: &str = "UPDATE templates SET status = $3, reason = $4, told_at = $5, updated_at = $6 \
     WHERE tenant_id = $1 AND provider_id = $2 AND told_at <= $5";

pub(crate) const DELETE: &str = "DELETE FROM templates WHERE tenant_id = $1 AND id = $2";
