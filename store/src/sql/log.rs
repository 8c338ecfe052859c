use crate::db::Rows;

pub(crate) const APPEND: Rows =
    Rows::new("INSERT INTO ingress_log (tenant_id, channel_id, received_at, payload) ", 4, "").on_postgres(
        "WITH added AS (INSERT INTO ingress_log (tenant_id, channel_id, received_at, payload) ",
        " RETURNING log_offset) SELECT MAX(log_offset) FROM added",
    );

pub(crate) const END: &str = "SELECT COALESCE(MAX(log_offset), 0) FROM ingress_log";

pub(crate) const READ: &str = "SELECT log_offset, tenant_id, channel_id, received_at, payload FROM ingress_log \
     WHERE log_offset > $1 ORDER BY log_offset LIMIT $2";

/// Never beyond what was moved into inboxes, whatever the caller says; in bounded pieces.
pub(crate) const TRIM: &str = "DELETE FROM ingress_log WHERE log_offset IN (\
     SELECT log_offset FROM ingress_log WHERE log_offset <= $1 AND received_at < $2 \
     AND log_offset <= (SELECT log_offset FROM ingress_cursor WHERE id = 1) ORDER BY log_offset LIMIT $3)";
