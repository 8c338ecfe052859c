//! What other systems are told. Events and their deliveries are written by triggers of the schema.

use crate::db::Sql;

pub(crate) const ADD_ENDPOINT: &str = "INSERT INTO webhook_endpoints \
     (id, tenant_id, url, events, secrets, enabled, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";

/// Whoever changes it thinks that it works now: it is not left alone any more.
pub(crate) const SET_ENDPOINT: &str = "UPDATE webhook_endpoints SET url = $3, events = $4, enabled = $5, \
     updated_at = $6, failures = 0, rests_until = 0 WHERE tenant_id = $1 AND id = $2";

/// Held until its secrets are changed: two that change them do it one after the other.
pub(crate) const SECRETS: Sql =
    both!("SELECT secrets FROM webhook_endpoints WHERE tenant_id = $1 AND id = $2", { "" | " FOR UPDATE" });
pub(crate) const SET_SECRETS: &str = "UPDATE webhook_endpoints SET secrets = $3, updated_at = $4, failures = 0, \
     rests_until = 0 WHERE tenant_id = $1 AND id = $2";

pub(crate) const ENDPOINT: &str = "SELECT id, tenant_id, url, events, secrets, enabled, failures, rests_until, \
     created_at, updated_at FROM webhook_endpoints WHERE tenant_id = $1 AND id = $2";

pub(crate) const ENDPOINTS: &str = "SELECT id, tenant_id, url, events, secrets, enabled, failures, rests_until, \
     created_at, updated_at FROM webhook_endpoints WHERE tenant_id = $1 ORDER BY id LIMIT $2 OFFSET $3";
pub(crate) const COUNT_ENDPOINTS: &str = "SELECT COUNT(*) FROM webhook_endpoints WHERE tenant_id = $1";

pub(crate) const DELETE_ATTEMPTS: &str = "DELETE FROM webhook_attempts WHERE tenant_id = $1 AND delivery_id IN \
     (SELECT id FROM webhook_deliveries WHERE tenant_id = $1 AND endpoint_id = $2)";
pub(crate) const DELETE_DELIVERIES: &str = "DELETE FROM webhook_deliveries WHERE tenant_id = $1 AND endpoint_id = $2";
pub(crate) const DELETE_ENDPOINT: &str = "DELETE FROM webhook_endpoints WHERE tenant_id = $1 AND id = $2";

/// Mostly there is nothing to tell: looked up before it is written.
pub(crate) const WAITING: Sql = both!(
    "SELECT CAST(1 AS BIGINT) FROM webhook_endpoints e WHERE ",
    { "e.enabled = 1" | "e.enabled" },
    " AND e.rests_until <= $1 AND e.leased_until <= $1 AND EXISTS (SELECT 1 FROM webhook_deliveries d \
     WHERE d.endpoint_id = e.id AND d.tenant_id = e.tenant_id AND d.state = 'queued' AND d.due_at <= $1) LIMIT 1"
);

/// The one that was delivered to longest ago. Whoever gets it delivers to it alone for a while.
pub(crate) const LEASE: Sql = both!(
    "UPDATE webhook_endpoints SET leased_until = $2 WHERE id = (SELECT e.id FROM webhook_endpoints e WHERE ",
    { "e.enabled = 1" | "e.enabled" },
    " AND e.rests_until <= $1 AND e.leased_until <= $1 AND EXISTS (SELECT 1 FROM webhook_deliveries d \
     WHERE d.endpoint_id = e.id AND d.tenant_id = e.tenant_id AND d.state = 'queued' AND d.due_at <= $1) \
     ORDER BY e.leased_until, e.id LIMIT 1) AND leased_until <= $1 \
     RETURNING id, tenant_id, url, events, secrets, enabled, failures, rests_until, created_at, updated_at"
);

pub(crate) const RELEASE: &str = "UPDATE webhook_endpoints SET leased_until = $3 WHERE tenant_id = $1 AND id = $2";

/// What an endpoint is to be told now, with what its events name.
pub(crate) const DUE: &str = "SELECT d.id AS delivery_id, d.failures, e.id AS event_id, e.kind, e.created_at, \
     e.conversation_id, e.message_id, e.document_id, e.detail, c.channel_id, c.peer, h.kind AS channel, m.speaker, m.text, \
     f.name AS document, f.knowledge_base_id, e.reservation_id, e.order_id, r.name AS guest, r.phone AS guest_phone, \
     r.party, r.date, r.time, r.zone, r.status AS reservation_status, r.calendar_link, o.name AS customer, \
     o.phone AS customer_phone, o.amount, o.currency, o.items, o.status AS order_status, o.payment_id, \
     w.phone AS fallback_phone, w.reason, e.call_id, e.approval_id, e.planned_id, e.broadcast_id, \
     v.id AS video_id, v.provider AS video_provider, v.state AS video_state, v.reason AS video_reason \
     FROM webhook_deliveries d JOIN events e ON e.tenant_id = $1 AND e.id = d.event_id \
     LEFT JOIN conversations c ON c.tenant_id = $1 AND c.id = e.conversation_id \
     LEFT JOIN channels h ON h.tenant_id = $1 AND h.id = c.channel_id \
     LEFT JOIN messages m ON m.tenant_id = $1 AND m.id = e.message_id \
     LEFT JOIN documents f ON f.tenant_id = $1 AND f.id = e.document_id \
     LEFT JOIN reservations r ON r.tenant_id = $1 AND r.id = e.reservation_id \
     LEFT JOIN orders o ON o.tenant_id = $1 AND o.id = e.order_id \
     LEFT JOIN whatsapp_fallbacks w ON w.tenant_id = $1 AND w.id = e.fallback_id \
     LEFT JOIN video_sessions v ON v.tenant_id = $1 AND v.id = e.video_id \
     WHERE d.tenant_id = $1 AND d.endpoint_id = $2 AND d.state = 'queued' AND d.due_at <= $3 \
     ORDER BY d.due_at, d.id LIMIT $4";

pub(crate) const ADD_ATTEMPT: &str = "INSERT INTO webhook_attempts \
     (delivery_id, number, tenant_id, at, took, status, cause) SELECT d.id, (SELECT COALESCE(MAX(a.number), 0) + 1 \
     FROM webhook_attempts a WHERE a.tenant_id = $1 AND a.delivery_id = $2), d.tenant_id, $3, $4, $5, $6 \
     FROM webhook_deliveries d WHERE d.tenant_id = $1 AND d.id = $2";

pub(crate) const SETTLE: &str = "UPDATE webhook_deliveries SET state = $3, failures = $4, due_at = $5, updated_at = $6 \
     WHERE tenant_id = $1 AND id = $2 AND state = 'queued'";

/// Whoever delivers goes on with it.
pub(crate) const SET_HEALTH: &str = "UPDATE webhook_endpoints SET failures = $3, rests_until = $4, leased_until = $5 \
     WHERE tenant_id = $1 AND id = $2";

pub(crate) const DELIVERIES: &str = "SELECT d.id, d.endpoint_id, n.url, d.event_id, e.kind, d.state, d.due_at, \
     d.created_at, d.updated_at FROM webhook_deliveries d \
     JOIN webhook_endpoints n ON n.tenant_id = $1 AND n.id = d.endpoint_id \
     JOIN events e ON e.tenant_id = $1 AND e.id = d.event_id \
     WHERE d.tenant_id = $1 ORDER BY d.id DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT_DELIVERIES: &str = "SELECT COUNT(*) FROM webhook_deliveries WHERE tenant_id = $1";
pub(crate) const DELIVERIES_IN: &str = "SELECT d.id, d.endpoint_id, n.url, d.event_id, e.kind, d.state, d.due_at, \
     d.created_at, d.updated_at FROM webhook_deliveries d \
     JOIN webhook_endpoints n ON n.tenant_id = $1 AND n.id = d.endpoint_id \
     JOIN events e ON e.tenant_id = $1 AND e.id = d.event_id \
     WHERE d.tenant_id = $1 AND d.state = $4 ORDER BY d.id DESC LIMIT $2 OFFSET $3";
/// Those that wait or were given up: few.
pub(crate) const OPEN_DELIVERIES_IN: &str = "SELECT d.id, d.endpoint_id, n.url, d.event_id, e.kind, d.state, d.due_at, \
     d.created_at, d.updated_at FROM webhook_deliveries d \
     JOIN webhook_endpoints n ON n.tenant_id = $1 AND n.id = d.endpoint_id \
     JOIN events e ON e.tenant_id = $1 AND e.id = d.event_id \
     WHERE d.tenant_id = $1 AND d.state IN ('queued', 'dead') AND d.state = $4 ORDER BY d.id DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT_OPEN_DELIVERIES_IN: &str =
    "SELECT COUNT(*) FROM webhook_deliveries WHERE tenant_id = $1 AND state IN ('queued', 'dead') AND state = $2";
/// All others.
pub(crate) const COUNT_DELIVERED: &str = "SELECT (SELECT COUNT(*) FROM webhook_deliveries WHERE tenant_id = $1) - \
     (SELECT COUNT(*) FROM webhook_deliveries WHERE tenant_id = $1 AND state IN ('queued', 'dead'))";
pub(crate) const ATTEMPTS: &str = "SELECT number, at, took, status, cause FROM webhook_attempts \
     WHERE tenant_id = $1 AND delivery_id = $2 ORDER BY number";

/// Also what was delivered: the other side may have lost it.
pub(crate) const AGAIN: &str = "UPDATE webhook_deliveries SET state = 'queued', failures = 0, due_at = $3, \
     updated_at = $3 WHERE tenant_id = $1 AND id = $2";
