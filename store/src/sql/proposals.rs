//! Documents that are proposed for a base, and what would be answered with them.

/// The draft: a base that is in no list.
pub(crate) const ADD_DRAFT: &str = "INSERT INTO knowledge_bases (id, tenant_id, name, created_at, draft_of) \
     SELECT $2, b.tenant_id, $3, $4, b.id FROM knowledge_bases b WHERE b.tenant_id = $1 AND b.id = $5 \
     AND b.draft_of IS NULL";

pub(crate) const ADD: &str = "INSERT INTO proposals (id, tenant_id, knowledge_base_id, state, questions, created_at, \
     updated_at) VALUES ($2, $1, $5, 'building', $3, $4, $4)";

pub(crate) const GET: &str = "SELECT id, knowledge_base_id, state, questions, created_at, updated_at FROM proposals \
     WHERE tenant_id = $1 AND id = $2";

/// The newest first.
pub(crate) const LIST: &str = "SELECT id, knowledge_base_id, state, questions, created_at, updated_at FROM proposals \
     WHERE tenant_id = $1 AND knowledge_base_id = $4 ORDER BY id DESC LIMIT $2 OFFSET $3";
pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM proposals WHERE tenant_id = $1 AND knowledge_base_id = $2";

/// Only forward, and never after its end.
pub(crate) const MOVE: &str = "UPDATE proposals SET state = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2 \
     AND state NOT IN ('promoted', 'dropped')";

/// A repeated step writes the same place.
pub(crate) const ADD_ANSWER: &str = "INSERT INTO proposal_answers (proposal_id, place, tenant_id, conversation_id, turn, \
     question, before, after, change, asked_at) VALUES ($2, $3, $1, $4, $5, $6, $7, $8, $9, $10) \
     ON CONFLICT (proposal_id, place) DO NOTHING";

pub(crate) const ANSWERS: &str = "SELECT place, conversation_id, turn, question, before, after, change \
     FROM proposal_answers WHERE proposal_id = $2 AND tenant_id = $1 AND ($3 = 0 OR change <> 'same') \
     ORDER BY place LIMIT $4 OFFSET $5";
pub(crate) const COUNT_ANSWERS: &str = "SELECT COUNT(*) FROM proposal_answers \
     WHERE proposal_id = $2 AND tenant_id = $1 AND ($3 = 0 OR change <> 'same')";

/// The newest replies of agents that answered a turn, with who answered.
pub(crate) const TURNS: &str = "SELECT m.conversation_id, m.turn, m.position, ch.agent_id FROM messages m \
     JOIN conversations c ON c.id = m.conversation_id AND c.tenant_id = m.tenant_id \
     JOIN channels ch ON ch.id = c.channel_id \
     WHERE m.tenant_id = $1 AND m.speaker = 'agent' AND m.turn IS NOT NULL AND m.position < $2 \
     ORDER BY m.position DESC LIMIT $3";

/// What was said before a reply, the last line first.
pub(crate) const BEFORE: &str = "SELECT speaker, text FROM messages \
     WHERE tenant_id = $1 AND conversation_id = $2 AND position < $3 ORDER BY position DESC LIMIT $4";

/// The proposed content, if it could be read, under its name in the real base, new or in the place of what has that name.
pub(crate) const PROMOTE: &str = "INSERT INTO documents \
     (id, tenant_id, knowledge_base_id, name, size, sha256, path, status, uploaded_at, updated_at) \
     SELECT $4, d.tenant_id, $3, d.name, d.size, d.sha256, d.path, 'pending', $5, $5 FROM documents d \
     WHERE d.tenant_id = $1 AND d.id = $2 AND d.status = 'ready' \
     ON CONFLICT (tenant_id, knowledge_base_id, name) DO UPDATE SET size = excluded.size, sha256 = excluded.sha256, \
     path = excluded.path, status = 'pending', revision = documents.revision + 1, attempt = 0, pages = 0, chunks = 0, \
     indexed = 0, characters = 0, language = NULL, embedded = FALSE, cause = NULL, page_reports = '[]', \
     uploaded_at = excluded.uploaded_at, updated_at = excluded.updated_at";

pub(crate) const DOCUMENTS: &str = "SELECT d.id, d.name, d.path, d.status = 'ready' AS ready, \
     (SELECT r.path FROM documents r WHERE r.tenant_id = d.tenant_id AND r.knowledge_base_id = $3 AND r.name = d.name) \
     AS replaces FROM documents d WHERE d.tenant_id = $1 AND d.knowledge_base_id = $2 ORDER BY d.name";
