//! Figures: what triggers noted (`metric_changes`), and what was added up from it. Whoever reads sees both.

use crate::db::Sql;

pub(crate) const NOTED: &str = "SELECT CAST(1 AS BIGINT) FROM metric_changes LIMIT 1";

/// PostgreSQL's: one node at a time.
pub(crate) const ALONE: &str = "SELECT pg_try_advisory_xact_lock(1668246531)";

/// Notes that are added up in one step: all other writers wait for it.
pub(crate) const STEP: u64 = 1_000;

/// The first ones. In SQLite nothing comes between the statements that name them.
macro_rules! noted {
    () => {
        "SELECT tenant_id, id FROM metric_changes ORDER BY tenant_id, id LIMIT 1000"
    };
}

macro_rules! daily {
    ($noted:literal, $where:expr) => {
        concat!(
            "INSERT INTO daily_metrics (tenant_id, day, channel_id, agent_id, what, bound, times, prompt_tokens, \
             completion_tokens, cost_micros) SELECT tenant_id, day, channel_id, agent_id, what, bound, SUM(times), \
             SUM(prompt_tokens), SUM(completion_tokens), SUM(cost_micros) FROM ",
            $noted,
            $where,
            " GROUP BY tenant_id, day, channel_id, agent_id, what, bound ORDER BY tenant_id, day, channel_id, agent_id, what, \
             bound ON CONFLICT (tenant_id, day, channel_id, agent_id, what, bound) DO UPDATE SET \
             times = daily_metrics.times + excluded.times, \
             prompt_tokens = daily_metrics.prompt_tokens + excluded.prompt_tokens, \
             completion_tokens = daily_metrics.completion_tokens + excluded.completion_tokens, \
             cost_micros = daily_metrics.cost_micros + excluded.cost_micros"
        )
    };
}

macro_rules! by_conversation {
    ($noted:literal, $where:expr) => {
        concat!(
            "INSERT INTO conversation_costs (tenant_id, day, conversation_id, agent_id, turns, prompt_tokens, \
             completion_tokens, cost_micros) SELECT tenant_id, day, conversation_id, agent_id, \
             SUM(CASE what WHEN 'turn' THEN times ELSE 0 END), SUM(prompt_tokens), SUM(completion_tokens), SUM(cost_micros) \
             FROM ",
            $noted,
            $where,
            " AND conversation_id IS NOT NULL GROUP BY tenant_id, day, conversation_id, agent_id \
             ORDER BY tenant_id, day, conversation_id, agent_id \
             ON CONFLICT (tenant_id, day, conversation_id, agent_id) DO UPDATE SET \
             turns = conversation_costs.turns + excluded.turns, \
             prompt_tokens = conversation_costs.prompt_tokens + excluded.prompt_tokens, \
             completion_tokens = conversation_costs.completion_tokens + excluded.completion_tokens, \
             cost_micros = conversation_costs.cost_micros + excluded.cost_micros"
        )
    };
}

/// What notes say of how many messages there are, by their day and how far they came. The columns of the list: what was
/// noted; of channels whose clients read replies themselves (1), of others (0) or of any (2); the status; how many more.
macro_rules! message_changes {
    ($noted:literal) => {
        concat!(
            "SELECT n.tenant_id, n.day, s.column3 AS status, n.times * s.column4 AS times FROM ",
            $noted,
            " n CROSS JOIN channels h CROSS JOIN (VALUES \
             ('received', 2, 'received', 1), ('echoed', 2, 'sent', 1), \
             ('replied.cited', 0, 'queued', 1), ('replied.cited', 1, 'sent', 1), \
             ('replied.unknown', 0, 'queued', 1), ('replied.unknown', 1, 'sent', 1), \
             ('replied.plain', 0, 'queued', 1), ('replied.plain', 1, 'sent', 1), \
             ('notice', 0, 'queued', 1), ('notice', 1, 'sent', 1), ('written', 0, 'queued', 1), ('written', 1, 'sent', 1), \
             ('out.uncertain', 2, 'uncertain', 1), ('out.uncertain', 2, 'queued', -1), \
             ('out.sent', 2, 'sent', 1), ('out.sent', 2, 'queued', -1), \
             ('out.delivered', 2, 'delivered', 1), ('out.delivered', 2, 'queued', -1), \
             ('out.read', 2, 'read', 1), ('out.read', 2, 'queued', -1), \
             ('out.failed', 2, 'failed', 1), ('out.failed', 2, 'queued', -1), \
             ('gone.received', 2, 'received', -1), ('gone.sent', 2, 'sent', -1), ('gone.queued', 2, 'queued', -1), \
             ('gone.out.uncertain', 2, 'uncertain', -1), ('gone.out.uncertain', 2, 'queued', 1), \
             ('gone.out.sent', 2, 'sent', -1), ('gone.out.sent', 2, 'queued', 1), \
             ('gone.out.delivered', 2, 'delivered', -1), ('gone.out.delivered', 2, 'queued', 1), \
             ('gone.out.read', 2, 'read', -1), ('gone.out.read', 2, 'queued', 1), \
             ('gone.out.failed', 2, 'failed', -1), ('gone.out.failed', 2, 'queued', 1)) AS s \
             WHERE h.tenant_id = n.tenant_id AND h.id = n.channel_id AND s.column1 = n.what AND s.column2 IN (2, CASE WHEN h.pull THEN 1 ELSE 0 END)"
        )
    };
}

macro_rules! of_messages {
    ($noted:literal, $where:expr) => {
        concat!(
            "INSERT INTO message_counts (tenant_id, day, status, times) SELECT v.tenant_id, v.day, v.status, SUM(v.times) \
             FROM (",
            message_changes!($noted),
            $where,
            ") AS v GROUP BY v.tenant_id, v.day, v.status ORDER BY v.tenant_id, v.day, v.status \
             ON CONFLICT (tenant_id, day, status) DO UPDATE SET times = message_counts.times + excluded.times"
        )
    };
}

/// How many messages each day has, the last one first: those that went out or those that did not ($2), with a status ($3).
pub(crate) const MESSAGE_DAYS: &str = concat!(
    "SELECT v.day, CAST(SUM(v.times) AS BIGINT) FROM (SELECT day, status, times FROM message_counts WHERE tenant_id = $1 \
     UNION ALL SELECT n.day, n.status, n.times FROM (",
    message_changes!("metric_changes"),
    " AND n.tenant_id = $1) AS n) AS v WHERE ((v.status <> 'received') = $2 OR $2 IS NULL) \
     AND (CASE v.status WHEN 'received' THEN 'delivered' ELSE v.status END = $3 OR $3 IS NULL) \
     GROUP BY v.day HAVING SUM(v.times) > 0 ORDER BY v.day DESC"
);

/// SQLite's, one after the other.
pub(crate) const ADD_UP_IN_TURN: [&str; 4] = [
    daily!("metric_changes", concat!(" WHERE (tenant_id, id) IN (", noted!(), ")")),
    by_conversation!("metric_changes", concat!(" WHERE (tenant_id, id) IN (", noted!(), ")")),
    of_messages!("metric_changes", concat!(" AND (n.tenant_id, n.id) IN (", noted!(), ")")),
    concat!("DELETE FROM metric_changes WHERE (tenant_id, id) IN (", noted!(), ")"),
];

/// PostgreSQL's: notes that are committed meanwhile are left for the next step, because all parts see the same ones.
pub(crate) const ADD_UP: &str = concat!(
    "WITH taken AS (DELETE FROM metric_changes WHERE (tenant_id, id) IN (",
    noted!(),
    ") RETURNING *), spent AS (",
    by_conversation!("taken", " WHERE TRUE"),
    "), there AS (",
    of_messages!("taken", ""),
    "), counted AS (",
    daily!("taken", " WHERE TRUE"),
    ") SELECT COUNT(*) FROM taken"
);

/// Of some days: a day's counts on a channel with an agent are one JSON list of `[what, bound, times, prompt_tokens,
/// completion_tokens, cost_micros]`, because thousands of rows take longer to hand over than to read.
pub(crate) const FIGURES: Sql = both!(
    "SELECT v.day, v.channel_id, v.agent_id, v.counts, h.pull FROM (SELECT day, channel_id, agent_id, ",
    {
        "json_group_array(json_array(what, bound, times, prompt_tokens, completion_tokens, cost_micros))"
            | "CAST(json_agg(json_build_array(what, bound, times, prompt_tokens, completion_tokens, cost_micros)) AS TEXT)"
    },
    " AS counts FROM daily_metrics WHERE tenant_id = $1 AND day >= $2 AND day <= $3 GROUP BY day, channel_id, agent_id \
     UNION ALL SELECT day, channel_id, agent_id, ",
    {
        "json_group_array(json_array(what, bound, times, prompt_tokens, completion_tokens, cost_micros))"
            | "CAST(json_agg(json_build_array(what, bound, times, prompt_tokens, completion_tokens, cost_micros)) AS TEXT)"
    },
    " AS counts FROM metric_changes WHERE tenant_id = $1 AND day >= $2 AND day <= $3 GROUP BY day, channel_id, agent_id) AS v \
     JOIN channels h ON h.tenant_id = $1 AND h.id = v.channel_id"
);

/// Of the days since one: messages that people wrote, and what models cost.
pub(crate) const SO_FAR: &str = "SELECT CAST(COALESCE(SUM(CASE v.what WHEN 'received' THEN v.times ELSE 0 END), 0) AS BIGINT), \
     CAST(COALESCE(SUM(v.cost_micros), 0) AS BIGINT) FROM (SELECT what, times, cost_micros FROM daily_metrics \
     WHERE tenant_id = $1 AND day >= $2 UNION ALL SELECT what, times, cost_micros FROM metric_changes \
     WHERE tenant_id = $1 AND day >= $2) AS v";

macro_rules! costs {
    ($rest:literal) => {
        concat!(
            "FROM (SELECT conversation_id, agent_id, turns, prompt_tokens, completion_tokens, cost_micros \
             FROM conversation_costs WHERE tenant_id = $1 AND day >= $2 AND day <= $3 UNION ALL \
             SELECT conversation_id, agent_id, CASE what WHEN 'turn' THEN times ELSE 0 END, prompt_tokens, \
             completion_tokens, cost_micros FROM metric_changes WHERE tenant_id = $1 AND day >= $2 AND day <= $3 \
             AND conversation_id IS NOT NULL) AS v ",
            $rest
        )
    };
}

/// The most expensive first.
pub(crate) const CONVERSATION_COSTS: &str = concat!(
    "SELECT v.conversation_id, v.agent_id, CAST(SUM(v.turns) AS BIGINT), CAST(SUM(v.prompt_tokens) AS BIGINT), \
     CAST(SUM(v.completion_tokens) AS BIGINT), CAST(SUM(v.cost_micros) AS BIGINT) ",
    costs!(
        "GROUP BY v.conversation_id, v.agent_id ORDER BY SUM(v.cost_micros) DESC, SUM(v.prompt_tokens) DESC, \
         v.conversation_id, v.agent_id LIMIT $4 OFFSET $5"
    )
);
pub(crate) const COUNT_CONVERSATION_COSTS: &str = concat!(
    "SELECT COUNT(*) FROM (SELECT v.conversation_id, v.agent_id ",
    costs!("GROUP BY v.conversation_id, v.agent_id) AS v")
);

/// Also of those that were deleted: figures name them.
pub(crate) const AGENT_NAMES: &str = "SELECT id, name FROM agents WHERE tenant_id = $1";
pub(crate) const CHANNEL_NAMES: &str = "SELECT id, name, kind FROM channels WHERE tenant_id = $1";

/// Budgets of which four fifths are spent in the month that begins on day $1, for the first time; marks them. What is noted
/// and not added up yet comes with the next step.
pub(crate) const WARN: &str = "UPDATE budgets SET warned = $1 WHERE monthly_micros > 0 AND warned < $1 AND monthly_micros * 4 <= \
     5 * (SELECT COALESCE(SUM(m.cost_micros), 0) FROM daily_metrics m \
     WHERE m.tenant_id = budgets.tenant_id AND m.day >= $1) RETURNING tenant_id";
/// The same of budgets that are spent.
pub(crate) const MARK_SPENT: &str = "UPDATE budgets SET spent = $1 WHERE monthly_micros > 0 AND spent < $1 AND monthly_micros <= \
     (SELECT COALESCE(SUM(m.cost_micros), 0) FROM daily_metrics m \
     WHERE m.tenant_id = budgets.tenant_id AND m.day >= $1) RETURNING tenant_id";
pub(crate) const TELL: &str = "INSERT INTO events (tenant_id, kind, created_at) VALUES ($1, $2, $3)";
