//! What turns did.

/// All that is journalled of some turns of a conversation: the newest first, or $3 alone. In each, `completion` comes before
/// `settled`.
pub(crate) const TURNS: &str = "SELECT turn, step, what, place, payload, created_at, agent_id FROM journal \
     WHERE tenant_id = $1 AND conversation_id = $2 AND turn IN (SELECT DISTINCT j.turn FROM journal j \
     WHERE j.tenant_id = $1 AND j.conversation_id = $2 AND (j.turn = $3 OR $3 IS NULL) \
     ORDER BY j.turn DESC LIMIT $4 OFFSET $5) ORDER BY turn DESC, step, what, place";
pub(crate) const COUNT_TURNS: &str = "SELECT COUNT(DISTINCT turn) FROM journal \
     WHERE tenant_id = $1 AND conversation_id = $2 AND (turn = $3 OR $3 IS NULL)";
