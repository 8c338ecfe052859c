-- The same meaning as in SQLite's schema: what is more than words, both ways.

-- What a line is beside its words (a file, choices, a card) as JSON; its words say the same.
ALTER TABLE messages ADD COLUMN rich text;
ALTER TABLE outbox ADD COLUMN rich text;
-- A person of the team wrote it: some channels let them answer for longer.
ALTER TABLE outbox ADD COLUMN by_person boolean NOT NULL DEFAULT FALSE;

-- A file that a person sent, one for a line of the transcript; brought from the provider after the message was taken in.
CREATE TABLE attachments (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    channel_id      uuid NOT NULL,
    conversation_id uuid NOT NULL REFERENCES conversations (id),
    message_id      uuid NOT NULL,
    media           text NOT NULL,
    -- What the provider calls it.
    reference       text NOT NULL,
    mime            text,
    name            text,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'kept', 'refused')),
    -- When it is tried next; while somebody brings it, when they are given up.
    due_at          bigint NOT NULL,
    attempts        bigint NOT NULL DEFAULT 0,
    -- Of what was kept.
    size            bigint,
    sha256          text,
    -- Code of the failure, if it was refused.
    cause           text,
    created_at      bigint NOT NULL
);
CREATE INDEX attachments_waiting ON attachments (due_at, id) WHERE state = 'waiting';
CREATE UNIQUE INDEX attachments_of_message ON attachments (message_id);
CREATE INDEX attachments_of_conversation ON attachments (tenant_id, conversation_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['attachments'] LOOP
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
