-- The same meaning as in SQLite's schema. What a team needs to work through conversations, and what it knows of the people who write.

ALTER TABLE conversations ADD COLUMN assigned_to uuid;
-- Closed at that time; whatever comes later opens it again by itself.
ALTER TABLE conversations ADD COLUMN closed_at bigint;
-- A JSON list of words in lower case.
ALTER TABLE conversations ADD COLUMN tags text NOT NULL DEFAULT '[]';
CREATE INDEX conversations_of_contact ON conversations (tenant_id, contact_id);

-- Who of the team wrote it; none for the agent, for API keys, and for what was written on the provider's own app.
ALTER TABLE messages ADD COLUMN author_id uuid;

-- How far somebody (a person of the team, or a key) has read.
CREATE TABLE conversation_reads (
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL REFERENCES conversations (id),
    reader_id       uuid NOT NULL,
    seq             bigint NOT NULL,
    PRIMARY KEY (tenant_id, conversation_id, reader_id)
);

-- What the team tells itself about a conversation; nobody outside sees it.
CREATE TABLE conversation_notes (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL REFERENCES conversations (id),
    author_id       uuid,
    text            text NOT NULL,
    created_at      bigint NOT NULL
);
CREATE INDEX conversation_notes_of ON conversation_notes (tenant_id, conversation_id, id);

-- In international form, with the plus sign.
ALTER TABLE contacts ADD COLUMN phone text;
-- In lower case.
ALTER TABLE contacts ADD COLUMN email text;
ALTER TABLE contacts ADD COLUMN tags text NOT NULL DEFAULT '[]';
-- A JSON object of texts.
ALTER TABLE contacts ADD COLUMN attributes text NOT NULL DEFAULT '{}';
ALTER TABLE contacts ADD COLUMN consent text NOT NULL DEFAULT 'unknown'
    CHECK (consent IN ('unknown', 'granted', 'withdrawn'));
ALTER TABLE contacts ADD COLUMN consent_at bigint;
-- None until somebody changed something.
ALTER TABLE contacts ADD COLUMN updated_at bigint;
CREATE UNIQUE INDEX contacts_by_phone ON contacts (tenant_id, phone) WHERE phone IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['conversation_reads', 'conversation_notes'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY wall ON %I USING ((SELECT current_setting(''colloquy.tenant'', true)) = ''*'' '
            'OR tenant_id::text = (SELECT current_setting(''colloquy.tenant'', true)))',
            name
        );
    END LOOP;
END
$$;
