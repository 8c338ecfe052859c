//! What people of a team do with conversations.

pub(crate) const ASSIGN: &str = "UPDATE conversations SET assigned_to = $3 WHERE tenant_id = $1 AND id = $2";
/// Somebody must have it, and nobody has.
pub(crate) const ASSIGN_FREE: &str =
    "UPDATE conversations SET assigned_to = $3 WHERE tenant_id = $1 AND id = $2 AND assigned_to IS NULL";
pub(crate) const CLOSE: &str = "UPDATE conversations SET closed_at = $3 WHERE tenant_id = $1 AND id = $2";
pub(crate) const TAG: &str = "UPDATE conversations SET tags = $3 WHERE tenant_id = $1 AND id = $2";

/// Reading goes forward only.
pub(crate) const READ: &str = "INSERT INTO conversation_reads (tenant_id, conversation_id, reader_id, seq) \
     SELECT tenant_id, id, $3, last_seq FROM conversations WHERE tenant_id = $1 AND id = $2 \
     ON CONFLICT (tenant_id, conversation_id, reader_id) DO UPDATE SET seq = excluded.seq \
     WHERE conversation_reads.seq < excluded.seq";

pub(crate) const ADD_NOTE: &str = "INSERT INTO conversation_notes (id, tenant_id, conversation_id, author_id, text, \
     created_at) SELECT $3, tenant_id, id, $4, $5, $6 FROM conversations WHERE tenant_id = $1 AND id = $2";
/// The newest first.
pub(crate) const NOTES: &str = "SELECT id, author_id, text, created_at FROM conversation_notes \
     WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY id DESC LIMIT $3 OFFSET $4";
pub(crate) const COUNT_NOTES: &str =
    "SELECT COUNT(*) FROM conversation_notes WHERE tenant_id = $1 AND conversation_id = $2";

/// Lines of all conversations: what came in was delivered to us, what has no outbox was taken by its client.
macro_rules! lines {
    ($from:expr, $rest:expr) => {
        concat!(
            "SELECT m.id, m.conversation_id, c.channel_id, ch.kind AS channel_kind, ch.external_id, c.peer, m.speaker, \
             CASE WHEN o.template IS NULL THEN m.kind ELSE 'template' END AS kind, m.seq, m.text, m.rich, a.id AS file_id, \
             a.state AS file_state, a.media AS file_media, a.mime AS file_mime, a.name AS file_name, a.size AS file_size, \
             m.author_id, m.created_at, i.provider_message_id, o.cause, \
             CASE WHEN o.state <> 'done' THEN o.held_until END AS held_until, \
             COALESCE(o.status, CASE m.speaker WHEN 'person' THEN 'delivered' ELSE 'sent' END) AS status \
             FROM ",
            $from,
            " JOIN conversations c ON c.id = m.conversation_id JOIN channels ch ON ch.id = c.channel_id \
             LEFT JOIN inbox i ON i.conversation_id = m.conversation_id AND i.seq = m.seq \
             LEFT JOIN attachments a ON a.message_id = m.id AND a.tenant_id = m.tenant_id \
             LEFT JOIN outbox o ON o.message_id = m.id AND o.tenant_id = m.tenant_id WHERE m.tenant_id = $1 ",
            $rest
        )
    };
}

pub(crate) const LINE: &str = lines!("messages m", "AND m.id = $2");

/// A page of lines: chosen first (`v`, by its $key), and only then read; SQLite never turns a CROSS JOIN round.
macro_rules! chosen {
    ($key:literal, $from:expr) => {
        lines!(
            concat!("(SELECT ", $from, ") AS v CROSS JOIN messages m"),
            concat!("AND m.", $key, " = v.", $key, " ORDER BY m.created_at DESC, m.position DESC")
        )
    };
}

/// Of all conversations, in a time ($2, $3): those that went out or those that did not ($4).
pub(crate) const LINES: &str = chosen!(
    "position",
    "m.position FROM messages m WHERE m.tenant_id = $1 AND m.created_at >= $2 AND m.created_at < $3 \
     AND ((m.speaker <> 'person') = $4 OR $4 IS NULL) ORDER BY m.created_at DESC, m.position DESC LIMIT $5 OFFSET $6"
);
/// The same with a status ($7).
pub(crate) const LINES_IN: &str = chosen!(
    "position",
    "m.position FROM messages m LEFT JOIN outbox o ON o.message_id = m.id AND o.tenant_id = m.tenant_id WHERE m.tenant_id = $1 \
     AND m.created_at >= $2 AND m.created_at < $3 AND ((m.speaker <> 'person') = $4 OR $4 IS NULL) \
     AND COALESCE(o.status, CASE m.speaker WHEN 'person' THEN 'delivered' ELSE 'sent' END) = $7 \
     ORDER BY m.created_at DESC, m.position DESC LIMIT $5 OFFSET $6"
);
/// Those that failed, or may have (status $2).
pub(crate) const FAILED_LINES: &str = chosen!(
    "id",
    "o.message_id AS id FROM outbox o WHERE o.tenant_id = $1 AND o.status IN ('uncertain', 'failed') AND o.status = $2 \
     ORDER BY o.created_at DESC, o.position DESC LIMIT $3 OFFSET $4"
);
/// Those that nobody took yet.
pub(crate) const QUEUED_LINES: &str = chosen!(
    "id",
    "o.message_id AS id FROM outbox o WHERE o.tenant_id = $1 AND o.state <> 'done' AND o.status = 'queued' \
     ORDER BY o.created_at DESC, o.position DESC LIMIT $2 OFFSET $3"
);

/// Of one conversation ($2): those that went out or those that did not ($3), with a status ($4).
macro_rules! of_conversation {
    ($filter:literal) => {
        pub(crate) const LINES_OF: &str =
            chosen!("position", concat!("m.position FROM ", $filter, " ORDER BY m.position DESC LIMIT $5 OFFSET $6"));
        pub(crate) const COUNT_LINES_OF: &str = concat!("SELECT COUNT(*) FROM ", $filter);
    };
}

of_conversation!(
    "messages m LEFT JOIN outbox o ON o.message_id = m.id AND o.tenant_id = m.tenant_id WHERE m.tenant_id = $1 \
     AND m.conversation_id = $2 AND ((m.speaker <> 'person') = $3 OR $3 IS NULL) \
     AND (COALESCE(o.status, CASE m.speaker WHEN 'person' THEN 'delivered' ELSE 'sent' END) = $4 OR $4 IS NULL)"
);

/// Whom a new conversation is with: whoever has this number, if anybody.
pub(crate) const CONTACT_BY_PHONE: &str = "SELECT id FROM contacts WHERE tenant_id = $1 AND phone = $2";
pub(crate) const ADD_CONTACT: &str = "INSERT INTO contacts (id, tenant_id, name, created_at) VALUES ($1, $2, $3, $4)";
pub(crate) const ADD_IDENTITY: &str =
    "INSERT INTO contact_identities (tenant_id, channel_id, address, contact_id) VALUES ($1, $2, $3, $4)";
/// Without a message yet.
pub(crate) const START: &str = "INSERT INTO conversations (id, tenant_id, channel_id, contact_id, peer, peer_name, \
     last_seq, created_at, last_inbound_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7)";
