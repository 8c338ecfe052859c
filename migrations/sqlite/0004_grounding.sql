-- What replies rest on, and what could not be answered.

-- What came out when a reply was held against its passages; none where nothing did.
ALTER TABLE messages ADD COLUMN checks TEXT;

-- The contents that a document has had. A generation is one content, read and indexed in one way; equal contents have the
-- same number.
CREATE TABLE document_versions (
    document_id       BLOB NOT NULL,
    generation        TEXT NOT NULL,
    tenant_id         BLOB NOT NULL,
    knowledge_base_id BLOB NOT NULL,
    number            INTEGER NOT NULL,
    sha256            BLOB NOT NULL,
    name              TEXT NOT NULL,
    ready_at          INTEGER NOT NULL,
    PRIMARY KEY (document_id, generation)
) WITHOUT ROWID;

-- The citations of replies, to be found by their document. They outlive it: who was told something stays known.
CREATE TABLE citations (
    message_id      BLOB NOT NULL,
    number          INTEGER NOT NULL,
    tenant_id       BLOB NOT NULL,
    document_id     BLOB NOT NULL,
    -- Empty where it is not known.
    generation      TEXT NOT NULL,
    conversation_id BLOB NOT NULL,
    page            INTEGER,
    char_offset     INTEGER NOT NULL,
    quote           TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (message_id, number)
) WITHOUT ROWID;
CREATE INDEX citations_of_document ON citations (tenant_id, document_id, created_at, message_id);

INSERT INTO citations (message_id, number, tenant_id, document_id, generation, conversation_id, page, char_offset, quote, created_at)
    SELECT m.id, json_extract(c.value, '$.number'), m.tenant_id, unhex(replace(json_extract(c.value, '$.document'), '-', '')), '',
        m.conversation_id, json_extract(c.value, '$.page'), json_extract(c.value, '$.offset'), json_extract(c.value, '$.quote'),
        m.created_at
    FROM messages m, json_each(m.citations) c WHERE m.citations IS NOT NULL;

-- Questions about the same.
CREATE TABLE unanswered_topics (
    id                BLOB PRIMARY KEY,
    tenant_id         BLOB NOT NULL,
    knowledge_base_id BLOB NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('open', 'answered', 'dismissed')),
    -- The first of its questions.
    title             TEXT NOT NULL,
    language          TEXT,
    -- How many questions have each word, as JSON: what new questions are compared with.
    words             TEXT NOT NULL,
    questions         INTEGER NOT NULL,
    first_at          INTEGER NOT NULL,
    last_at           INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX unanswered_topics_of_base ON unanswered_topics (tenant_id, knowledge_base_id, state, questions);

-- Questions that agents could not answer. Written with the reply; put into a topic later.
CREATE TABLE unanswered_questions (
    id                BLOB PRIMARY KEY,
    tenant_id         BLOB NOT NULL,
    knowledge_base_id BLOB NOT NULL,
    conversation_id   BLOB NOT NULL,
    turn              INTEGER NOT NULL,
    text              TEXT NOT NULL,
    language          TEXT,
    topic_id          BLOB,
    asked_at          INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX unanswered_unsorted ON unanswered_questions (tenant_id, knowledge_base_id, id) WHERE topic_id IS NULL;
CREATE INDEX unanswered_of_topic ON unanswered_questions (topic_id, id) WHERE topic_id IS NOT NULL;
