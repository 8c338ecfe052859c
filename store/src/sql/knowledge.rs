//! What replies rest on, and what could not be answered.

use crate::db::{Rows, Sql};

/// Names the content that is now indexed: the number that the same content had before, or the next one.
pub(crate) const ADD_VERSION: &str = "INSERT INTO document_versions \
     (document_id, generation, tenant_id, knowledge_base_id, number, sha256, name, ready_at) \
     SELECT d.id, $3, d.tenant_id, d.knowledge_base_id, COALESCE( \
     (SELECT MIN(v.number) FROM document_versions v \
     WHERE v.document_id = d.id AND v.tenant_id = d.tenant_id AND v.sha256 = d.sha256), \
     (SELECT COALESCE(MAX(v.number), 0) + 1 FROM document_versions v \
     WHERE v.document_id = d.id AND v.tenant_id = d.tenant_id)), d.sha256, d.name, $4 \
     FROM documents d WHERE d.tenant_id = $1 AND d.id = $2 ON CONFLICT (document_id, generation) DO NOTHING";

/// One line for each content, the newest first; `answers` counts the replies that cite it.
pub(crate) const VERSIONS: &str = "SELECT v.number, v.sha256, v.name, MIN(v.ready_at) AS ready_at, \
     COUNT(DISTINCT c.message_id) AS answers FROM document_versions v \
     LEFT JOIN citations c ON c.tenant_id = v.tenant_id AND c.document_id = v.document_id \
     AND c.generation = v.generation \
     WHERE v.tenant_id = $1 AND v.document_id = $2 GROUP BY v.number, v.sha256, v.name ORDER BY v.number DESC";

pub(crate) const ADD_CITATION: Rows = Rows::new(
    "INSERT INTO citations (message_id, number, tenant_id, document_id, generation, conversation_id, page, \
             char_offset, quote, created_at) ",
    10,
    "",
);

/// The newest first; of all versions if the number is 0.
pub(crate) const ANSWERS: &str = "SELECT c.message_id, c.number, c.conversation_id, c.page, c.char_offset, c.quote, \
     c.created_at, v.number AS version, m.turn, m.text FROM citations c \
     LEFT JOIN document_versions v ON v.document_id = c.document_id AND v.tenant_id = c.tenant_id \
     AND v.generation = c.generation \
     LEFT JOIN messages m ON m.id = c.message_id AND m.tenant_id = c.tenant_id \
     WHERE c.tenant_id = $1 AND c.document_id = $2 AND ($3 = 0 OR v.number = $3) \
     ORDER BY c.created_at DESC, c.message_id DESC, c.number LIMIT $4 OFFSET $5";
pub(crate) const COUNT_ANSWERS: &str = "SELECT COUNT(*) FROM citations c \
     LEFT JOIN document_versions v ON v.document_id = c.document_id AND v.tenant_id = c.tenant_id \
     AND v.generation = c.generation \
     WHERE c.tenant_id = $1 AND c.document_id = $2 AND ($3 = 0 OR v.number = $3)";

pub(crate) const ADD_UNANSWERED: Rows = Rows::new(
    "INSERT INTO unanswered_questions (id, tenant_id, knowledge_base_id, conversation_id, turn, text, language, \
             asked_at) ",
    8,
    "",
);

/// Whoever sorts a base's questions does it alone. SQLite has one writer anyway.
pub(crate) const LOCK_BASE: Sql =
    both!("SELECT 1 FROM knowledge_bases WHERE tenant_id = $1 AND id = $2", { "" | " FOR NO KEY UPDATE" });

pub(crate) const UNSORTED: &str = "SELECT id, text, language, asked_at FROM unanswered_questions \
     WHERE tenant_id = $1 AND knowledge_base_id = $2 AND topic_id IS NULL ORDER BY id LIMIT $3";

/// In the order in which they were made.
pub(crate) const TOPIC_WORDS: &str = "SELECT id, words, questions FROM unanswered_topics \
     WHERE tenant_id = $1 AND knowledge_base_id = $2 ORDER BY first_at, id";

pub(crate) const ADD_TOPIC: &str = "INSERT INTO unanswered_topics (id, tenant_id, knowledge_base_id, state, title, \
     language, words, questions, first_at, last_at) VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, $9)";

/// What was marked as answered and is asked again was not answered.
pub(crate) const GROW_TOPIC: &str = "UPDATE unanswered_topics SET words = $3, questions = $4, last_at = $5, \
     state = CASE state WHEN 'answered' THEN 'open' ELSE state END WHERE tenant_id = $1 AND id = $2";

pub(crate) const SORT: &str = "UPDATE unanswered_questions SET topic_id = $3 WHERE tenant_id = $1 AND id = $2";

/// What is asked most comes first.
pub(crate) const TOPICS: &str = "SELECT id, state, title, language, questions, first_at, last_at FROM unanswered_topics \
     WHERE tenant_id = $1 AND knowledge_base_id = $2 AND state = $3 ORDER BY questions DESC, last_at DESC, id \
     LIMIT $4 OFFSET $5";
pub(crate) const COUNT_TOPICS: &str =
    "SELECT COUNT(*) FROM unanswered_topics WHERE tenant_id = $1 AND knowledge_base_id = $2 AND state = $3";
pub(crate) const TOPIC: &str = "SELECT id, state, title, language, questions, first_at, last_at FROM unanswered_topics \
     WHERE tenant_id = $1 AND knowledge_base_id = $2 AND id = $3";

/// The newest first.
pub(crate) const QUESTIONS: &str = "SELECT id, conversation_id, turn, text, language, asked_at \
     FROM unanswered_questions WHERE topic_id = $2 AND tenant_id = $1 ORDER BY id DESC LIMIT $3";

pub(crate) const MARK_TOPIC: &str =
    "UPDATE unanswered_topics SET state = $4 WHERE tenant_id = $1 AND knowledge_base_id = $2 AND id = $3";

pub(crate) const FORGET_TOPICS: &str = "DELETE FROM unanswered_topics WHERE tenant_id = $1 AND knowledge_base_id = $2";
pub(crate) const FORGET_QUESTIONS: &str =
    "DELETE FROM unanswered_questions WHERE tenant_id = $1 AND knowledge_base_id = $2";
