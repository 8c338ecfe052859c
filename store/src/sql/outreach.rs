//! Messages that somebody planned, what people agreed to, and what messages cost.

use crate::db::Sql;

// --- consents ---

/// Of a contact that is not there, nothing is kept.
pub(crate) const ADD_CONSENT: &str = "INSERT INTO consents (id, tenant_id, contact_id, channel_kind, purpose, source, given_at, \
     recorded_at) SELECT $3, tenant_id, id, $4, $5, $6, $7, $8 FROM contacts WHERE tenant_id = $1 AND id = $2";

/// The first withdrawal stands.
pub(crate) const WITHDRAW_CONSENT: &str = "UPDATE consents SET withdrawn_at = $4, withdrawn_source = $5 WHERE tenant_id = $1 \
     AND id = $2 AND contact_id = $3 AND withdrawn_at IS NULL";

pub(crate) const CONSENT: &str = "SELECT id, channel_kind, purpose, source, given_at, recorded_at, withdrawn_at, \
     withdrawn_source FROM consents WHERE tenant_id = $1 AND contact_id = $2 AND id = $3";

/// The oldest first.
pub(crate) const CONSENTS: &str = "SELECT id, channel_kind, purpose, source, given_at, recorded_at, withdrawn_at, \
     withdrawn_source FROM consents WHERE tenant_id = $1 AND contact_id = $2 ORDER BY id";

/// Who agreed to a purpose ($2), from the newest contact on, each once; behind one ($3) where somebody stopped.
pub(crate) const CONSENTED: &str = "SELECT DISTINCT contact_id FROM consents WHERE tenant_id = $1 AND purpose = $2 \
     AND withdrawn_at IS NULL AND (contact_id < $3 OR $3 IS NULL) ORDER BY contact_id DESC LIMIT $4";

// --- prices ---

/// Of a channel that is not there, nothing is kept.
pub(crate) const SET_PRICES: &str = "INSERT INTO channel_prices (channel_id, tenant_id, currency, micros, updated_at) \
     SELECT id, tenant_id, $3, $4, $5 FROM channels WHERE tenant_id = $1 AND id = $2 ON CONFLICT (channel_id) DO UPDATE SET \
     currency = excluded.currency, micros = excluded.micros, updated_at = excluded.updated_at";
pub(crate) const PRICES: &str = "SELECT currency, micros FROM channel_prices WHERE tenant_id = $1 AND channel_id = $2";

// --- messages ---

/// To a contact that is not there, nothing is planned; to one of a broadcast once.
pub(crate) const ADD_PLANNED: &str = "INSERT INTO planned_messages (id, tenant_id, contact_id, broadcast_id, channel_id, words, \
     due_at, created_at) SELECT $3, tenant_id, id, $4, $5, $6, $7, $8 FROM contacts WHERE tenant_id = $1 AND id = $2 \
     ON CONFLICT DO NOTHING";

macro_rules! planned {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.contact_id, p.broadcast_id, p.channel_id, p.words, p.due_at, p.state, p.reason, p.conversation_id, \
             p.message_id, p.created_at, p.settled_at, o.status, o.cause FROM planned_messages p \
             LEFT JOIN outbox o ON o.tenant_id = $1 AND o.id = p.outbox_id WHERE p.tenant_id = $1 ",
            $rest
        )
    };
}

pub(crate) const PLANNED: &str = planned!("AND p.id = $2 AND p.broadcast_id IS NULL");
/// Those that stand by themselves, the newest first; of a state ($2), if one is asked for.
pub(crate) const ALL_PLANNED: &str =
    planned!("AND p.broadcast_id IS NULL AND (p.state = $2 OR $2 IS NULL) ORDER BY p.id DESC LIMIT $3 OFFSET $4");
pub(crate) const COUNT_PLANNED: &str = "SELECT COUNT(*) FROM planned_messages WHERE tenant_id = $1 AND broadcast_id IS NULL \
     AND (state = $2 OR $2 IS NULL)";
pub(crate) const PLANNED_OF_CONTACT: &str = planned!("AND p.contact_id = $2 ORDER BY p.id");
/// Of a broadcast, in the order in which they go out; of a state ($3), if one is asked for.
pub(crate) const PLANNED_OF_BROADCAST: &str =
    planned!("AND p.broadcast_id = $2 AND (p.state = $3 OR $3 IS NULL) ORDER BY p.id LIMIT $4 OFFSET $5");
pub(crate) const COUNT_OF_BROADCAST: &str = "SELECT COUNT(*) FROM planned_messages WHERE tenant_id = $1 AND broadcast_id = $2 \
     AND (state = $3 OR $3 IS NULL)";
/// How many came how far.
pub(crate) const PROGRESS: &str = "SELECT p.state, p.reason, o.status, COUNT(*) AS messages FROM planned_messages p \
     LEFT JOIN outbox o ON o.tenant_id = $1 AND o.id = p.outbox_id WHERE p.tenant_id = $1 AND p.broadcast_id = $2 \
     GROUP BY p.state, p.reason, o.status";

/// What is due now, the oldest first.
pub(crate) const DUE: &str =
    planned!("AND p.state = 'waiting' AND p.broadcast_id IS NULL AND p.due_at <= $2 ORDER BY p.due_at, p.id LIMIT $3");
/// The next ones of a broadcast.
pub(crate) const NEXT: &str = planned!("AND p.broadcast_id = $2 AND p.state = 'waiting' ORDER BY p.id LIMIT $3");

/// Once, while nobody cancelled or paused it, and only to somebody who still may be written to: $6 is the purpose that has to
/// be on record, if there is one, $7 the kind of the channel.
pub(crate) const TAKE: &str = "UPDATE planned_messages SET state = 'sent', conversation_id = $3, message_id = $4, \
     outbox_id = $5, settled_at = $8 WHERE tenant_id = $1 AND id = $2 AND state = 'waiting' \
     AND (broadcast_id IS NULL OR EXISTS (SELECT 1 FROM broadcasts b WHERE b.tenant_id = $1 \
     AND b.id = planned_messages.broadcast_id AND b.state = 'running')) \
     AND NOT EXISTS (SELECT 1 FROM contacts k WHERE k.tenant_id = $1 AND k.id = planned_messages.contact_id \
     AND k.consent = 'withdrawn') AND (EXISTS (SELECT 1 FROM consents c WHERE c.tenant_id = $1 \
     AND c.contact_id = planned_messages.contact_id AND c.purpose = $6 AND c.withdrawn_at IS NULL \
     AND (c.channel_kind IS NULL OR c.channel_kind = $7)) OR $6 IS NULL)";

/// It is not sent any more.
pub(crate) const SETTLE: &str = "UPDATE planned_messages SET state = $3, reason = $4, settled_at = $5 WHERE tenant_id = $1 \
     AND id = $2 AND state = 'waiting'";
pub(crate) const CANCEL: &str = "UPDATE planned_messages SET state = 'cancelled', settled_at = $3 WHERE tenant_id = $1 AND id = $2 \
     AND state = 'waiting' AND broadcast_id IS NULL";

// --- broadcasts ---

pub(crate) const ADD_BROADCAST: &str = "INSERT INTO broadcasts (id, tenant_id, channel_id, name, words, audience, per_minute, state, \
     start_at, next_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'draft', $8, $8, $9, $9)";

macro_rules! broadcasts {
    ($rest:literal) => {
        concat!(
            "SELECT id, channel_id, name, words, audience, per_minute, state, start_at, gathered_to, gathered_at, reason, \
             created_at, updated_at, started_at, ended_at FROM broadcasts WHERE tenant_id = $1 ",
            $rest
        )
    };
}

pub(crate) const BROADCAST: &str = broadcasts!("AND id = $2");
pub(crate) const BROADCASTS: &str = broadcasts!("ORDER BY id DESC LIMIT $2 OFFSET $3");
pub(crate) const COUNT_BROADCASTS: &str = "SELECT COUNT(*) FROM broadcasts WHERE tenant_id = $1";
pub(crate) const DUE_BROADCASTS: &str =
    broadcasts!("AND state IN ('scheduled', 'running') AND next_at <= $2 ORDER BY next_at, id LIMIT $3");

/// From the state in which it was seen ($3) to another one.
pub(crate) const MOVE_BROADCAST: &str = "UPDATE broadcasts SET state = $4, start_at = $5, next_at = $5, updated_at = $6, \
     reason = NULL, started_at = CASE WHEN $4 = 'running' THEN COALESCE(started_at, $6) ELSE started_at END, \
     ended_at = CASE WHEN $4 = 'cancelled' THEN $6 ELSE ended_at END WHERE tenant_id = $1 AND id = $2 AND state = $3";
pub(crate) const CANCEL_ALL: &str = "UPDATE planned_messages SET state = 'cancelled', settled_at = $3 WHERE tenant_id = $1 \
     AND broadcast_id = $2 AND state = 'waiting'";

/// When it is looked after next, and why it waits.
pub(crate) const LOOK_AGAIN: &str = "UPDATE broadcasts SET next_at = $3, reason = $4 WHERE tenant_id = $1 AND id = $2 \
     AND state = 'running'";
/// How far its people were gathered.
pub(crate) const GATHERED: &str = "UPDATE broadcasts SET gathered_to = $3, gathered_at = $4 WHERE tenant_id = $1 AND id = $2 \
     AND state = 'running' AND gathered_at IS NULL";
/// Everybody was written to, or left out for a reason.
pub(crate) const FINISH: &str = "UPDATE broadcasts SET state = 'done', updated_at = $3, ended_at = $3, reason = NULL \
     WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND gathered_at IS NOT NULL AND NOT EXISTS (SELECT 1 \
     FROM planned_messages p WHERE p.tenant_id = $1 AND p.broadcast_id = $2 AND p.state = 'waiting')";

/// What was never begun, or is over.
pub(crate) const DELETE_BROADCAST: &str =
    "DELETE FROM broadcasts WHERE tenant_id = $1 AND id = $2 AND state IN ('draft', 'done', 'cancelled')";
pub(crate) const DELETE_OF_BROADCAST: &str = "DELETE FROM planned_messages WHERE tenant_id = $1 AND broadcast_id = $2";

/// Of all tenants: who has something to do at a time.
pub(crate) const TENANTS_DUE: &str = "SELECT tenant_id FROM planned_messages WHERE state = 'waiting' AND broadcast_id IS NULL \
     AND due_at <= $1 UNION SELECT tenant_id FROM broadcasts WHERE state IN ('scheduled', 'running') AND next_at <= $1";

/// Messages of an account that are due and have not left; more than 1000 are counted as 1000.
pub(crate) const ACCOUNT_WAITING: Sql = both!(
    "SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE tenant_id = $1 AND channel_id = $2 AND state = 'queued' AND ",
    { "head = 1" | "head" },
    " AND due_at <= $3 LIMIT 1000) AS v) + (SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE tenant_id = $1 \
     AND channel_id = $2 AND state = 'sending' LIMIT 1000) AS a)"
);

// --- people who turn out to be one, and who are forgotten ---

/// Who was written to under the one name ($2) is not written to again under the other ($3).
pub(crate) const DROP_TWICE: &str = "DELETE FROM planned_messages WHERE tenant_id = $1 AND contact_id = $3 AND state = 'waiting' \
     AND broadcast_id IN (SELECT p.broadcast_id FROM planned_messages p WHERE p.tenant_id = $1 AND p.contact_id = $2 \
     AND p.broadcast_id IS NOT NULL)";
pub(crate) const MOVE_PLANNED: &str = "UPDATE planned_messages SET contact_id = $3 WHERE tenant_id = $1 AND contact_id = $2 \
     AND (broadcast_id IS NULL OR broadcast_id NOT IN (SELECT p.broadcast_id FROM planned_messages p WHERE p.tenant_id = $1 \
     AND p.contact_id = $3 AND p.broadcast_id IS NOT NULL))";
pub(crate) const MOVE_CONSENTS: &str = "UPDATE consents SET contact_id = $3 WHERE tenant_id = $1 AND contact_id = $2";
/// Nobody agreed to anything whose other self does not want to be written to ($3).
pub(crate) const WITHDRAW_ALL: &str = "UPDATE consents SET withdrawn_at = $4, withdrawn_source = 'opt_out' WHERE tenant_id = $1 \
     AND contact_id = $3 AND withdrawn_at IS NULL AND EXISTS (SELECT 1 FROM contacts k WHERE k.tenant_id = $1 \
     AND k.id IN ($2, $3) AND k.consent = 'withdrawn')";
pub(crate) const FORGET_PLANNED: &str = "DELETE FROM planned_messages WHERE tenant_id = $1 AND contact_id = $2";
pub(crate) const FORGET_CONSENTS: &str = "DELETE FROM consents WHERE tenant_id = $1 AND contact_id = $2";
