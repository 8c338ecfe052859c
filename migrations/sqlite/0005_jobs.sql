-- Work that takes longer than a request, and goes on after a restart.
CREATE TABLE jobs (
    id           BLOB PRIMARY KEY,
    tenant_id    BLOB NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('sitemap', 'train', 'proposal')),
    state        TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    -- What there is to do and how far it came, as JSON.
    detail       TEXT NOT NULL,
    -- Until then one node works at it.
    leased_until INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_running ON jobs (leased_until, id) WHERE state = 'running';
CREATE INDEX jobs_of_tenant ON jobs (tenant_id, id);

-- A draft is the part of a base that only its proposal sees.
ALTER TABLE knowledge_bases ADD COLUMN draft_of BLOB;

-- Documents that are proposed for a base: what would be answered with them is shown before anybody is told.
CREATE TABLE proposals (
    -- Also of the draft, a knowledge base.
    id                BLOB PRIMARY KEY,
    tenant_id         BLOB NOT NULL,
    knowledge_base_id BLOB NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('building', 'reviewing', 'ready', 'promoted', 'dropped')),
    -- How many real questions are asked again.
    questions         INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX proposals_of_base ON proposals (tenant_id, knowledge_base_id, id);

-- A real question, answered without the proposal and with it.
CREATE TABLE proposal_answers (
    proposal_id     BLOB NOT NULL,
    place           INTEGER NOT NULL,
    tenant_id       BLOB NOT NULL,
    conversation_id BLOB NOT NULL,
    turn            INTEGER NOT NULL,
    question        TEXT NOT NULL,
    -- Replies, as JSON.
    before          TEXT NOT NULL,
    after           TEXT NOT NULL,
    change          TEXT NOT NULL CHECK (change IN ('same', 'sources', 'text', 'answered', 'unanswered')),
    asked_at        INTEGER NOT NULL,
    PRIMARY KEY (proposal_id, place)
) WITHOUT ROWID;
