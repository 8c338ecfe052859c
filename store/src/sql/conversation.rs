use crate::db::Rows;

pub(crate) const LOAD: &str = "SELECT c.channel_id, c.peer, c.peer_name, c.version, c.snapshot, ch.agent_id, ch.pull, \
     ch.kind, EXISTS (SELECT 1 FROM approvals a WHERE a.conversation_id = c.id AND a.tenant_id = c.tenant_id \
     AND a.status <> 'pending' AND a.ended_at IS NULL AND a.taken_at IS NULL) AS ruled FROM conversations c JOIN channels ch ON ch.id = c.channel_id WHERE c.tenant_id = $1 AND c.id = $2";

pub(crate) const PENDING: &str = "SELECT seq, received_at, payload, heard FROM inbox \
     WHERE conversation_id = $1 AND tenant_id = $3 AND seq > $2 AND outcome IS NULL ORDER BY seq";

/// With the number of a message that an image came with, which may have no words.
pub(crate) const HISTORY: &str = "SELECT m.speaker, m.text, CASE WHEN a.id IS NULL THEN NULL ELSE m.seq END AS image, \
     i.heard FROM messages m LEFT JOIN inbox i ON i.conversation_id = $2 AND i.seq = m.seq AND i.tenant_id = $1 \
     LEFT JOIN attachments a ON a.message_id = m.id AND a.tenant_id = $1 AND a.state <> 'refused' \
     AND (a.media = 'image' OR a.mime LIKE 'image/%') \
     WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND (m.seq IS NULL OR m.seq < $3) \
     AND (m.text <> '' OR a.id IS NOT NULL OR i.heard IS NOT NULL) ORDER BY m.position DESC LIMIT $4";

/// Each half reads no more than what is wanted.
pub(crate) const UNFINISHED: &str = "SELECT tenant_id, conversation_id FROM (\
     SELECT tenant_id, conversation_id FROM (SELECT tenant_id, conversation_id FROM inbox \
     WHERE outcome IS NULL AND conversation_id > $1 GROUP BY conversation_id, tenant_id ORDER BY conversation_id LIMIT $2) AS i \
     UNION SELECT tenant_id, conversation_id FROM (SELECT tenant_id, conversation_id FROM approvals \
     WHERE status <> 'pending' AND ended_at IS NULL AND conversation_id > $1 ORDER BY conversation_id LIMIT $2) AS a) AS v \
     ORDER BY conversation_id LIMIT $2";

pub(crate) const DUE_TIMERS: &str =
    "SELECT tenant_id, conversation_id, due_at FROM timers WHERE due_at <= $1 ORDER BY due_at LIMIT $2";

pub(crate) const SPENT: &str = "SELECT CAST(COALESCE(SUM(cost_micros), 0) AS BIGINT) FROM ledger WHERE tenant_id = $1 AND agent_id = $2 AND day = $3";

/// What was said in a recording, or why that is not known.
pub(crate) const HEAR: &str = "UPDATE inbox SET heard = $4 WHERE tenant_id = $1 AND conversation_id = $2 AND seq = $3";

/// The fence: changes only the rows whose version is the expected one, and names them.
pub(crate) const FENCE: Rows = Rows::new(
    "UPDATE conversations SET version = version + 1, snapshot = v.column4, mode = v.column5, \
     active_agent_id = v.column6 FROM (",
    6,
    ") AS v WHERE conversations.tenant_id = v.column1 AND conversations.id = v.column2 \
            AND conversations.version = v.column3 RETURNING id",
);

/// PostgreSQL's: whoever decides which reply of a conversation is its head does it alone. A commit holds the same lock,
/// from its fence on.
pub(crate) const LOCK: &str = "SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE";

/// The same of several conversations, in one order for all.
pub(crate) const LOCK_ALL: Rows =
    Rows::new("SELECT 1 FROM conversations WHERE (tenant_id, id) IN (", 2, ") ORDER BY id FOR NO KEY UPDATE");

pub(crate) const EXISTS: &str = "SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = $2";

pub(crate) const SETTLE: Rows = Rows::new(
    "UPDATE inbox SET outcome = v.column4, outcome_detail = v.column5, settled_at = v.column6 FROM (",
    6,
    ") AS v WHERE inbox.tenant_id = v.column1 AND inbox.conversation_id = v.column2 AND inbox.seq = v.column3 \
            AND inbox.outcome IS NULL",
);

pub(crate) const ADD_JOURNAL: Rows = Rows::new(
    "INSERT INTO journal (conversation_id, turn, step, what, place, tenant_id, payload, created_at, agent_id) ",
    9,
    "",
);

pub(crate) const ADD_MESSAGE: Rows = Rows::new(
    "INSERT INTO messages (id, tenant_id, conversation_id, speaker, turn, kind, text, citations, abstained, \
             checks, created_at, author_id, rich) ",
    13,
    "",
);

pub(crate) const CUT: &str = "UPDATE messages SET text = $4 WHERE tenant_id = $1 AND conversation_id = $2 AND turn = $3 \
     AND speaker = 'agent'";

pub(crate) const ADD_LEDGER: Rows = Rows::new(
    "INSERT INTO ledger (tenant_id, agent_id, day, conversation_id, turn, step, prompt_tokens, \
             completion_tokens, cost_micros, created_at) \
             SELECT c.tenant_id, COALESCE(v.column11, c.agent_id), v.column3, v.column4, v.column5, v.column6, v.column7, v.column8, v.column9, \
             v.column10 FROM (",
    11,
    ") AS v JOIN channels c ON c.tenant_id = v.column1 AND c.id = v.column2",
);

pub(crate) const SET_TIMER: &str = "INSERT INTO timers (conversation_id, tenant_id, due_at) VALUES ($1, $2, $3) \
     ON CONFLICT (conversation_id) DO UPDATE SET due_at = excluded.due_at";

pub(crate) const CLEAR_TIMER: &str = "DELETE FROM timers WHERE conversation_id = $1 AND tenant_id = $2";

pub(crate) const ADD_DEAD_LETTER: &str = "INSERT INTO dead_letters \
     (id, tenant_id, conversation_id, kind, seq, outbox_id, code, cause, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
