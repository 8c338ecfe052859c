//! How long the longest lists are: what triggers noted (`list_changes`), and what was added up from it. Whoever reads sees
//! both.

/// Contacts, conversations, and those of them that are closed.
pub(crate) const SIZES: &str = "SELECT CAST(COALESCE(SUM(CASE v.list WHEN 'contacts' THEN v.times END), 0) AS BIGINT), \
     CAST(COALESCE(SUM(CASE v.list WHEN 'conversations' THEN v.times END), 0) AS BIGINT), \
     CAST(COALESCE(SUM(CASE v.list WHEN 'closed' THEN v.times END), 0) AS BIGINT) \
     FROM (SELECT list, times FROM list_sizes WHERE tenant_id = $1 \
     UNION ALL SELECT list, times FROM list_changes WHERE tenant_id = $1) AS v";

pub(crate) const NOTED: &str = "SELECT CAST(1 AS BIGINT) FROM list_changes LIMIT 1";

/// The first ones. In SQLite nothing comes between the statements that name them.
macro_rules! noted {
    () => {
        "SELECT tenant_id, id FROM list_changes ORDER BY tenant_id, id LIMIT 1000"
    };
}

macro_rules! sizes {
    ($noted:literal, $where:expr) => {
        concat!(
            "INSERT INTO list_sizes (tenant_id, list, times) SELECT tenant_id, list, SUM(times) FROM ",
            $noted,
            $where,
            " GROUP BY tenant_id, list ORDER BY tenant_id, list \
             ON CONFLICT (tenant_id, list) DO UPDATE SET times = list_sizes.times + excluded.times"
        )
    };
}

/// SQLite's, one after the other.
pub(crate) const ADD_UP_IN_TURN: [&str; 2] = [
    sizes!("list_changes", concat!(" WHERE (tenant_id, id) IN (", noted!(), ")")),
    concat!("DELETE FROM list_changes WHERE (tenant_id, id) IN (", noted!(), ")"),
];

/// PostgreSQL's.
pub(crate) const ADD_UP: &str = concat!(
    "WITH taken AS (DELETE FROM list_changes WHERE (tenant_id, id) IN (",
    noted!(),
    ") RETURNING *), sized AS (",
    sizes!("taken", ""),
    ") SELECT COUNT(*) FROM taken"
);
