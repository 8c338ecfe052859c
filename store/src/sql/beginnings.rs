//! First words of answers that stand while the rest is being written.

pub(crate) const BEGIN: &str = "INSERT INTO beginnings (tenant_id, conversation_id, turn, busy_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
pub(crate) const OF: &str = "SELECT turn, provider_message_id, busy_at FROM beginnings \
     WHERE tenant_id = $1 AND conversation_id = $2";
/// Only that of the reply whose message is `$3`.
pub(crate) const OF_REPLY: &str = "SELECT b.turn, b.provider_message_id, b.busy_at FROM beginnings b \
     WHERE b.tenant_id = $1 AND b.conversation_id = $2 AND EXISTS (SELECT 1 FROM messages m \
     WHERE m.id = $3 AND m.tenant_id = b.tenant_id AND m.turn = b.turn)";
pub(crate) const AMEND: &str = "UPDATE beginnings SET busy_at = $4 WHERE tenant_id = $1 AND conversation_id = $2 \
     AND turn = $3 AND provider_message_id IS NOT NULL AND busy_at IS NULL";
pub(crate) const AMENDED: &str = "UPDATE beginnings SET provider_message_id = $4, busy_at = NULL \
     WHERE tenant_id = $1 AND conversation_id = $2 AND turn = $3";
pub(crate) const FORGET: &str = "DELETE FROM beginnings WHERE tenant_id = $1 AND conversation_id = $2 AND turn = $3";

/// That of the reply `$2`.
pub(crate) const REPLACED: &str = "DELETE FROM beginnings WHERE tenant_id = $1 \
     AND conversation_id = (SELECT o.conversation_id FROM outbox o WHERE o.tenant_id = $1 AND o.id = $2) \
     AND turn = (SELECT m.turn FROM outbox o JOIN messages m ON m.id = o.message_id \
     WHERE o.tenant_id = $1 AND o.id = $2)";

/// Replies of an account that were being put in the place of a message: that may be repeated.
pub(crate) const REPEAT: &str = "UPDATE outbox SET state = 'queued' WHERE tenant_id = $1 AND channel_id = $2 \
     AND state = 'sending' AND parts_sent = 0 AND EXISTS (SELECT 1 FROM beginnings b JOIN messages m \
     ON m.turn = b.turn WHERE b.tenant_id = $1 AND b.conversation_id = outbox.conversation_id \
     AND b.provider_message_id IS NOT NULL AND m.id = outbox.message_id)";
