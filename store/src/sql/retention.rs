//! What is kept no longer: a batch of a tenant's oldest rows ($1 the tenant, $2 what is older goes, $3 how many).

use crate::db::Sql;

pub(crate) const RETENTION: &str = "SELECT messages, conversations, events, audit, outreach, simulations, \
     agent_versions FROM retention WHERE tenant_id = $1";
pub(crate) const SET_RETENTION: &str = "INSERT INTO retention (tenant_id, messages, conversations, events, audit, \
     outreach, simulations, agent_versions, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant_id) DO UPDATE SET messages = excluded.messages, \
     conversations = excluded.conversations, events = excluded.events, audit = excluded.audit, \
     outreach = excluded.outreach, simulations = excluded.simulations, agent_versions = excluded.agent_versions, \
     updated_at = excluded.updated_at";
/// Of all tenants.
pub(crate) const TENANTS: &str = "SELECT tenant_id FROM retention WHERE messages IS NOT NULL \
     OR conversations IS NOT NULL OR events IS NOT NULL OR audit IS NOT NULL OR outreach IS NOT NULL OR simulations IS NOT NULL \
     OR agent_versions IS NOT NULL";

/// Lines of transcripts that nobody works on any more. All statements of a batch find the same ones: the lines themselves
/// go last.
macro_rules! old_lines {
    ($what:literal) => {
        concat!(
            "(SELECT o.",
            $what,
            " FROM messages o WHERE o.tenant_id = $1 AND o.created_at < $2 \
             AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.conversation_id = o.conversation_id AND i.tenant_id = $1 \
             AND i.outcome IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM outbox b WHERE b.message_id = o.id AND b.tenant_id = $1 AND b.state <> 'done') \
             ORDER BY o.created_at, o.position LIMIT $3)"
        )
    };
}

macro_rules! of_old_lines {
    ($table:literal, $time:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE tenant_id = $1 AND ",
            $time,
            " < $2 AND conversation_id IN ",
            old_lines!("conversation_id")
        )
    };
}

/// With all that repeats their words; the last statement counts.
pub(crate) const OLD_MESSAGES: [&str; 10] = [
    concat!(
        "UPDATE ingress_log SET payload = '' WHERE tenant_id = $1 AND received_at < $2 \
         AND log_offset <= (SELECT log_offset FROM ingress_cursor WHERE id = 1) AND payload IN (SELECT x.payload \
         FROM inbox x WHERE x.tenant_id = $1 AND x.received_at < $2 AND x.conversation_id IN ",
        old_lines!("conversation_id"),
        ")"
    ),
    concat!(
        "DELETE FROM outbox_parts WHERE tenant_id = $1 AND outbox_id IN (SELECT b.id FROM outbox b \
         WHERE b.tenant_id = $1 AND b.message_id IN ",
        old_lines!("id"),
        ")"
    ),
    concat!("DELETE FROM citations WHERE tenant_id = $1 AND message_id IN ", old_lines!("id")),
    of_old_lines!("unanswered_questions", "asked_at"),
    of_old_lines!("proposal_answers", "asked_at"),
    of_old_lines!("dead_letters", "created_at"),
    of_old_lines!("journal", "created_at"),
    // Who is still asked, or has still to be answered, can be.
    concat!(
        "DELETE FROM approvals WHERE tenant_id = $1 AND requested_at < $2 AND ended_at IS NOT NULL AND conversation_id IN ",
        old_lines!("conversation_id")
    ),
    of_old_lines!("inbox", "received_at"),
    concat!("DELETE FROM outbox WHERE tenant_id = $1 AND message_id IN ", old_lines!("id")),
];
pub(crate) const OLD_LINES: &str = concat!("DELETE FROM messages WHERE tenant_id = $1 AND id IN ", old_lines!("id"));

/// Conversations in which nothing was said since, and nothing waits; held, so that nobody writes to what goes.
pub(crate) const OLD_CONVERSATIONS: Sql = both!(
    "SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.last_inbound_at < $2 \
     AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.tenant_id = $1 AND m.conversation_id = c.id AND m.created_at >= $2) \
     AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.tenant_id = $1 AND i.conversation_id = c.id AND i.outcome IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.tenant_id = $1 AND o.conversation_id = c.id AND o.state <> 'done') \
     AND NOT EXISTS (SELECT 1 FROM approvals a WHERE a.tenant_id = $1 AND a.conversation_id = c.id \
     AND a.status <> 'pending' AND a.ended_at IS NULL) \
     ORDER BY c.last_inbound_at, c.id LIMIT $3",
    { "" | " FOR UPDATE" }
);

macro_rules! of_the_conversation {
    ($table:literal) => {
        concat!("DELETE FROM ", $table, " WHERE tenant_id = $1 AND conversation_id = $2")
    };
}

/// All of one conversation ($2), as the erasure of its contact would; the contact stays if somebody knows more of it.
pub(crate) const ERASE_CONVERSATION: [&str; 19] = [
    "UPDATE ingress_log SET payload = '' WHERE tenant_id = $1 \
     AND log_offset <= (SELECT log_offset FROM ingress_cursor WHERE id = 1) \
     AND payload IN (SELECT x.payload FROM inbox x WHERE x.tenant_id = $1 AND x.conversation_id = $2)",
    "UPDATE unanswered_topics SET title = COALESCE((SELECT MIN(u.text) FROM unanswered_questions u \
     WHERE u.tenant_id = $1 AND u.topic_id = unanswered_topics.id AND u.conversation_id <> $2), '') \
     WHERE tenant_id = $1 AND title IN (SELECT u.text FROM unanswered_questions u \
     WHERE u.tenant_id = $1 AND u.conversation_id = $2)",
    "DELETE FROM outbox_parts WHERE tenant_id = $1 AND outbox_id IN \
     (SELECT o.id FROM outbox o WHERE o.tenant_id = $1 AND o.conversation_id = $2)",
    of_the_conversation!("outbox"),
    "DELETE FROM citations WHERE tenant_id = $1 AND message_id IN \
     (SELECT m.id FROM messages m WHERE m.tenant_id = $1 AND m.conversation_id = $2)",
    of_the_conversation!("unanswered_questions"),
    of_the_conversation!("proposal_answers"),
    of_the_conversation!("dead_letters"),
    of_the_conversation!("beginnings"),
    of_the_conversation!("timers"),
    of_the_conversation!("journal"),
    of_the_conversation!("approvals"),
    of_the_conversation!("inbox"),
    of_the_conversation!("messages"),
    of_the_conversation!("conversation_notes"),
    of_the_conversation!("conversation_reads"),
    "DELETE FROM peer_aliases WHERE tenant_id = $1 AND (channel_id, address) IN \
     (SELECT c.channel_id, c.peer FROM conversations c WHERE c.tenant_id = $1 AND c.id = $2)",
    "DELETE FROM contact_identities WHERE tenant_id = $1 AND (channel_id, address) IN \
     (SELECT c.channel_id, c.peer FROM conversations c WHERE c.tenant_id = $1 AND c.id = $2)",
    "DELETE FROM conversations WHERE tenant_id = $1 AND id = $2",
];
/// Contacts whom nobody wrote anything down of, and who have no conversation any more.
pub(crate) const FORGET_CONTACT: &str = "DELETE FROM contacts WHERE tenant_id = $1 AND id = $2 AND updated_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.tenant_id = $1 AND c.contact_id = $2) \
     AND NOT EXISTS (SELECT 1 FROM contact_identities i WHERE i.tenant_id = $1 AND i.contact_id = $2)";
pub(crate) const CONTACT_OF: &str = "SELECT contact_id FROM conversations WHERE tenant_id = $1 AND id = $2";

/// Nobody waits to be told of them.
macro_rules! old_events {
    () => {
        "(SELECT e.id FROM events e WHERE e.tenant_id = $1 AND e.created_at < $2 AND NOT EXISTS \
         (SELECT 1 FROM webhook_deliveries q WHERE q.event_id = e.id AND q.tenant_id = $1 AND q.state = 'queued') \
         ORDER BY e.created_at, e.id LIMIT $3)"
    };
}

pub(crate) const OLD_EVENTS: [&str; 2] = [
    concat!(
        "DELETE FROM webhook_attempts WHERE tenant_id = $1 AND delivery_id IN \
         (SELECT d.id FROM webhook_deliveries d WHERE d.tenant_id = $1 AND d.event_id IN ",
        old_events!(),
        ")"
    ),
    concat!("DELETE FROM webhook_deliveries WHERE tenant_id = $1 AND event_id IN ", old_events!()),
];
pub(crate) const OLD_EVENT_ROWS: &str = concat!("DELETE FROM events WHERE tenant_id = $1 AND id IN ", old_events!());

pub(crate) const OLD_AUDIT: &str = "DELETE FROM audit WHERE tenant_id = $1 AND id IN (SELECT a.id FROM audit a \
     WHERE a.tenant_id = $1 AND a.created_at < $2 ORDER BY a.created_at, a.id LIMIT $3)";

/// Messages to one person that are over, whatever became of them.
pub(crate) const OLD_PLANNED: &str = "DELETE FROM planned_messages WHERE tenant_id = $1 AND id IN (SELECT p.id \
     FROM planned_messages p WHERE p.tenant_id = $1 AND p.broadcast_id IS NULL AND p.state <> 'waiting' \
     AND COALESCE(p.settled_at, p.created_at) < $2 ORDER BY p.id LIMIT $3)";
/// Broadcasts that are over: their messages first, however many batches that takes.
pub(crate) const OLD_RECIPIENTS: &str = "DELETE FROM planned_messages WHERE tenant_id = $1 AND id IN (SELECT p.id \
     FROM broadcasts b JOIN planned_messages p ON p.broadcast_id = b.id AND p.tenant_id = b.tenant_id \
     WHERE b.tenant_id = $1 AND b.state IN ('done', 'cancelled') AND b.ended_at < $2 LIMIT $3)";
pub(crate) const OLD_BROADCASTS: &str = "DELETE FROM broadcasts WHERE tenant_id = $1 AND id IN (SELECT b.id \
     FROM broadcasts b WHERE b.tenant_id = $1 AND b.state IN ('done', 'cancelled') AND b.ended_at < $2 \
     AND NOT EXISTS (SELECT 1 FROM planned_messages p WHERE p.broadcast_id = b.id) ORDER BY b.id LIMIT $3)";

macro_rules! old_simulations {
    () => {
        "(SELECT s.id FROM simulations s WHERE s.tenant_id = $1 AND s.state <> 'running' AND s.updated_at < $2 \
         ORDER BY s.id LIMIT $3)"
    };
}

pub(crate) const OLD_SIMULATION_RUNS: [&str; 1] =
    [concat!("DELETE FROM simulation_runs WHERE tenant_id = $1 AND simulation_id IN ", old_simulations!())];
pub(crate) const OLD_SIMULATIONS: &str =
    concat!("DELETE FROM simulations WHERE tenant_id = $1 AND id IN ", old_simulations!());

/// What an agent is now stays, and what it was when a change was made that somebody still tries; the rest goes so long after
/// it was replaced.
pub(crate) const OLD_AGENT_VERSIONS: &str = "DELETE FROM agent_versions WHERE tenant_id = $1 \
     AND (agent_id, version) IN (SELECT v.agent_id, v.version FROM agent_versions v WHERE v.tenant_id = $1 \
     AND EXISTS (SELECT 1 FROM agent_versions n WHERE n.agent_id = v.agent_id AND n.version > v.version \
     AND n.created_at < $2) \
     AND NOT EXISTS (SELECT 1 FROM agent_drafts d WHERE d.tenant_id = $1 AND d.agent_id = v.agent_id \
     AND d.version = v.version AND d.state IN ('reviewing', 'ready')) ORDER BY v.agent_id, v.version LIMIT $3)";
