//! Sealed values and the keys that sealed them. These walk over whole tables.

/// A column of sealed values, each sealed for its row's id.
pub(crate) struct Sealed {
    pub table: &'static str,
    pub column: &'static str,
    /// What another key than the one with the prefix `$1` sealed, after the id `$2`.
    pub others: &'static str,
    /// Unless somebody else changed it meanwhile.
    pub change: &'static str,
    /// Prefixes with how often they are there.
    pub count: &'static str,
}

macro_rules! sealed {
    ($($table:literal $column:literal),*) => {
        /// Every one that there is.
        pub(crate) const COLUMNS: &[Sealed] = &[$(Sealed {
            table: $table,
            column: $column,
            others: concat!("SELECT tenant_id, id, ", $column, " FROM ", $table, " WHERE LENGTH(", $column, ") > 0 \
                AND substr(", $column, ", 1, 5) <> $1 AND id > $2 ORDER BY id LIMIT $3"),
            change: concat!("UPDATE ", $table, " SET ", $column, " = $4 WHERE tenant_id = $1 AND id = $2 \
                AND ", $column, " = $3"),
            count: concat!("SELECT substr(", $column, ", 1, 5), COUNT(*) FROM ", $table, " \
                WHERE LENGTH(", $column, ") > 0 GROUP BY 1"),
        }),*];
    };
}

sealed!("channels" "secrets", "integrations" "secrets", "orders" "payment_secret", "tool_servers" "secrets",
    "video_sessions" "secrets", "webhook_endpoints" "secrets");
