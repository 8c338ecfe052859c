-- What a team needs to work through conversations, and what it knows of the people who write.

ALTER TABLE conversations ADD COLUMN assigned_to BLOB;
-- Closed at that time; whatever comes later opens it again by itself.
ALTER TABLE conversations ADD COLUMN closed_at INTEGER;
-- A JSON list of words in lower case.
ALTER TABLE conversations ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
CREATE INDEX conversations_of_contact ON conversations (tenant_id, contact_id);

-- Who of the team wrote it; none for the agent, for API keys, and for what was written on the provider's own app.
ALTER TABLE messages ADD COLUMN author_id BLOB;

-- How far somebody (a person of the team, or a key) has read.
CREATE TABLE conversation_reads (
    tenant_id       BLOB NOT NULL,
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    reader_id       BLOB NOT NULL,
    seq             INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, conversation_id, reader_id)
) WITHOUT ROWID;

-- What the team tells itself about a conversation; nobody outside sees it.
CREATE TABLE conversation_notes (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    author_id       BLOB,
    text            TEXT NOT NULL,
    created_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX conversation_notes_of ON conversation_notes (tenant_id, conversation_id, id);

-- In international form, with the plus sign.
ALTER TABLE contacts ADD COLUMN phone TEXT;
-- In lower case.
ALTER TABLE contacts ADD COLUMN email TEXT;
ALTER TABLE contacts ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
-- A JSON object of texts.
ALTER TABLE contacts ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE contacts ADD COLUMN consent TEXT NOT NULL DEFAULT 'unknown'
    CHECK (consent IN ('unknown', 'granted', 'withdrawn'));
ALTER TABLE contacts ADD COLUMN consent_at INTEGER;
-- None until somebody changed something.
ALTER TABLE contacts ADD COLUMN updated_at INTEGER;
CREATE UNIQUE INDEX contacts_by_phone ON contacts (tenant_id, phone) WHERE phone IS NOT NULL;
