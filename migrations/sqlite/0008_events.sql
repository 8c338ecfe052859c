-- What happened, for whoever is told about it: written by triggers, so that no transaction can change something and
-- leave its event out. An event names rows and repeats nothing of them.

CREATE TABLE events (
    -- A UUIDv7.
    id              BLOB PRIMARY KEY DEFAULT (unhex(
        printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER)) || '7' || substr(hex(randomblob(2)), 2)
        || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(8)), 2)
    )),
    tenant_id       BLOB NOT NULL,
    kind            TEXT NOT NULL,
    conversation_id BLOB,
    message_id      BLOB,
    document_id     BLOB,
    -- A status, or the code of a failure.
    detail          TEXT,
    created_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_of_tenant ON events (tenant_id, id);
CREATE INDEX events_by_time ON events (created_at);

CREATE TABLE webhook_endpoints (
    id           BLOB PRIMARY KEY,
    tenant_id    BLOB NOT NULL REFERENCES tenants (id),
    url          TEXT NOT NULL,
    -- Kinds of events as a JSON array; `["*"]` is all of them.
    events       TEXT NOT NULL,
    -- Encrypted with the installation's key, bound to the endpoint's id.
    secrets      BLOB NOT NULL,
    enabled      INTEGER NOT NULL,
    -- Failures in a row, and until when it is left alone because of them.
    failures     INTEGER NOT NULL DEFAULT 0,
    rests_until  INTEGER NOT NULL DEFAULT 0,
    -- Until then one node delivers to it.
    leased_until INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX webhook_endpoints_of_tenant ON webhook_endpoints (tenant_id, id);

-- One event for one endpoint.
CREATE TABLE webhook_deliveries (
    id          BLOB PRIMARY KEY DEFAULT (unhex(
        printf('%012x', CAST(unixepoch('subsec') * 1000 AS INTEGER)) || '7' || substr(hex(randomblob(2)), 2)
        || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(8)), 2)
    )),
    tenant_id   BLOB NOT NULL,
    endpoint_id BLOB NOT NULL,
    event_id    BLOB NOT NULL,
    state       TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'dead')),
    -- Failures since it was queued; somebody who tries again begins at none.
    failures    INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (endpoint_id, event_id);
CREATE INDEX webhook_deliveries_of_tenant ON webhook_deliveries (tenant_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at, id) WHERE state = 'queued';

-- Every attempt that was made.
CREATE TABLE webhook_attempts (
    delivery_id BLOB NOT NULL,
    number      INTEGER NOT NULL,
    tenant_id   BLOB NOT NULL,
    at          INTEGER NOT NULL,
    -- Milliseconds.
    took        INTEGER NOT NULL,
    -- What the other side answered, if it did.
    status      INTEGER,
    -- Why it failed.
    cause       TEXT,
    PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;

CREATE TRIGGER events_tell AFTER INSERT ON events BEGIN
    INSERT INTO webhook_deliveries (tenant_id, endpoint_id, event_id, due_at, created_at, updated_at)
        SELECT NEW.tenant_id, e.id, NEW.id, NEW.created_at, NEW.created_at, NEW.created_at FROM webhook_endpoints e
        WHERE e.tenant_id = NEW.tenant_id AND e.enabled = 1
        AND (instr(e.events, '"' || NEW.kind || '"') > 0 OR instr(e.events, '"*"') > 0);
END;

CREATE TRIGGER conversations_tell AFTER INSERT ON conversations BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, created_at)
        VALUES (NEW.tenant_id, 'conversation.started', NEW.id, NEW.created_at);
END;

CREATE TRIGGER modes_tell AFTER UPDATE OF mode ON conversations WHEN NEW.mode <> OLD.mode BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, created_at)
        VALUES (
            NEW.tenant_id,
            CASE NEW.mode WHEN 'operator' THEN 'conversation.handed_over' ELSE 'conversation.returned' END,
            NEW.id,
            CAST(unixepoch('subsec') * 1000 AS INTEGER)
        );
END;

-- What a client reads by itself is sent when it is written; the rest when its provider took it.
CREATE TRIGGER messages_tell AFTER INSERT ON messages BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, message_id, created_at)
        SELECT NEW.tenant_id, CASE NEW.speaker WHEN 'person' THEN 'message.received' ELSE 'message.sent' END,
            NEW.conversation_id, NEW.id, NEW.created_at
        WHERE NEW.speaker = 'person' OR EXISTS (
            SELECT 1 FROM conversations c JOIN channels h ON h.id = c.channel_id
            WHERE c.id = NEW.conversation_id AND c.tenant_id = NEW.tenant_id AND h.pull = 1
        );
END;

CREATE TRIGGER outbox_tells AFTER UPDATE OF status ON outbox WHEN NEW.status <> OLD.status BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, message_id, detail, created_at)
        VALUES (
            NEW.tenant_id,
            CASE NEW.status WHEN 'sent' THEN 'message.sent' ELSE 'message.status' END,
            NEW.conversation_id,
            NEW.message_id,
            NEW.status,
            COALESCE(NEW.status_at, CAST(unixepoch('subsec') * 1000 AS INTEGER))
        );
END;

CREATE TRIGGER documents_tell AFTER UPDATE OF status ON documents
WHEN NEW.status <> OLD.status AND NEW.status IN ('ready', 'failed') BEGIN
    INSERT INTO events (tenant_id, kind, document_id, created_at)
        VALUES (NEW.tenant_id, 'document.' || NEW.status, NEW.id, NEW.updated_at);
END;

CREATE TRIGGER dead_letters_tell AFTER INSERT ON dead_letters BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, detail, created_at)
        VALUES (NEW.tenant_id, 'error.occurred', NEW.conversation_id, NEW.code, NEW.created_at);
END;
