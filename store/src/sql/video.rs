//! Sessions with an avatar. Their events are written by a trigger of the schema.

use crate::db::Sql;

macro_rules! session {
    ($($rest:literal),*) => {
        concat!(
            "SELECT tenant_id, id, channel_id, chat, provider, state, external_id, secrets, idle, used_at, expires_at, \
             started_at, ended_at, reason, code, tries, version, due_at, created_at FROM video_sessions \
             WHERE tenant_id = $1",
            $($rest),*
        )
    };
}

pub(crate) const SESSION: &str = session!(" AND id = $2");
pub(crate) const BY_KEY: &str = session!(" AND request_key = $2");
pub(crate) const OPEN: &str = session!(" AND channel_id = $2 AND chat = $3 AND state IN ('creating', 'live')");
pub(crate) const SESSIONS: &str = session!(" ORDER BY id DESC LIMIT $2 OFFSET $3");
pub(crate) const COUNT_SESSIONS: &str = "SELECT COUNT(*) FROM video_sessions WHERE tenant_id = $1";

/// Whoever opens one holds the settings: what another one is about to open is waited for, and counted.
pub(crate) const HOLD: Sql =
    both!("SELECT kind FROM integrations WHERE tenant_id = $1 AND kind = $2", { "" | " FOR UPDATE" });
pub(crate) const RUNNING: &str =
    "SELECT COUNT(*) FROM video_sessions WHERE tenant_id = $1 AND state IN ('creating', 'live', 'ending')";

pub(crate) const ADD: &str = "INSERT INTO video_sessions (tenant_id, id, request_key, channel_id, chat, provider, state, \
     secrets, idle, used_at, expires_at, tries, spoken_turn, version, due_at, leased_until, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, 'creating', $7, $8, $9, $10, 0, 0, 1, $11, $12, $9, $9)";

pub(crate) const SET: &str = "UPDATE video_sessions SET state = $4, external_id = $5, secrets = COALESCE($6, secrets), \
     used_at = $7, expires_at = $8, started_at = $9, ended_at = $10, reason = $11, code = $12, tries = $13, due_at = $14, \
     leased_until = $15, updated_at = $16, version = version + 1 WHERE tenant_id = $1 AND id = $2 AND version = $3";

/// The first to claim a turn says it.
pub(crate) const CLAIM_TURN: &str = "UPDATE video_sessions SET spoken_turn = $3 \
     WHERE tenant_id = $1 AND id = $2 AND state = 'live' AND spoken_turn < $3";

/// Mostly nothing is: looked up before it is written.
pub(crate) const DUE: &str = "SELECT CAST(1 AS BIGINT) FROM video_sessions \
     WHERE state IN ('creating', 'live', 'ending') AND due_at <= $1 AND leased_until <= $1 LIMIT 1";

/// The one that waits longest. Whoever gets it works on it alone for a while, and whoever had it writes nothing more.
pub(crate) const LEASE: &str = "UPDATE video_sessions SET leased_until = $2, version = version + 1 WHERE id = \
     (SELECT id FROM video_sessions WHERE state IN ('creating', 'live', 'ending') AND due_at <= $1 AND leased_until <= $1 \
     ORDER BY due_at, id LIMIT 1) AND state IN ('creating', 'live', 'ending') AND leased_until <= $1 \
     RETURNING tenant_id, id, channel_id, chat, provider, state, external_id, secrets, idle, used_at, expires_at, \
     started_at, ended_at, reason, code, tries, version, due_at, created_at";

macro_rules! of_a_person {
    ($($part:literal),*) => {
        concat!(
            $($part,)*
            " AND EXISTS (SELECT 1 FROM conversations c WHERE c.tenant_id = $1 AND c.contact_id = $2 \
             AND c.channel_id = video_sessions.channel_id AND c.peer = video_sessions.chat)"
        )
    };
}

/// Of somebody who is erased: what is over goes, and what runs is stopped, under nobody's name.
pub(crate) const FORGET: &str =
    of_a_person!("DELETE FROM video_sessions WHERE tenant_id = $1 AND state IN ('ended', 'failed', 'uncertain')");
pub(crate) const RELEASE: &str = of_a_person!(
    "UPDATE video_sessions SET state = 'ending', reason = 'asked', due_at = 0, chat = '', request_key = NULL, \
     version = version + 1 WHERE tenant_id = $1 AND state IN ('creating', 'live', 'ending')"
);
