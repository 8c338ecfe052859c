//! Sealed values and the keys that sealed them. These walk over whole tables, which are short: one row for each channel or
//! endpoint.

/// A table with a column `secrets`, sealed for its row's id.
pub(crate) struct Sealed {
    pub table: &'static str,
    /// What another key than the one with the prefix `$1` sealed, after the id `$2`.
    pub others: &'static str,
    /// Unless somebody else changed it meanwhile.
    pub change: &'static str,
    /// Prefixes with how often they are there.
    pub count: &'static str,
}

macro_rules! sealed {
    ($($table:literal),*) => {
        /// Every one that there is.
        pub(crate) const TABLES: &[Sealed] = &[$(Sealed {
            table: $table,
            others: concat!("SELECT tenant_id, id, secrets FROM ", $table, " WHERE LENGTH(secrets) > 0 \
                AND substr(secrets, 1, 5) <> $1 AND id > $2 ORDER BY id LIMIT $3"),
            change: concat!("UPDATE ", $table, " SET secrets = $4 WHERE tenant_id = $1 AND id = $2 AND secrets = $3"),
            count: concat!("SELECT substr(secrets, 1, 5), COUNT(*) FROM ", $table, " WHERE LENGTH(secrets) > 0 GROUP BY 1"),
        }),*];
    };
}

sealed!("channels", "webhook_endpoints");
