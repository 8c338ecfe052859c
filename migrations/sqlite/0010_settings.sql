-- What a tenant sets up: message templates, other systems that it is connected to, how long it keeps things.

-- A reply that goes out as a template: its name and values as JSON.
ALTER TABLE outbox ADD COLUMN template TEXT;

CREATE TABLE templates (
    id          BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    -- Whose provider approves it; none for texts of our own.
    channel_id  BLOB REFERENCES channels (id),
    name        TEXT NOT NULL,
    language    TEXT NOT NULL,
    category    TEXT NOT NULL,
    -- JSON, in the form that the provider documents.
    components  TEXT NOT NULL,
    status      TEXT NOT NULL,
    reason      TEXT,
    provider_id TEXT,
    -- The provider's time of the last status that it told by itself.
    told_at     INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX templates_of_tenant ON templates (tenant_id, id);
CREATE UNIQUE INDEX templates_by_name ON templates (tenant_id, name, language, channel_id) WHERE channel_id IS NOT NULL;
CREATE UNIQUE INDEX templates_of_our_own ON templates (tenant_id, name, language) WHERE channel_id IS NULL;
CREATE INDEX templates_at_provider ON templates (tenant_id, provider_id) WHERE provider_id IS NOT NULL;

-- Other systems, one row for each kind.
CREATE TABLE integrations (
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    kind       TEXT NOT NULL,
    id         BLOB NOT NULL,
    -- A JSON object of texts.
    settings   TEXT NOT NULL,
    -- Encrypted with the installation's key, bound to `id`.
    secrets    BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind)
) WITHOUT ROWID;

-- Requests that name themselves, so that they are carried out once.
CREATE TABLE idempotency_keys (
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    -- Hashes: of the key with who used it, and of what was asked.
    key         BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    -- None while it is carried out.
    status      INTEGER,
    -- Encrypted with the installation's key: answers may hold secrets.
    answer      BLOB,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

-- How many days a tenant keeps things; for ever where there is none.
CREATE TABLE retention (
    tenant_id     BLOB PRIMARY KEY REFERENCES tenants (id),
    messages      INTEGER,
    conversations INTEGER,
    events        INTEGER,
    audit         INTEGER,
    updated_at    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX messages_by_time ON messages (tenant_id, created_at);
CREATE INDEX unanswered_of_conversation ON unanswered_questions (tenant_id, conversation_id);
CREATE INDEX proposal_answers_of_conversation ON proposal_answers (tenant_id, conversation_id);
CREATE INDEX dead_letters_of_conversation ON dead_letters (tenant_id, conversation_id);
CREATE INDEX audit_by_time ON audit (tenant_id, created_at);
CREATE INDEX events_of_tenant_by_time ON events (tenant_id, created_at);
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_id);

CREATE TRIGGER closings_tell AFTER UPDATE OF closed_at ON conversations
WHEN NEW.closed_at IS NOT NULL AND OLD.closed_at IS NULL BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, created_at)
        VALUES (NEW.tenant_id, 'conversation.closed', NEW.id, NEW.closed_at);
END;
