//! What happened, in the order in which it can be read.

use crate::db::Sql;

/// PostgreSQL's: what a transaction that is still open may yet write comes behind everything that is read before.
pub(crate) const LAST: Sql = both!(
    "SELECT tx, position FROM events WHERE tenant_id = $1",
    { "" | " AND tx < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)" },
    " ORDER BY tx DESC, position DESC LIMIT 1"
);

pub(crate) const MOMENT: &str = "SELECT tx, position FROM events WHERE tenant_id = $1 AND id = $2";

/// Those of conversations, with what they name as it is now. That one was closed is told to other systems alone: whoever
/// listens hears how it is now.
pub(crate) const AFTER: Sql = both!(
    "SELECT e.tx, e.position, e.id, e.kind, e.created_at, e.conversation_id, e.message_id, e.approval_id, e.detail, c.channel_id, c.peer, \
     c.mode, c.assigned_to, c.closed_at IS NOT NULL AND c.closed_at >= c.last_inbound_at AS closed, h.kind AS channel, \
     m.speaker, m.kind AS message_kind, m.text, m.author_id \
     FROM events e JOIN conversations c ON c.tenant_id = $1 AND c.id = e.conversation_id \
     JOIN channels h ON h.tenant_id = $1 AND h.id = c.channel_id \
     LEFT JOIN messages m ON m.tenant_id = $1 AND m.id = e.message_id \
     WHERE e.tenant_id = $1 AND (e.tx, e.position) > ($2, $3) AND e.kind <> 'conversation.closed'",
    { "" | " AND e.tx < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)" },
    " ORDER BY e.tx, e.position LIMIT $4"
);

/// PostgreSQL's: what was restored from another server has transactions of that one, and comes before all of this one's.
pub(crate) const RENUMBER: &str = "UPDATE events SET tx = 0 WHERE \
     CAST(CAST(pg_current_xact_id() AS text) AS bigint) < (SELECT n.tx FROM events n ORDER BY n.created_at DESC LIMIT 1) \
     AND tx > CAST(CAST(pg_current_xact_id() AS text) AS bigint)";
