-- The same meaning as in SQLite's schema: what happened, written by triggers, so that no transaction can change something
-- and leave its event out; and the endpoints that are told about it.

-- A UUIDv7: the time, then what is random.
CREATE FUNCTION uuid_of_now() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex(CAST(floor(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS bigint)), 12, '0')
        || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
$$;

CREATE TABLE events (
    id              uuid PRIMARY KEY DEFAULT uuid_of_now(),
    tenant_id       uuid NOT NULL,
    kind            text NOT NULL,
    conversation_id uuid,
    message_id      uuid,
    document_id     uuid,
    -- A status, or the code of a failure.
    detail          text,
    created_at      bigint NOT NULL
);
CREATE INDEX events_of_tenant ON events (tenant_id, id);
CREATE INDEX events_by_time ON events (created_at);

CREATE TABLE webhook_endpoints (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    url          text NOT NULL,
    -- Kinds of events as a JSON array; `["*"]` is all of them.
    events       text NOT NULL,
    -- Encrypted with the installation's key, bound to the endpoint's id.
    secrets      bytea NOT NULL,
    enabled      boolean NOT NULL,
    -- Failures in a row, and until when it is left alone because of them.
    failures     bigint NOT NULL DEFAULT 0,
    rests_until  bigint NOT NULL DEFAULT 0,
    -- Until then one node delivers to it.
    leased_until bigint NOT NULL DEFAULT 0,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL
);
CREATE INDEX webhook_endpoints_of_tenant ON webhook_endpoints (tenant_id, id);

-- One event for one endpoint.
CREATE TABLE webhook_deliveries (
    id          uuid PRIMARY KEY DEFAULT uuid_of_now(),
    tenant_id   uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id    uuid NOT NULL,
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'dead')),
    -- Failures since it was queued; somebody who tries again begins at none.
    failures    bigint NOT NULL DEFAULT 0,
    due_at      bigint NOT NULL,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL
);
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (endpoint_id, event_id);
CREATE INDEX webhook_deliveries_of_tenant ON webhook_deliveries (tenant_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at, id) WHERE state = 'queued';

-- Every attempt that was made.
CREATE TABLE webhook_attempts (
    delivery_id uuid NOT NULL,
    number      bigint NOT NULL,
    tenant_id   uuid NOT NULL,
    at          bigint NOT NULL,
    -- Milliseconds.
    took        bigint NOT NULL,
    -- What the other side answered, if it did.
    status      bigint,
    -- Why it failed.
    cause       text,
    PRIMARY KEY (delivery_id, number)
);

CREATE FUNCTION events_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_deliveries (tenant_id, endpoint_id, event_id, due_at, created_at, updated_at)
        SELECT NEW.tenant_id, e.id, NEW.id, NEW.created_at, NEW.created_at, NEW.created_at FROM webhook_endpoints e
        WHERE e.tenant_id = NEW.tenant_id AND e.enabled
        AND (strpos(e.events, '"' || NEW.kind || '"') > 0 OR strpos(e.events, '"*"') > 0);
    RETURN NULL;
END
$$;

CREATE FUNCTION conversations_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, created_at)
        VALUES (NEW.tenant_id, 'conversation.started', NEW.id, NEW.created_at);
    RETURN NULL;
END
$$;

CREATE FUNCTION modes_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, created_at)
        VALUES (
            NEW.tenant_id,
            CASE NEW.mode WHEN 'operator' THEN 'conversation.handed_over' ELSE 'conversation.returned' END,
            NEW.id,
            CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)
        );
    RETURN NULL;
END
$$;

-- What a client reads by itself is sent when it is written; the rest when its provider took it.
CREATE FUNCTION messages_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, message_id, created_at)
        SELECT NEW.tenant_id, CASE NEW.speaker WHEN 'person' THEN 'message.received' ELSE 'message.sent' END,
            NEW.conversation_id, NEW.id, NEW.created_at
        WHERE NEW.speaker = 'person' OR EXISTS (
            SELECT 1 FROM conversations c JOIN channels h ON h.id = c.channel_id
            WHERE c.id = NEW.conversation_id AND c.tenant_id = NEW.tenant_id AND h.pull
        );
    RETURN NULL;
END
$$;

CREATE FUNCTION outbox_tells() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, message_id, detail, created_at)
        VALUES (
            NEW.tenant_id,
            CASE NEW.status WHEN 'sent' THEN 'message.sent' ELSE 'message.status' END,
            NEW.conversation_id,
            NEW.message_id,
            NEW.status,
            COALESCE(NEW.status_at, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint))
        );
    RETURN NULL;
END
$$;

CREATE FUNCTION documents_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, document_id, created_at)
        VALUES (NEW.tenant_id, 'document.' || NEW.status, NEW.id, NEW.updated_at);
    RETURN NULL;
END
$$;

CREATE FUNCTION dead_letters_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, detail, created_at)
        VALUES (NEW.tenant_id, 'error.occurred', NEW.conversation_id, NEW.code, NEW.created_at);
    RETURN NULL;
END
$$;

-- One name on all tables that are filled by a transfer: it silences them meanwhile.
CREATE TRIGGER tells AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION events_tell();
CREATE TRIGGER tells AFTER INSERT ON conversations FOR EACH ROW EXECUTE FUNCTION conversations_tell();
CREATE TRIGGER modes_tell AFTER UPDATE OF mode ON conversations FOR EACH ROW
    WHEN (NEW.mode IS DISTINCT FROM OLD.mode) EXECUTE FUNCTION modes_tell();
CREATE TRIGGER tells AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION messages_tell();
CREATE TRIGGER outbox_tells AFTER UPDATE OF status ON outbox FOR EACH ROW
    WHEN (NEW.status IS DISTINCT FROM OLD.status) EXECUTE FUNCTION outbox_tells();
CREATE TRIGGER documents_tell AFTER UPDATE OF status ON documents FOR EACH ROW
    WHEN (NEW.status IS DISTINCT FROM OLD.status AND NEW.status IN ('ready', 'failed'))
    EXECUTE FUNCTION documents_tell();
CREATE TRIGGER tells AFTER INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION dead_letters_tell();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['events', 'webhook_endpoints', 'webhook_deliveries', 'webhook_attempts'] LOOP
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
