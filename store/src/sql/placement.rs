//! Where nodes meet: PostgreSQL's alone, on its clock.

pub(crate) const BEAT: &str = "INSERT INTO nodes (id, name, draining, started_at, seen_at) \
     VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp()) \
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, draining = excluded.draining, seen_at = clock_timestamp()";

pub(crate) const FORGET: &str = "DELETE FROM nodes WHERE seen_at < clock_timestamp() - interval '1 day'";

/// The last column: milliseconds since the node's last heartbeat.
pub(crate) const SESSIONS: &str = "SELECT id, name, draining, \
     GREATEST(0, CAST(EXTRACT(EPOCH FROM clock_timestamp() - seen_at) * 1000 AS BIGINT)) FROM nodes ORDER BY id";

/// Nodes that were heard of within this many milliseconds.
pub(crate) const ALIVE: &str =
    "SELECT COUNT(*) FROM nodes WHERE seen_at > clock_timestamp() - $1 * interval '1 millisecond'";

pub(crate) const CLAIMS: &str = "SELECT owner, epoch FROM partitions ORDER BY number";

pub(crate) const RELEASE: &str = "UPDATE partitions SET owner = NULL WHERE owner = $1 AND number = $2";

pub(crate) const RELEASE_ALL: &str = "UPDATE partitions SET owner = NULL WHERE owner = $1";

pub(crate) const LEAVE: &str = "DELETE FROM nodes WHERE id = $1";
