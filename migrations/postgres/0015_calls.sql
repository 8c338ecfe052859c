-- The same meaning as in SQLite's schema: telephone calls, each step of their lives, and the events that tell of them.

CREATE TABLE calls (
    id               uuid PRIMARY KEY,
    tenant_id        uuid NOT NULL REFERENCES tenants (id),
    channel_id       uuid NOT NULL REFERENCES channels (id),
    -- `twilio` or `vapi`, and its own id of the call.
    provider         text NOT NULL,
    external_call_id text NOT NULL,
    direction        text NOT NULL,
    from_number      text,
    to_number        text,
    status           text NOT NULL,
    -- The agent answered something.
    ai_handled       boolean NOT NULL,
    -- BOOKED, ANSWERED, TRANSFERRED, CALLBACK, ABANDONED, MISSED or FAILED.
    outcome_type     text,
    transcript       text NOT NULL,
    summary          text,
    -- What the provider's analysis made of it, as JSON.
    structured_data  text,
    duration_seconds bigint,
    provider_cost_cents bigint,
    billed_minutes   bigint,
    conversation_id  uuid,
    started_at       bigint NOT NULL,
    ended_at         bigint,
    updated_at       bigint NOT NULL
);
CREATE UNIQUE INDEX calls_once ON calls (tenant_id, provider, external_call_id);
CREATE INDEX calls_of_tenant ON calls (tenant_id, started_at, id);
-- Who erases a person erases their calls.
CREATE INDEX calls_of_conversation ON calls (tenant_id, conversation_id);

-- What happened in a call. A step of the same key happens once, however often it is delivered.
CREATE TABLE call_steps (
    id        uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    call_id   uuid NOT NULL REFERENCES calls (id),
    key       text NOT NULL,
    kind      text NOT NULL,
    detail    text NOT NULL,
    at        bigint NOT NULL
);
CREATE UNIQUE INDEX call_steps_once ON call_steps (call_id, key);
CREATE INDEX call_steps_of_call ON call_steps (tenant_id, call_id, id);

ALTER TABLE events ADD COLUMN call_id uuid;

CREATE FUNCTION calls_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, call_id, created_at)
        VALUES (NEW.tenant_id, 'call.started', NEW.id, NEW.started_at);
    RETURN NULL;
END
$$;

CREATE FUNCTION calls_tell_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, call_id, created_at)
        VALUES (NEW.tenant_id, 'call.ended', NEW.conversation_id, NEW.id, NEW.ended_at);
    RETURN NULL;
END
$$;

-- `tells`: the name by which a transfer silences what it fills.
CREATE TRIGGER tells AFTER INSERT ON calls FOR EACH ROW EXECUTE FUNCTION calls_tell();
CREATE TRIGGER calls_tell_ends AFTER UPDATE OF ended_at ON calls FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION calls_tell_ends();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['calls', 'call_steps'] LOOP
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
