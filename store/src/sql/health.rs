//! How channels stand with their providers.

/// Of a channel that is not there, nothing is kept. $3 is the time.
macro_rules! learn {
    ($columns:literal, $values:literal, $change:literal) => {
        concat!(
            "INSERT INTO channel_health (channel_id, tenant_id, ",
            $columns,
            ") SELECT id, tenant_id, ",
            $values,
            " FROM channels WHERE tenant_id = $1 AND id = $2 ON CONFLICT (channel_id) DO UPDATE SET ",
            $change
        )
    };
}

/// Since the first refusal; why, as it was said last.
pub(crate) const REFUSED: &str = learn!(
    "refused_at, refused_code, refused_detail",
    "$3, $4, $5",
    "refused_at = COALESCE(channel_health.refused_at, excluded.refused_at), refused_code = excluded.refused_code, \
     refused_detail = excluded.refused_detail"
);
pub(crate) const SERVED: &str = "UPDATE channel_health SET refused_at = NULL, refused_code = NULL, \
     refused_detail = NULL WHERE tenant_id = $1 AND channel_id = $2 AND refused_at IS NOT NULL";
pub(crate) const UNREADABLE: &str = learn!(
    "unreadable_at, unreadable, unreadable_why",
    "$3, $4, $5",
    "unreadable = channel_health.unreadable + excluded.unreadable, unreadable_at = excluded.unreadable_at, \
     unreadable_why = excluded.unreadable_why"
);
/// Providers repeat themselves, and not in order. The rest of the row stays: what is stopped is said beside it.
pub(crate) const TOLD: &str = concat!(
    learn!(
        "notice_at, notice, notice_gravity, notice_detail",
        "$3, $4, $5, $6",
        "notice_at = excluded.notice_at, notice = excluded.notice, notice_gravity = excluded.notice_gravity, \
         notice_detail = excluded.notice_detail"
    ),
    " WHERE channel_health.notice_at IS NULL OR channel_health.notice_at <= excluded.notice_at"
);
pub(crate) const STOP: &str = "UPDATE channel_health SET stopped_at = COALESCE(stopped_at, $3) \
     WHERE tenant_id = $1 AND channel_id = $2";
pub(crate) const LIFT: &str = "UPDATE channel_health SET stopped_at = NULL WHERE tenant_id = $1 AND channel_id = $2 \
     AND stopped_at IS NOT NULL";
pub(crate) const TOKEN: &str = learn!("token_expires_at", "$3", "token_expires_at = excluded.token_expires_at");

pub(crate) const SHOW: &str = "SELECT refused_at, refused_code, refused_detail, unreadable, unreadable_at, \
     unreadable_why, notice, notice_gravity, notice_detail, notice_at, stopped_at, token_expires_at \
     FROM channel_health WHERE tenant_id = $1 AND channel_id = $2";
