-- The same meaning as in SQLite's schema. What a tenant sets up: message templates, other systems that it is connected to, how
-- long it keeps things.

-- A reply that goes out as a template: its name and values as JSON.
ALTER TABLE outbox ADD COLUMN template text;

CREATE TABLE templates (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    -- Whose provider approves it; none for texts of our own.
    channel_id  uuid REFERENCES channels (id),
    name        text NOT NULL,
    language    text NOT NULL,
    category    text NOT NULL,
    -- JSON, in the form that the provider documents.
    components  text NOT NULL,
    status      text NOT NULL,
    reason      text,
    provider_id text,
    -- The provider's time of the last status that it told by itself.
    told_at     bigint NOT NULL DEFAULT 0,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL
);
CREATE INDEX templates_of_tenant ON templates (tenant_id, id);
CREATE UNIQUE INDEX templates_by_name ON templates (tenant_id, name, language, channel_id) WHERE channel_id IS NOT NULL;
CREATE UNIQUE INDEX templates_of_our_own ON templates (tenant_id, name, language) WHERE channel_id IS NULL;
CREATE INDEX templates_at_provider ON templates (tenant_id, provider_id) WHERE provider_id IS NOT NULL;

-- Other systems, one row for each kind.
CREATE TABLE integrations (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    kind       text NOT NULL,
    id         uuid NOT NULL,
    -- A JSON object of texts.
    settings   text NOT NULL,
    -- Encrypted with the installation's key, bound to `id`.
    secrets    bytea NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant_id, kind)
);

-- Requests that name themselves, so that they are carried out once.
CREATE TABLE idempotency_keys (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    -- Hashes: of the key with who used it, and of what was asked.
    key         bytea NOT NULL,
    fingerprint bytea NOT NULL,
    -- None while it is carried out.
    status      bigint,
    -- Encrypted with the installation's key: answers may hold secrets.
    answer      bytea,
    created_at  bigint NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

-- How many days a tenant keeps things; for ever where there is none.
CREATE TABLE retention (
    tenant_id     uuid PRIMARY KEY REFERENCES tenants (id),
    messages      bigint,
    conversations bigint,
    events        bigint,
    audit         bigint,
    updated_at    bigint NOT NULL
);
CREATE INDEX messages_by_time ON messages (tenant_id, created_at);
CREATE INDEX unanswered_of_conversation ON unanswered_questions (tenant_id, conversation_id);
CREATE INDEX proposal_answers_of_conversation ON proposal_answers (tenant_id, conversation_id);
CREATE INDEX dead_letters_of_conversation ON dead_letters (tenant_id, conversation_id);
CREATE INDEX audit_by_time ON audit (tenant_id, created_at);
CREATE INDEX events_of_tenant_by_time ON events (tenant_id, created_at);
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_id);

CREATE FUNCTION closings_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, created_at)
        VALUES (NEW.tenant_id, 'conversation.closed', NEW.id, NEW.closed_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER closings_tell AFTER UPDATE OF closed_at ON conversations FOR EACH ROW
    WHEN (NEW.closed_at IS NOT NULL AND OLD.closed_at IS NULL) EXECUTE FUNCTION closings_tell();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['templates', 'integrations', 'idempotency_keys', 'retention'] LOOP
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
