pub(crate) const PUT: &str = "INSERT INTO files (tenant_id, name, part, content) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (tenant_id, name, part) DO UPDATE SET content = excluded.content";

pub(crate) const GET: &str = "SELECT content FROM files WHERE tenant_id = $1 AND name = $2 AND part = $3";

pub(crate) const REMOVE: &str = "DELETE FROM files WHERE tenant_id = $1 AND name = $2";
