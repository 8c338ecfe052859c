-- The first words of an answer that stand as a message of their own while the rest is being written: the reply takes their place.
CREATE TABLE beginnings (
    conversation_id     uuid PRIMARY KEY REFERENCES conversations (id),
    tenant_id           uuid NOT NULL,
    -- That is being answered.
    turn                bigint NOT NULL,
    -- None until the provider has said it.
    provider_message_id text,
    -- Since when a request about the message is on its way, or was when its process ended.
    busy_at             bigint
);

ALTER TABLE beginnings ENABLE ROW LEVEL SECURITY;
ALTER TABLE beginnings FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON beginnings USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
