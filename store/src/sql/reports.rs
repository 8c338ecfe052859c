//! What the API and the command line show.

use super::contacts::{found, found_alone};

/// A conversation as it is listed, for a reader, with its last line (`v.last`). That is looked up before the join, behind
/// a LIMIT: PostgreSQL's walls let no subquery find rows by an index.
macro_rules! conversations {
    ($more:literal, $from:literal, $reader:literal, $rest:literal) => {
        concat!(
            "SELECT c.id, c.channel_id, ch.kind, c.contact_id, c.peer, c.peer_name, k.name AS contact_name, c.mode, \
             c.last_seq, c.created_at, c.last_inbound_at, c.assigned_to, c.closed_at, c.tags, \
             c.last_seq - COALESCE(r.seq, 0) AS unread, m.speaker AS last_speaker, m.text AS last_text, \
             m.created_at AS last_at, COALESCE(c.active_agent_id, ch.agent_id) AS agent_id, a.name AS agent_name",
            $more,
            " FROM ",
            $from,
            " JOIN channels ch ON ch.id = c.channel_id \
             JOIN contacts k ON k.id = c.contact_id LEFT JOIN agents a ON a.tenant_id = c.tenant_id \
             AND a.id = COALESCE(c.active_agent_id, ch.agent_id) LEFT JOIN conversation_reads r ON r.tenant_id = c.tenant_id \
             AND r.conversation_id = c.id AND r.reader_id = ",
            $reader,
            " LEFT JOIN messages m ON m.position = v.last WHERE c.tenant_id = $1 ",
            $rest
        )
    };
}

pub(crate) const CONVERSATION: &str = conversations!(
    "",
    "(SELECT c.id, (SELECT MAX(l.position) FROM messages l WHERE l.tenant_id = $1 AND l.conversation_id = c.id) AS last \
     FROM conversations c WHERE c.tenant_id = $1 AND c.id = $2 LIMIT 1) AS v CROSS JOIN conversations c",
    "$3",
    "AND c.id = v.id"
);

pub(crate) const SNAPSHOT: &str = "SELECT snapshot FROM conversations WHERE tenant_id = $1 AND id = $2";

/// How a list of conversations is narrowed. Each way has an index, so each has a text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Narrowed {
    pub closed: Option<bool>,
    /// By who has it ($2), a tag ($3), how a word or a number of the person's begins ($4); what is not asked for takes no part.
    pub assigned: bool,
    pub tagged: bool,
    pub searched: bool,
}

impl Narrowed {
    /// By nothing but whether it is open.
    pub(crate) const fn is_by_state(self) -> bool {
        !self.assigned && !self.tagged && !self.searched
    }

    /// The one that was written to last comes first: the reader is $5, limit and offset are $6 and $7. Rows of a search say
    /// how many there are (`total`).
    pub(crate) fn list(self) -> String {
        self.walked("DESC")
    }

    /// The same, limit and offset counted from the end of the list.
    pub(crate) fn list_from_end(self) -> String {
        self.walked("ASC")
    }

    fn walked(self, way: &str) -> String {
        let text = conversations!(
            "{total}",
            "(SELECT v.id{total}, (SELECT MAX(l.position) FROM messages l WHERE l.tenant_id = $1 AND l.conversation_id = v.id) \
             AS last FROM (SELECT c.id{counted} FROM {from} WHERE {those} ORDER BY c.last_inbound_at {way}, c.id {way} LIMIT $6 OFFSET $7) AS v LIMIT 200) AS v \
             CROSS JOIN conversations c",
            "$5",
            "AND c.id = v.id ORDER BY c.last_inbound_at DESC, c.id DESC"
        );
        self.filled(&text.replace("{way}", way))
    }

    pub(crate) fn count(self) -> String {
        self.filled("SELECT COUNT(*) FROM {from} WHERE {those}")
    }

    fn filled(self, text: &str) -> String {
        let (total, counted) = if self.searched { (", v.total", ", COUNT(*) OVER () AS total") } else { ("", "") };
        let text = text.replace("{total}", total).replace("{counted}", counted);
        text.replace("{from}", self.from()).replace("{those}", &self.those())
    }

    /// Of people who were found, whichever of their conversations it is in which they have that name.
    const fn from(self) -> &'static str {
        match (self.searched, self.assigned || self.tagged || self.closed.is_some()) {
            (true, false) => concat!(found_alone!("$4"), " CROSS JOIN conversations c"),
            (true, true) => concat!(found!("$4"), " CROSS JOIN conversations c"),
            (false, _) => "conversations c",
        }
    }

    fn those(self) -> String {
        let mut those = "c.tenant_id = $1".to_owned();
        // Tags and who has it narrow more than whether it is open: those words fit no index.
        those.push_str(match (self.closed, self.tagged || self.assigned) {
            (None, _) => "",
            (Some(true), false) => " AND c.closed_at >= c.last_inbound_at",
            (Some(false), false) => " AND (c.closed_at IS NULL OR c.closed_at < c.last_inbound_at)",
            (Some(true), true) => " AND COALESCE(c.closed_at, -1) >= c.last_inbound_at",
            (Some(false), true) => " AND COALESCE(c.closed_at, -1) < c.last_inbound_at",
        });
        those.push_str(if self.assigned { " AND c.assigned_to = $2" } else { "" });
        those.push_str(if self.tagged { " AND c.tags <> '[]' AND c.tags LIKE $3 ESCAPE '!'" } else { "" });
        those.push_str(if self.searched { " AND c.contact_id = v.contact_id" } else { "" });
        those
    }
}

pub(crate) const BY_PEER: &str = "SELECT id FROM conversations WHERE tenant_id = $1 AND channel_id = $2 AND peer = $3";

/// The newest first; the caller turns them round.
pub(crate) const MESSAGES: &str = "SELECT m.position, m.id, m.speaker, m.kind, m.seq, m.turn, m.text, m.citations, \
     m.abstained, m.checks, m.author_id, m.created_at, i.outcome_detail, i.heard, \
     (SELECT a.id FROM attachments a WHERE a.message_id = m.id AND a.tenant_id = m.tenant_id) AS attachment_id, \
     (SELECT o.status FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id) AS status, \
     (SELECT o.template FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id) AS template, \
     (SELECT o.held_until FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id AND o.state <> 'done') \
     AS held_until \
     FROM (SELECT position FROM messages WHERE tenant_id = $1 AND conversation_id = $2 \
     ORDER BY position DESC LIMIT $3 OFFSET $4) AS v CROSS JOIN messages m \
     LEFT JOIN inbox i ON i.conversation_id = m.conversation_id AND i.seq = m.seq \
     WHERE m.tenant_id = $1 AND m.position = v.position ORDER BY m.position DESC";
pub(crate) const COUNT_MESSAGES: &str = "SELECT COUNT(*) FROM messages WHERE tenant_id = $1 AND conversation_id = $2";

pub(crate) const MESSAGES_SINCE: &str = "SELECT m.position, m.id, m.speaker, m.kind, m.seq, m.turn, m.text, m.citations, \
     m.abstained, m.checks, m.author_id, m.created_at, i.outcome_detail, i.heard, \
     (SELECT a.id FROM attachments a WHERE a.message_id = m.id AND a.tenant_id = m.tenant_id) AS attachment_id, \
     (SELECT o.status FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id) AS status, \
     (SELECT o.template FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id) AS template, \
     (SELECT o.held_until FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id AND o.state <> 'done') \
     AS held_until \
     FROM messages m LEFT JOIN inbox i ON i.conversation_id = m.conversation_id AND i.seq = m.seq \
     WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND m.position > $3 ORDER BY m.position LIMIT $4";

pub(crate) const REPLY: &str = "SELECT m.position, m.id, m.speaker, m.kind, m.seq, m.turn, m.text, m.citations, \
     m.abstained, m.checks, m.author_id, m.created_at, NULL AS outcome_detail, NULL AS heard, \
     (SELECT a.id FROM attachments a WHERE a.message_id = m.id AND a.tenant_id = m.tenant_id) AS attachment_id, \
     (SELECT o.status FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id) AS status, \
     (SELECT o.template FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id) AS template, \
     (SELECT o.held_until FROM outbox o WHERE o.message_id = m.id AND o.tenant_id = m.tenant_id AND o.state <> 'done') \
     AS held_until \
     FROM messages m WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND m.turn = $3 AND m.speaker = 'agent' \
     ORDER BY m.position DESC LIMIT 1";

pub(crate) const DEAD_LETTER: &str = "SELECT id, conversation_id, kind, seq, outbox_id, cause, created_at, replayed_at \
     FROM dead_letters WHERE tenant_id = $1 AND id = $2";
pub(crate) const DEAD_LETTERS: &str = "SELECT id, conversation_id, kind, seq, outbox_id, cause, created_at, replayed_at \
     FROM dead_letters WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT_DEAD_LETTERS: &str = "SELECT COUNT(*) FROM dead_letters WHERE tenant_id = $1";
pub(crate) const OPEN_DEAD_LETTERS: &str = "SELECT id, conversation_id, kind, seq, outbox_id, cause, created_at, \
     replayed_at FROM dead_letters WHERE tenant_id = $1 AND replayed_at IS NULL ORDER BY id DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT_OPEN_DEAD_LETTERS: &str =
    "SELECT COUNT(*) FROM dead_letters WHERE tenant_id = $1 AND replayed_at IS NULL";

pub(crate) const MARK_REPLAYED: &str =
    "UPDATE dead_letters SET replayed_at = $3 WHERE tenant_id = $1 AND id = $2 AND replayed_at IS NULL";
pub(crate) const NEXT_SEQ: &str =
    "UPDATE conversations SET last_seq = last_seq + 1 WHERE tenant_id = $1 AND id = $2 RETURNING last_seq";
/// The message again, under a number of its own; the time that it came stays, because messaging windows go by it.
pub(crate) const REPLAY_MESSAGE: &str = "INSERT INTO inbox (conversation_id, seq, tenant_id, channel_id, \
     provider_message_id, received_at, payload, heard) \
     SELECT conversation_id, $4, tenant_id, channel_id, provider_message_id || $5, received_at, payload, heard \
     FROM inbox WHERE tenant_id = $1 AND conversation_id = $2 AND seq = $3";
/// The line of the transcript shows what becomes of it now.
pub(crate) const MOVE_LINE: &str =
    "UPDATE messages SET seq = $4 WHERE tenant_id = $1 AND conversation_id = $2 AND seq = $3";
pub(crate) const REPLAY_DELIVERY: &str = "UPDATE outbox SET state = 'queued', status = 'queued', due_at = $3, \
     cause = NULL, held_until = NULL, head = NOT EXISTS (SELECT 1 FROM outbox o WHERE o.conversation_id = outbox.conversation_id \
     AND o.tenant_id = outbox.tenant_id AND o.state <> 'done' AND o.held_until IS NULL) \
     WHERE tenant_id = $1 AND id = $2 AND state = 'done' AND status IN ('failed', 'uncertain') RETURNING channel_id";

pub(crate) const SPENDING: &str = "SELECT agent_id, day, CAST(SUM(prompt_tokens) AS BIGINT), \
     CAST(SUM(completion_tokens) AS BIGINT), CAST(SUM(cost_micros) AS BIGINT) \
     FROM ledger WHERE tenant_id = $1 AND day >= $2 AND day <= $3 GROUP BY agent_id, day ORDER BY day, agent_id";

pub(crate) const BACKLOG: &str = "SELECT \
     (SELECT COUNT(*) FROM inbox WHERE outcome IS NULL), \
     (SELECT COUNT(*) FROM outbox WHERE state <> 'done'), \
     (SELECT COUNT(*) FROM documents WHERE status IN ('pending', 'extracting', 'indexing')), \
     (SELECT COUNT(*) FROM dead_letters WHERE replayed_at IS NULL)";
