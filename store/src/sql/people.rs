pub(crate) const ADD_USER: &str = "INSERT INTO users (id, tenant_id, email, name, role, password, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
pub(crate) const USER: &str = "SELECT id, tenant_id, email, name, role, password, created_at, updated_at, last_seen_at, \
     disabled_at FROM users WHERE tenant_id = $1 AND id = $2";
pub(crate) const USERS: &str = "SELECT id, tenant_id, email, name, role, password, created_at, updated_at, last_seen_at, \
     disabled_at FROM users WHERE tenant_id = $1 ORDER BY id LIMIT $2 OFFSET $3";
pub(crate) const COUNT_USERS: &str = "SELECT COUNT(*) FROM users WHERE tenant_id = $1";
/// Over all tenants: an address belongs to one account.
pub(crate) const USER_BY_EMAIL: &str = "SELECT id, tenant_id, email, name, role, password, created_at, updated_at, \
     last_seen_at, disabled_at FROM users WHERE email = $1";
pub(crate) const CHANGE_USER: &str =
    "UPDATE users SET name = $3, role = $4, disabled_at = $5, updated_at = $6 WHERE tenant_id = $1 AND id = $2";
pub(crate) const SET_PASSWORD: &str =
    "UPDATE users SET password = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2";
pub(crate) const SEEN: &str = "UPDATE users SET last_seen_at = $3 WHERE tenant_id = $1 AND id = $2";
/// Whether somebody else still owns the tenant.
pub(crate) const OTHER_OWNERS: &str = "SELECT COUNT(*) FROM users WHERE tenant_id = $1 AND id <> $2 \
     AND role IN ('owner', 'platform_admin') AND disabled_at IS NULL";

pub(crate) const ADD_SESSION: &str =
    "INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
/// Over all tenants: the session names its tenant. Only what still opens something.
pub(crate) const SESSION_USER: &str = "SELECT u.id, u.tenant_id, u.email, u.name, u.role, u.password, u.created_at, \
     u.updated_at, u.last_seen_at, u.disabled_at FROM sessions s JOIN users u ON u.id = s.user_id \
     JOIN tenants t ON t.id = s.tenant_id \
     WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND u.disabled_at IS NULL \
     AND t.suspended_at IS NULL";
pub(crate) const SESSIONS: &str = "SELECT id, created_at, expires_at FROM sessions \
     WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 ORDER BY id DESC LIMIT 100";
pub(crate) const REVOKE_SESSION: &str = "UPDATE sessions SET revoked_at = $3, cause = $4 \
     WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL";
pub(crate) const REVOKE_SESSIONS_OF: &str = "UPDATE sessions SET revoked_at = $3, cause = $4 \
     WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL";
pub(crate) const EXTEND_SESSION: &str = "UPDATE sessions SET expires_at = $2 WHERE id = $1";
pub(crate) const FORGET_SESSIONS: &str = "DELETE FROM sessions WHERE expires_at < $1";

pub(crate) const ADD_TOKEN: &str =
    "INSERT INTO refresh_tokens (hash, tenant_id, session_id, expires_at) VALUES ($1, $2, $3, $4)";
/// Over all tenants: the token names its session.
pub(crate) const TOKEN: &str = "SELECT tenant_id, session_id, expires_at, used_at FROM refresh_tokens WHERE hash = $1";
/// Only one of two that use it at once changes a row.
pub(crate) const USE_TOKEN: &str = "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL";

pub(crate) const ADD_LINK: &str =
    "INSERT INTO links (hash, tenant_id, user_id, purpose, expires_at) VALUES ($1, $2, $3, $4, $5)";
/// Over all tenants: the link names its user.
pub(crate) const USE_LINK: &str = "UPDATE links SET used_at = $2 WHERE hash = $1 AND used_at IS NULL \
     AND expires_at > $2 RETURNING tenant_id, user_id";
/// A new link, or a password, makes the others useless.
pub(crate) const DROP_LINKS: &str = "DELETE FROM links WHERE tenant_id = $1 AND user_id = $2";

pub(crate) const ADD_ATTEMPT: &str = "INSERT INTO attempts (subject, at) VALUES ($1, $2)";
pub(crate) const ATTEMPTS_SINCE: &str = "SELECT at FROM attempts WHERE subject = $1 AND at > $2 ORDER BY at";
pub(crate) const FORGET_ATTEMPTS: &str = "DELETE FROM attempts WHERE at < $1";

pub(crate) const ADD_AUDIT: &str = "INSERT INTO audit (id, tenant_id, actor_kind, actor_id, action, target, detail, \
     created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(crate) const AUDIT: &str = "SELECT id, actor_kind, actor_id, action, target, detail, created_at FROM audit \
     WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT_AUDIT: &str = "SELECT COUNT(*) FROM audit WHERE tenant_id = $1";

pub(crate) const RENAME_TENANT: &str = "UPDATE tenants SET name = $2, slug = $3 WHERE id = $1";
/// `$2` is when it was suspended; NULL lifts it.
pub(crate) const SUSPEND_TENANT: &str = "UPDATE tenants SET suspended_at = $2 WHERE id = $1";
