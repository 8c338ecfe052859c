-- Telephone calls, each step of their lives, and the events that tell of them.

CREATE TABLE calls (
    id               BLOB PRIMARY KEY,
    tenant_id        BLOB NOT NULL REFERENCES tenants (id),
    channel_id       BLOB NOT NULL REFERENCES channels (id),
    -- `twilio` or `vapi`, and its own id of the call.
    provider         TEXT NOT NULL,
    external_call_id TEXT NOT NULL,
    direction        TEXT NOT NULL,
    from_number      TEXT,
    to_number        TEXT,
    status           TEXT NOT NULL,
    -- The agent answered something.
    ai_handled       INTEGER NOT NULL,
    -- BOOKED, ANSWERED, TRANSFERRED, CALLBACK, ABANDONED, MISSED or FAILED.
    outcome_type     TEXT,
    transcript       TEXT NOT NULL,
    summary          TEXT,
    -- What the provider's analysis made of it, as JSON.
    structured_data  TEXT,
    duration_seconds INTEGER,
    provider_cost_cents INTEGER,
    billed_minutes   INTEGER,
    conversation_id  BLOB,
    started_at       INTEGER NOT NULL,
    ended_at         INTEGER,
    updated_at       INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX calls_once ON calls (tenant_id, provider, external_call_id);
CREATE INDEX calls_of_tenant ON calls (tenant_id, started_at, id);
-- Who erases a person erases their calls.
CREATE INDEX calls_of_conversation ON calls (tenant_id, conversation_id);

-- What happened in a call. A step of the same key happens once, however often it is delivered.
CREATE TABLE call_steps (
    id        BLOB PRIMARY KEY,
    tenant_id BLOB NOT NULL,
    call_id   BLOB NOT NULL REFERENCES calls (id),
    key       TEXT NOT NULL,
    kind      TEXT NOT NULL,
    detail    TEXT NOT NULL,
    at        INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX call_steps_once ON call_steps (call_id, key);
CREATE INDEX call_steps_of_call ON call_steps (tenant_id, call_id, id);

ALTER TABLE events ADD COLUMN call_id BLOB;

CREATE TRIGGER calls_tell AFTER INSERT ON calls BEGIN
    INSERT INTO events (tenant_id, kind, call_id, created_at)
        VALUES (NEW.tenant_id, 'call.started', NEW.id, NEW.started_at);
END;

CREATE TRIGGER calls_tell_ends AFTER UPDATE OF ended_at ON calls
WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, call_id, created_at)
        VALUES (NEW.tenant_id, 'call.ended', NEW.conversation_id, NEW.id, NEW.ended_at);
END;
