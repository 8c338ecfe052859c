//! Replies that wait until their person writes.

use crate::db::{Rows, Sql};

/// What is known of a person, and since when they are asked to write.
pub(crate) const KNOWN: &str = "SELECT k.name, k.attributes, k.consent, c.prompted_at, (SELECT m.created_at FROM messages m \
     WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND m.speaker = 'person' ORDER BY m.position DESC LIMIT 1) AS heard_at \
     FROM conversations c \
     LEFT JOIN contacts k ON k.tenant_id = $1 AND k.id = c.contact_id WHERE c.tenant_id = $1 AND c.id = $2";

pub(crate) const BEING_SENT: &str =
    "SELECT conversation_id, last_inbound_at FROM outbox WHERE tenant_id = $1 AND id = $2 AND state = 'sending'";

/// When the person wrote last. Echoes are our side's.
pub(crate) const HEARD: &str = "SELECT created_at FROM messages WHERE tenant_id = $1 AND conversation_id = $2 \
     AND speaker = 'person' ORDER BY position DESC LIMIT 1";

/// It stays claimable, for when it has waited for too long; other rows do not wait for it.
pub(crate) const HOLD: &str = "UPDATE outbox SET state = 'queued', held_until = $3, due_at = $4, last_inbound_at = $5, \
     attempts = attempts - 1 WHERE tenant_id = $1 AND id = $2 AND state = 'sending'";

pub(crate) const PROMPT: &str =
    "UPDATE conversations SET prompted_at = $3 WHERE tenant_id = $1 AND id = $2 AND prompted_at IS NULL";

pub(crate) const ADD_LINE: &str = "INSERT INTO messages (id, tenant_id, conversation_id, speaker, kind, text, created_at) \
     VALUES ($1, $2, $3, 'agent', 'text', $4, $5)";

/// To whom the reply `$2` was to go.
pub(crate) const ADD_STAND_IN: Sql = both!(
    "INSERT INTO outbox (id, tenant_id, channel_id, conversation_id, message_id, peer, peer_name, text, citations, template, \
     last_inbound_at, due_at, created_at, head) SELECT $3, tenant_id, channel_id, conversation_id, $4, peer, peer_name, $5, \
     '[]', $6, last_inbound_at, $7, $7, ",
    { "0" | "FALSE" },
    " FROM outbox WHERE tenant_id = $1 AND id = $2"
);

/// The persons of these conversations have written (tenant, conversation, when): what waited is due, in its order.
pub(crate) const RELEASE: Rows = Rows::new(
    "UPDATE outbox SET held_until = NULL, due_at = v.column3, last_inbound_at = v.column3, \
     head = (outbox.position = (SELECT MIN(o.position) FROM outbox o WHERE o.tenant_id = v.column1 \
     AND o.conversation_id = v.column2 AND o.state <> 'done')) FROM (",
    3,
    ") AS v WHERE outbox.tenant_id = v.column1 AND outbox.conversation_id = v.column2 AND outbox.state <> 'done' \
     AND outbox.state = 'queued' AND outbox.held_until IS NOT NULL",
);
