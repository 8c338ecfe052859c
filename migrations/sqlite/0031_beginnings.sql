-- The first words of an answer that stand as a message of their own while the rest is being written: the reply takes their place.
CREATE TABLE beginnings (
    conversation_id     BLOB PRIMARY KEY REFERENCES conversations (id),
    tenant_id           BLOB NOT NULL,
    -- That is being answered.
    turn                INTEGER NOT NULL,
    -- None until the provider has said it.
    provider_message_id TEXT,
    -- Since when a request about the message is on its way, or was when its process ended.
    busy_at             INTEGER
) WITHOUT ROWID;
