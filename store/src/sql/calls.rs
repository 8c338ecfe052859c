//! Telephone calls. The events that tell of them are written by triggers of the schema.

use crate::db::Sql;

macro_rules! columns {
    () => {
        "id, channel_id, provider, external_call_id, direction, from_number, to_number, status, ai_handled, \
         outcome_type, transcript, summary, structured_data, duration_seconds, provider_cost_cents, billed_minutes, \
         conversation_id, started_at, ended_at, updated_at"
    };
}

/// A call that is known already stays as it is.
pub(crate) const ADD: &str = "INSERT INTO calls (tenant_id, id, channel_id, provider, external_call_id, direction, \
     from_number, to_number, status, ai_handled, transcript, started_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', $11, $11) \
     ON CONFLICT (tenant_id, provider, external_call_id) DO NOTHING";

/// By the provider's id. Whoever changes it does so alone.
pub(crate) const BY_EXTERNAL: Sql = both!(
    "SELECT id, channel_id, provider, external_call_id, direction, from_number, to_number, status, ai_handled, \
     outcome_type, transcript, summary, structured_data, duration_seconds, provider_cost_cents, billed_minutes, \
     conversation_id, started_at, ended_at, updated_at \
     FROM calls WHERE tenant_id = $1 AND provider = $2 AND external_call_id = $3",
    { "" | " FOR UPDATE" }
);

/// By ours. Whoever changes it does so alone.
pub(crate) const OWN: Sql = both!(
    "SELECT id, channel_id, provider, external_call_id, direction, from_number, to_number, status, ai_handled, \
     outcome_type, transcript, summary, structured_data, duration_seconds, provider_cost_cents, billed_minutes, \
     conversation_id, started_at, ended_at, updated_at \
     FROM calls WHERE tenant_id = $1 AND id = $2",
    { "" | " FOR UPDATE" }
);

/// Of all tenants: calls that go on and of which nothing was heard, those of the longest silence first.
pub(crate) const SILENT: &str =
    "SELECT tenant_id, id FROM calls WHERE ended_at IS NULL AND updated_at <= $1 ORDER BY updated_at, id LIMIT $2";

pub(crate) const ADD_STEP: &str = "INSERT INTO call_steps (tenant_id, id, call_id, key, kind, detail, at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (call_id, key) DO NOTHING";

pub(crate) const SET: &str = "UPDATE calls SET status = $3, ai_handled = $4, outcome_type = $5, transcript = $6, \
     summary = $7, structured_data = $8, duration_seconds = $9, provider_cost_cents = $10, billed_minutes = $11, \
     conversation_id = $12, ended_at = $13, updated_at = $14 WHERE tenant_id = $1 AND id = $2";

pub(crate) const CALL: &str = concat!("SELECT ", columns!(), " FROM calls WHERE tenant_id = $1 AND id = $2");

/// The newest first, of those that began in a time ($2, $3).
pub(crate) const CALLS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM calls WHERE tenant_id = $1 AND started_at >= $2 AND started_at < $3 \
     ORDER BY started_at DESC, id DESC LIMIT $4 OFFSET $5"
);
pub(crate) const COUNT: &str =
    "SELECT COUNT(*) FROM calls WHERE tenant_id = $1 AND started_at >= $2 AND started_at < $3";

/// Of a time.
pub(crate) const FIGURES: Sql = both!(
    "SELECT COUNT(*), COUNT(ended_at), CAST(COALESCE(SUM(CASE WHEN ",
    { "ai_handled = 1" | "ai_handled" },
    " THEN 1 ELSE 0 END), 0) AS BIGINT), COUNT(duration_seconds), \
     CAST(COALESCE(SUM(duration_seconds), 0) AS BIGINT), CAST(COALESCE(SUM(billed_minutes), 0) AS BIGINT), \
     CAST(COALESCE(SUM(provider_cost_cents), 0) AS BIGINT) \
     FROM calls WHERE tenant_id = $1 AND started_at >= $2 AND started_at < $3"
);
pub(crate) const OUTCOMES: &str = "SELECT outcome_type, COUNT(*) FROM calls \
     WHERE tenant_id = $1 AND started_at >= $2 AND started_at < $3 AND outcome_type IS NOT NULL \
     GROUP BY outcome_type ORDER BY outcome_type";

pub(crate) const STEPS: &str =
    "SELECT kind, detail, at FROM call_steps WHERE tenant_id = $1 AND call_id = $2 ORDER BY at, id";
