use crate::bulk::Rows;

pub(crate) const LOAD: &str = "SELECT c.channel_id, c.peer, c.peer_name, c.version, c.snapshot, ch.agent_id, ch.pull \
     FROM conversations c JOIN channels ch ON ch.id = c.channel_id WHERE c.tenant_id = $1 AND c.id = $2";

pub(crate) const PENDING: &str = "SELECT seq, received_at, payload FROM inbox \
     WHERE conversation_id = $1 AND tenant_id = $3 AND seq > $2 AND outcome IS NULL ORDER BY seq";

pub(crate) const HISTORY: &str = "SELECT speaker, text FROM messages \
     WHERE tenant_id = $1 AND conversation_id = $2 AND (seq IS NULL OR seq < $3) AND text <> '' \
     ORDER BY position DESC LIMIT $4";

pub(crate) const UNFINISHED: &str = "SELECT tenant_id, conversation_id FROM inbox \
     WHERE outcome IS NULL AND conversation_id > $1 GROUP BY conversation_id ORDER BY conversation_id LIMIT $2";

pub(crate) const DUE_TIMERS: &str =
    "SELECT tenant_id, conversation_id, due_at FROM timers WHERE due_at <= $1 ORDER BY due_at LIMIT $2";

pub(crate) const SPENT: &str =
    "SELECT COALESCE(SUM(cost_micros), 0) FROM ledger WHERE tenant_id = $1 AND agent_id = $2 AND day = $3";

/// The fence: changes nothing unless the version is the expected one.
pub(crate) const FENCE: &str = "UPDATE conversations SET version = version + 1, snapshot = $1, mode = $2 \
     WHERE tenant_id = $3 AND id = $4 AND version = $5";

pub(crate) const EXISTS: &str = "SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = $2";

/// Five parameters stand before the rows.
pub(crate) const SETTLE: Rows = Rows {
    before: "UPDATE inbox SET outcome = $1, outcome_detail = $2, settled_at = $3 \
             WHERE tenant_id = $4 AND conversation_id = $5 AND outcome IS NULL AND seq IN (VALUES ",
    columns: 1,
    after: ")",
};

pub(crate) const ADD_JOURNAL: Rows = Rows {
    before: "INSERT INTO journal (conversation_id, turn, step, what, place, tenant_id, payload, created_at) VALUES ",
    columns: 8,
    after: "",
};

pub(crate) const ADD_MESSAGE: Rows = Rows {
    before: "INSERT INTO messages (id, tenant_id, conversation_id, speaker, turn, kind, text, citations, abstained, \
             created_at) VALUES ",
    columns: 10,
    after: "",
};

pub(crate) const ADD_LEDGER: &str = "INSERT INTO ledger (tenant_id, agent_id, day, conversation_id, turn, step, \
     prompt_tokens, completion_tokens, cost_micros, created_at) \
     SELECT tenant_id, agent_id, $3, $4, $5, $6, $7, $8, $9, $10 FROM channels WHERE tenant_id = $1 AND id = $2";

pub(crate) const SET_TIMER: &str = "INSERT INTO timers (conversation_id, tenant_id, due_at) VALUES ($1, $2, $3) \
     ON CONFLICT (conversation_id) DO UPDATE SET due_at = excluded.due_at";

pub(crate) const CLEAR_TIMER: &str = "DELETE FROM timers WHERE conversation_id = $1 AND tenant_id = $2";

pub(crate) const ADD_DEAD_LETTER: &str = "INSERT INTO dead_letters \
     (id, tenant_id, conversation_id, kind, seq, outbox_id, code, cause, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
