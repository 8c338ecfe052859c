use crate::db::{Rows, Sql};

/// The first unfinished row of its conversation is its head; only heads are claimed. Those that are held stay heads and stand
/// before nobody. The rows must be of different
/// conversations: none sees the others.
pub(crate) const ADD: Rows = Rows::new(
    "INSERT INTO outbox (id, tenant_id, channel_id, conversation_id, message_id, peer, peer_name, text, \
             citations, rich, by_person, last_inbound_at, due_at, created_at, template, head) \
             SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, v.column8, v.column9, \
             v.column10, v.column11, v.column12, v.column13, v.column13, v.column14, NOT EXISTS (SELECT 1 FROM outbox o \
             WHERE o.conversation_id = v.column4 AND o.tenant_id = v.column2 AND o.state <> 'done' AND o.held_until IS NULL) FROM (",
    14,
    ") AS v",
);

pub(crate) const CLAIM: Sql = both!(
    "UPDATE outbox SET state = 'sending', claimed_at = $3, attempts = attempts + 1 \
     WHERE position IN (SELECT position FROM outbox WHERE tenant_id = $1 AND channel_id = $2 AND state = 'queued' AND ",
    { "head = 1" | "head" },
    " AND due_at <= $3 AND NOT EXISTS (SELECT 1 FROM channel_health h WHERE h.channel_id = $2 \
     AND h.stopped_at IS NOT NULL) ORDER BY due_at, position LIMIT $4) \
     RETURNING position, id, channel_id, conversation_id, message_id, peer, peer_name, text, citations, rich, by_person, \
     template, last_inbound_at, parts_sent, attempts - 1 AS attempts, held_until"
);

/// PostgreSQL's: of several accounts, each with its own time and number.
pub(crate) const CLAIM_ALL: Rows = Rows::new(
    "UPDATE outbox SET state = 'sending', claimed_at = due.now, attempts = attempts + 1 \
     FROM (SELECT o.position, v.column3 AS now FROM (",
    4,
    ") AS v CROSS JOIN LATERAL (SELECT position FROM outbox WHERE tenant_id = v.column1 AND channel_id = v.column2 \
     AND state = 'queued' AND head AND due_at <= v.column3 AND NOT EXISTS (SELECT 1 FROM channel_health h \
     WHERE h.channel_id = v.column2 AND h.stopped_at IS NOT NULL) ORDER BY due_at, position LIMIT v.column4) AS o) AS due \
     WHERE outbox.position = due.position \
     RETURNING outbox.position, id, channel_id, conversation_id, message_id, peer, peer_name, text, citations, rich, by_person, \
     template, last_inbound_at, parts_sent, attempts - 1 AS attempts, held_until",
);

/// Of an account that is stopped, nothing is due.
pub(crate) const NEXT_DUE: Sql = both!(
    "SELECT MIN(due_at) FROM outbox WHERE tenant_id = $1 AND channel_id = $2 AND state = 'queued' AND ",
    { "head = 1" | "head" },
    " AND NOT EXISTS (SELECT 1 FROM channel_health h WHERE h.channel_id = $2 AND h.stopped_at IS NOT NULL)"
);

pub(crate) const WAITS: &str =
    "SELECT COUNT(*) FROM outbox WHERE tenant_id = $1 AND conversation_id = $2 AND state <> 'done'";

/// What was promised to the provider may have arrived, unless a status already said that it did.
pub(crate) const RECOVER: &str = "UPDATE outbox SET state = 'done', status_at = $3, status = CASE \
     WHEN status = 'queued' OR (parts_sent > 0 AND status <> 'failed') THEN 'uncertain' ELSE status END \
     WHERE tenant_id = $1 AND channel_id = $2 AND state = 'sending' RETURNING conversation_id, id, status";

/// The next unfinished row of the conversation, if there is one, becomes its head.
pub(crate) const PROMOTE: Sql = both!(
    "UPDATE outbox SET head = ",
    { "1" | "TRUE" },
    " WHERE position = (SELECT MIN(position) FROM outbox \
     WHERE tenant_id = $1 AND conversation_id = $2 AND state <> 'done' AND held_until IS NULL)"
);

/// The same of several conversations.
pub(crate) const PROMOTE_ALL: Rows = Rows::new(
    "UPDATE outbox SET head = 1 WHERE position IN (SELECT (SELECT MIN(o.position) FROM outbox o \
     WHERE o.tenant_id = v.column1 AND o.conversation_id = v.column2 AND o.state <> 'done' AND o.held_until IS NULL) FROM (",
    2,
    ") AS v)",
)
.on_postgres(
    "UPDATE outbox SET head = TRUE WHERE position = ANY(ARRAY(SELECT (SELECT MIN(o.position) FROM outbox o \
     WHERE o.tenant_id = v.column1 AND o.conversation_id = v.column2 AND o.state <> 'done' AND o.held_until IS NULL) FROM (",
    ") AS v))",
);

/// A status came for a reply of unknown outcome: nobody has to decide about it any more.
pub(crate) const RECONCILED: &str = "DELETE FROM dead_letters WHERE tenant_id = $1 AND outbox_id = $2 \
     AND replayed_at IS NULL";

/// The same of several replies.
pub(crate) const ALL_RECONCILED: Rows =
    Rows::new("DELETE FROM dead_letters WHERE replayed_at IS NULL AND (outbox_id, tenant_id) IN (", 2, ")");

pub(crate) const EXISTS: &str = "SELECT 1 FROM outbox WHERE tenant_id = $1 AND id = $2";

pub(crate) const PROGRESS: Sql = both!(
    "UPDATE outbox SET parts_sent = ",
    { "MAX" | "GREATEST" },
    "(parts_sent, $3) WHERE tenant_id = $1 AND id = $2 AND state = 'sending' RETURNING conversation_id"
);

pub(crate) const SENT: &str = "UPDATE outbox SET state = 'done', parts_sent = parts_sent + 1, status_at = $3, cause = NULL, \
     status = CASE WHEN status IN ('queued', 'uncertain') THEN 'sent' ELSE status END \
     WHERE tenant_id = $1 AND id = $2 RETURNING conversation_id";

/// The same of several replies.
pub(crate) const ALL_SENT: Rows = Rows::new(
    "UPDATE outbox SET state = 'done', parts_sent = parts_sent + 1, status_at = v.column3, cause = NULL, \
     status = CASE WHEN status IN ('queued', 'uncertain') THEN 'sent' ELSE status END FROM (",
    3,
    ") AS v WHERE outbox.tenant_id = v.column1 AND outbox.id = v.column2 RETURNING id, conversation_id",
);

pub(crate) const AGAIN: Sql = both!(
    "UPDATE outbox SET state = 'queued', parts_sent = ",
    { "MAX" | "GREATEST" },
    "(parts_sent, $3), due_at = $4, cause = $5 \
     WHERE tenant_id = $1 AND id = $2 AND state = 'sending' RETURNING conversation_id"
);

pub(crate) const RELEASED: &str = "UPDATE outbox SET state = 'queued', due_at = $3, attempts = attempts - 1 \
     WHERE tenant_id = $1 AND id = $2 AND state = 'sending' RETURNING conversation_id";

pub(crate) const APART: &str = "UPDATE outbox SET state = 'queued', rich = $3, parts_sent = 0, due_at = $4, \
     attempts = attempts - 1 WHERE tenant_id = $1 AND id = $2 AND state = 'sending' RETURNING conversation_id";

pub(crate) const FAILED: &str = "UPDATE outbox SET state = 'done', status = 'failed', status_at = $3, cause = $4 \
     WHERE tenant_id = $1 AND id = $2 AND state = 'sending' RETURNING conversation_id";

pub(crate) const UNCERTAIN: &str = "UPDATE outbox SET state = 'done', status_at = $3, cause = $4, \
     status = CASE status WHEN 'queued' THEN 'uncertain' ELSE status END \
     WHERE tenant_id = $1 AND id = $2 AND state = 'sending' RETURNING conversation_id";

/// The place of the part is the number of parts that the provider took, this one included.
pub(crate) const ADD_PART: &str = "INSERT INTO outbox_parts (tenant_id, channel_id, provider_message_id, outbox_id, part) \
     SELECT tenant_id, channel_id, $3, id, parts_sent FROM outbox WHERE tenant_id = $1 AND id = $2 \
     ON CONFLICT DO NOTHING";

/// The same of several replies.
pub(crate) const ADD_PARTS: Rows = Rows::new(
    "INSERT INTO outbox_parts (tenant_id, channel_id, provider_message_id, outbox_id, part) \
     SELECT o.tenant_id, o.channel_id, v.column3, o.id, o.parts_sent FROM (",
    3,
    ") AS v JOIN outbox o ON o.tenant_id = v.column1 AND o.id = v.column2 WHERE TRUE ON CONFLICT DO NOTHING",
);

/// Two parameters (tenant, channel) stand before the rows. On PostgreSQL the rows are held until they are moved: a
/// status may come in on any node.
pub(crate) const BY_PART: Rows = Rows::new(
    "SELECT p.provider_message_id AS named, o.id, o.conversation_id, o.message_id, o.status, o.state \
     FROM outbox_parts p JOIN outbox o ON o.id = p.outbox_id \
     WHERE p.tenant_id = ? AND p.channel_id = ? AND p.provider_message_id IN (",
    1,
    ")",
)
.on_postgres(
    "SELECT p.provider_message_id AS named, o.id, o.conversation_id, o.message_id, o.status, o.state \
     FROM outbox_parts p JOIN outbox o ON o.id = p.outbox_id \
     WHERE p.tenant_id = $1 AND p.channel_id = $2 AND p.provider_message_id IN (",
    ") ORDER BY o.position FOR NO KEY UPDATE OF o",
)
.after_parameters(2);

/// As [`BY_PART`].
pub(crate) const BY_ID: Rows = Rows::new(
    "SELECT NULL AS named, o.id, o.conversation_id, o.message_id, o.status, o.state FROM outbox o \
     WHERE o.tenant_id = ? AND o.channel_id = ? AND o.id IN (",
    1,
    ")",
)
.on_postgres(
    "SELECT NULL AS named, o.id, o.conversation_id, o.message_id, o.status, o.state FROM outbox o \
     WHERE o.tenant_id = $1 AND o.channel_id = $2 AND o.id IN (",
    ") ORDER BY o.position FOR NO KEY UPDATE OF o",
)
.after_parameters(2);

/// A watermark speaks of what was certainly sent; our clock's time of the claim is at most the provider's of the send.
pub(crate) const BY_WATERMARK: Sql = both!(
    "SELECT NULL AS named, o.id, o.conversation_id, o.message_id, o.status, o.state \
     FROM conversations c JOIN outbox o ON o.conversation_id = c.id \
     WHERE c.tenant_id = $1 AND c.channel_id = $2 AND c.peer = $3 \
     AND o.status IN ('sent', 'delivered') AND o.claimed_at <= $4 ORDER BY o.position",
    { "" | " FOR NO KEY UPDATE OF o" }
);

/// Whose outbox it is in; never changes.
pub(crate) const CHANNEL: &str = "SELECT channel_id FROM outbox WHERE tenant_id = $1 AND id = $2";

/// What the provider took and could not deliver is sent whole if somebody replays it.
pub(crate) const ADVANCE: Rows = Rows::new(
    "UPDATE outbox SET status = v.column3, status_at = v.column4, cause = COALESCE(v.column5, cause), \
             parts_sent = CASE WHEN v.column3 = 'failed' AND state = 'done' THEN 0 ELSE parts_sent END \
             FROM (",
    5,
    ") AS v WHERE outbox.tenant_id = v.column1 AND outbox.id = v.column2",
);
