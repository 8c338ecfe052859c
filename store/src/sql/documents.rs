/// After a place in their order.
pub(crate) const WAITING: &str = "SELECT tenant_id, id, uploaded_at FROM documents \
     WHERE status IN ('pending', 'extracting', 'indexing') AND (uploaded_at, id) > ($1, $2) \
     ORDER BY uploaded_at, id LIMIT $3";

pub(crate) const TAKE: &str = "UPDATE documents SET attempt = attempt + 1, taken_revision = revision \
     WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'extracting', 'indexing') \
     RETURNING knowledge_base_id, name, path, attempt - 1 AS attempt";

/// What is reported of an upload that was replaced meanwhile is of no consequence.
pub(crate) const PROGRESS: &str = "UPDATE documents SET status = $3, pages = $4, chunks = $5, indexed = $6, \
     updated_at = $7 WHERE tenant_id = $1 AND id = $2 AND taken_revision = revision \
     AND status IN ('pending', 'extracting', 'indexing')";

pub(crate) const READY: &str = "UPDATE documents SET status = 'ready', cause = NULL, page_reports = $3, pages = $4, \
     chunks = $5, indexed = $5, characters = $6, language = $7, embedded = $8, updated_at = $9 \
     WHERE tenant_id = $1 AND id = $2 AND taken_revision = revision";

pub(crate) const FAILED: &str = "UPDATE documents SET status = 'failed', cause = $3, page_reports = $4, pages = $5, \
     updated_at = $6 WHERE tenant_id = $1 AND id = $2 AND taken_revision = revision";

pub(crate) const EXISTS: &str = "SELECT 1 FROM documents WHERE tenant_id = $1 AND id = $2";

pub(crate) const PUT_BACK: &str =
    "UPDATE documents SET status = 'pending', updated_at = $3 WHERE tenant_id = $1 AND id = $2";

pub(crate) const PATH_BY_NAME: &str =
    "SELECT path FROM documents WHERE tenant_id = $1 AND knowledge_base_id = $2 AND name = $3";

/// The same name in the same base is the same document with new content.
pub(crate) const PUT: &str = "INSERT INTO documents \
     (id, tenant_id, knowledge_base_id, name, size, sha256, path, status, uploaded_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $8) \
     ON CONFLICT (tenant_id, knowledge_base_id, name) DO UPDATE SET size = excluded.size, sha256 = excluded.sha256, \
     path = excluded.path, status = 'pending', revision = documents.revision + 1, attempt = 0, pages = 0, chunks = 0, \
     indexed = 0, characters = 0, language = NULL, embedded = FALSE, cause = NULL, page_reports = '[]', \
     uploaded_at = excluded.uploaded_at, updated_at = excluded.updated_at RETURNING id";

pub(crate) const REQUEUE: &str = "UPDATE documents SET status = 'pending', revision = revision + 1, attempt = 0, \
     indexed = 0, cause = NULL, updated_at = $3 WHERE tenant_id = $1 AND id = $2";

pub(crate) const GET: &str = "SELECT id, knowledge_base_id, name, size, sha256, path, status, attempt, pages, chunks, \
     indexed, characters, language, embedded, cause, page_reports, uploaded_at, updated_at FROM documents \
     WHERE tenant_id = $1 AND id = $2";

pub(crate) const BY_NAME: &str = "SELECT id, knowledge_base_id, name, size, sha256, path, status, attempt, pages, \
     chunks, indexed, characters, language, embedded, cause, page_reports, uploaded_at, updated_at FROM documents \
     WHERE tenant_id = $1 AND knowledge_base_id = $2 AND name = $3";

pub(crate) const LIST: &str = "SELECT id, knowledge_base_id, name, size, sha256, path, status, attempt, pages, chunks, \
     indexed, characters, language, embedded, cause, page_reports, uploaded_at, updated_at FROM documents \
     WHERE tenant_id = $1 AND knowledge_base_id NOT IN \
     (SELECT id FROM knowledge_bases WHERE tenant_id = $1 AND draft_of IS NOT NULL) ORDER BY id LIMIT $2 OFFSET $3";
pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM documents WHERE tenant_id = $1 AND knowledge_base_id NOT IN \
     (SELECT id FROM knowledge_bases WHERE tenant_id = $1 AND draft_of IS NOT NULL)";

pub(crate) const LIST_OF_BASE: &str = "SELECT id, knowledge_base_id, name, size, sha256, path, status, attempt, pages, \
     chunks, indexed, characters, language, embedded, cause, page_reports, uploaded_at, updated_at FROM documents \
     WHERE tenant_id = $1 AND knowledge_base_id = $4 ORDER BY name LIMIT $2 OFFSET $3";
pub(crate) const COUNT_OF_BASE: &str = "SELECT COUNT(*) FROM documents WHERE tenant_id = $1 AND knowledge_base_id = $2";

pub(crate) const DELETE: &str = "DELETE FROM documents WHERE tenant_id = $1 AND id = $2";
