//! Files that people sent.

use crate::db::{Rows, Sql};

pub(crate) const ADD: Rows = Rows::new(
    "INSERT INTO attachments (id, tenant_id, channel_id, conversation_id, message_id, media, reference, mime, name, \
     due_at, created_at) ",
    11,
    "",
);

/// The one that waits longest, for a while. Two that ask at once get one each, or one of them gets none.
pub(crate) const LEASE: Sql = both!(
    "UPDATE attachments SET due_at = $2, attempts = attempts + 1 WHERE id = (SELECT id FROM attachments \
     WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT 1",
    { "" | " FOR UPDATE SKIP LOCKED" },
    ") RETURNING id, tenant_id, channel_id, conversation_id, message_id, media, reference, mime, name, state, attempts, \
     size, sha256, cause"
);

pub(crate) const WAITING: &str =
    "SELECT CAST(1 AS BIGINT) FROM attachments WHERE state = 'waiting' AND due_at <= $1 LIMIT 1";

pub(crate) const SHOW: &str = "SELECT id, tenant_id, channel_id, conversation_id, message_id, media, reference, mime, \
     name, state, attempts, size, sha256, cause FROM attachments WHERE tenant_id = $1 AND id = $2";

/// Of a person, to forget their files with them.
pub(crate) const OF_CONTACT: &str = "SELECT a.id FROM attachments a JOIN conversations c ON c.id = a.conversation_id \
     WHERE a.tenant_id = $1 AND c.tenant_id = $1 AND c.contact_id = $2 AND a.state = 'kept'";

pub(crate) const KEEP: &str = "UPDATE attachments SET state = 'kept', size = $3, sha256 = $4, mime = COALESCE($5, mime) \
     WHERE tenant_id = $1 AND id = $2 AND state = 'waiting'";
pub(crate) const AGAIN: &str = "UPDATE attachments SET due_at = $3, cause = $4 WHERE tenant_id = $1 AND id = $2 \
     AND state = 'waiting'";
pub(crate) const REFUSE: &str = "UPDATE attachments SET state = 'refused', cause = $3 WHERE tenant_id = $1 AND id = $2 \
     AND state = 'waiting'";

/// The file that came with a message of a conversation.
pub(crate) const OF_MESSAGE: &str = "SELECT a.id, a.tenant_id, a.channel_id, a.conversation_id, a.message_id, a.media, \
     a.reference, a.mime, a.name, a.state, a.attempts, a.size, a.sha256, a.cause FROM attachments a \
     JOIN messages m ON m.id = a.message_id AND m.tenant_id = a.tenant_id \
     WHERE a.tenant_id = $1 AND a.conversation_id = $2 AND m.seq = $3";
