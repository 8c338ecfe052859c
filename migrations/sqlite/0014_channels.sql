-- What is more than words, both ways.

-- What a line is beside its words (a file, choices, a card) as JSON; its words say the same.
ALTER TABLE messages ADD COLUMN rich TEXT;
ALTER TABLE outbox ADD COLUMN rich TEXT;
-- A person of the team wrote it: some channels let them answer for longer.
ALTER TABLE outbox ADD COLUMN by_person INTEGER NOT NULL DEFAULT 0;

-- A file that a person sent, one for a line of the transcript; brought from the provider after the message was taken in.
CREATE TABLE attachments (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    channel_id      BLOB NOT NULL,
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    message_id      BLOB NOT NULL,
    media           TEXT NOT NULL,
    -- What the provider calls it.
    reference       TEXT NOT NULL,
    mime            TEXT,
    name            TEXT,
    state           TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'kept', 'refused')),
    -- When it is tried next; while somebody brings it, when they are given up.
    due_at          INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    -- Of what was kept.
    size            INTEGER,
    sha256          TEXT,
    -- Code of the failure, if it was refused.
    cause           TEXT,
    created_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX attachments_waiting ON attachments (due_at, id) WHERE state = 'waiting';
CREATE UNIQUE INDEX attachments_of_message ON attachments (message_id);
CREATE INDEX attachments_of_conversation ON attachments (tenant_id, conversation_id);
