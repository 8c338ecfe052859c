//! Calls that wait for a person's word.

pub(crate) const ADD: &str = "INSERT INTO approvals (id, tenant_id, conversation_id, turn, step, place, call_id, tool, \
     arguments, key, why, requested_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

macro_rules! order {
    ($rest:literal) => {
        concat!(
            "INSERT INTO approvals (id, tenant_id, conversation_id, turn, step, place, call_id, tool, arguments, key, why, \
             status, requested_at, decided_at, decider_kind, decided_by, reason) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'approved', $12, $12, $13, $14, $15) \
             ON CONFLICT (conversation_id, turn, step, place) DO ",
            $rest
        )
    };
}

/// What was ordered before stays as it is.
pub(crate) const ORDER: &str = order!("NOTHING");
/// The same; again where it failed, under its key.
pub(crate) const ORDER_AGAIN: &str = order!(
    "UPDATE SET decided_at = excluded.decided_at, decider_kind = excluded.decider_kind, decided_by = excluded.decided_by, \
     reason = excluded.reason, taken_at = NULL, taken_turn = NULL, outcome = NULL, code = NULL, settled_at = NULL, \
     ended_at = NULL WHERE approvals.tenant_id = excluded.tenant_id AND approvals.outcome = 'failed' \
     AND approvals.ended_at IS NOT NULL"
);

/// Once, and only after somebody decided.
pub(crate) const TAKE: &str = "UPDATE approvals SET taken_at = $6, taken_turn = $7 WHERE tenant_id = $1 \
     AND conversation_id = $2 AND turn = $3 AND step = $4 AND place = $5 AND status <> 'pending' AND taken_at IS NULL";

pub(crate) const SETTLE: &str = "UPDATE approvals SET outcome = $6, code = $7, settled_at = $8 WHERE tenant_id = $1 \
     AND conversation_id = $2 AND turn = $3 AND step = $4 AND place = $5 AND taken_at IS NOT NULL AND outcome IS NULL";

pub(crate) const END: &str = "UPDATE approvals SET ended_at = $6 WHERE tenant_id = $1 AND conversation_id = $2 \
     AND turn = $3 AND step = $4 AND place = $5 AND taken_at IS NOT NULL AND ended_at IS NULL";

/// What was decided and not taken up, in order.
pub(crate) const RULINGS: &str = "SELECT a.turn, a.step, a.place, a.call_id, a.tool, a.arguments, a.key, a.status, \
     a.reason, c.last_inbound_at FROM approvals a JOIN conversations c ON c.tenant_id = $1 AND c.id = $2 \
     WHERE a.conversation_id = $2 AND a.tenant_id = $1 AND a.status <> 'pending' AND a.ended_at IS NULL AND a.taken_at IS NULL \
     ORDER BY a.decided_at, a.id";

/// The first decision stands.
pub(crate) const DECIDE: &str = "UPDATE approvals SET status = $3, decided_at = $4, decider_kind = $5, decided_by = $6, \
     reason = $7 WHERE tenant_id = $1 AND id = $2 AND status = 'pending'";

/// Of all tenants: what nobody decided before a time ($2), each once.
pub(crate) const MARK_OVERDUE: &str =
    "UPDATE approvals SET overdue_at = $1 WHERE status = 'pending' AND overdue_at IS NULL AND requested_at <= $2";

macro_rules! approvals {
    ($rest:literal) => {
        concat!(
            "SELECT id, conversation_id, turn, step, place, call_id, tool, arguments, key, why, status, requested_at, \
             decided_at, decider_kind, decided_by, reason, taken_turn, outcome, code, settled_at \
             FROM approvals WHERE tenant_id = $1 ",
            $rest
        )
    };
}

pub(crate) const APPROVAL: &str = approvals!("AND id = $2");
/// What undoes something, from a turn ($3) to another: in places from $5 on.
pub(crate) const UNDOING: &str = approvals!("AND conversation_id = $2 AND turn BETWEEN $3 AND $4 AND place >= $5");

/// The newest first: all, of a status ($2), of a conversation, of both ($3 is the status then).
pub(crate) const ALL: &str = approvals!("ORDER BY id DESC LIMIT $2 OFFSET $3");
pub(crate) const IN_STATUS: &str = approvals!("AND status = $2 ORDER BY id DESC LIMIT $3 OFFSET $4");
pub(crate) const OF_CONVERSATION: &str = approvals!("AND conversation_id = $2 ORDER BY id DESC LIMIT $3 OFFSET $4");
pub(crate) const OF_CONVERSATION_IN_STATUS: &str =
    approvals!("AND conversation_id = $2 AND status = $3 ORDER BY id DESC LIMIT $4 OFFSET $5");

pub(crate) const COUNT_ALL: &str = "SELECT COUNT(*) FROM approvals WHERE tenant_id = $1";
pub(crate) const COUNT_IN_STATUS: &str = "SELECT COUNT(*) FROM approvals WHERE tenant_id = $1 AND status = $2";
pub(crate) const COUNT_OF_CONVERSATION: &str =
    "SELECT COUNT(*) FROM approvals WHERE tenant_id = $1 AND conversation_id = $2";
pub(crate) const COUNT_OF_CONVERSATION_IN_STATUS: &str =
    "SELECT COUNT(*) FROM approvals WHERE tenant_id = $1 AND conversation_id = $2 AND status = $3";
