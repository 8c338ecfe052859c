-- Messages that somebody planned: at a time, or to many people; and what people agreed to.

-- What a person agreed to be written to for. A record is withdrawn, never changed.
CREATE TABLE consents (
    id               uuid PRIMARY KEY,
    tenant_id        uuid NOT NULL REFERENCES tenants (id),
    contact_id       uuid NOT NULL,
    -- On any kind of channel, if it is absent.
    channel_kind     text,
    purpose          text NOT NULL CHECK (purpose IN ('marketing', 'service')),
    -- Where it was given: a form, a call, a sheet of paper.
    source           text NOT NULL,
    given_at         bigint NOT NULL,
    recorded_at      bigint NOT NULL,
    withdrawn_at     bigint,
    withdrawn_source text
);
CREATE INDEX consents_of_contact ON consents (tenant_id, contact_id, id);
CREATE INDEX consents_active ON consents (tenant_id, purpose, contact_id) WHERE withdrawn_at IS NULL;

-- Whoever does not want to be written to has withdrawn everything, and does not give it back by writing again.
CREATE FUNCTION contacts_withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE consents SET withdrawn_at = COALESCE(NEW.consent_at, given_at), withdrawn_source = 'opt_out'
        WHERE tenant_id = NEW.tenant_id AND contact_id = NEW.id AND withdrawn_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER contacts_withdraw AFTER UPDATE OF consent ON contacts FOR EACH ROW
    WHEN (NEW.consent = 'withdrawn' AND OLD.consent <> 'withdrawn') EXECUTE FUNCTION contacts_withdraw();

-- What messages of an account cost, as its tenant wrote it down: JSON, by what is charged for, in millionths of the unit.
CREATE TABLE channel_prices (
    channel_id uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    currency   text NOT NULL,
    micros     text NOT NULL,
    updated_at bigint NOT NULL
);
CREATE INDEX channel_prices_of_tenant ON channel_prices (tenant_id, channel_id);

CREATE TABLE broadcasts (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL REFERENCES tenants (id),
    channel_id     uuid NOT NULL,
    name           text NOT NULL,
    -- The template and what fills it, and who gets it: JSON.
    words          text NOT NULL,
    audience       text NOT NULL,
    per_minute     bigint NOT NULL,
    state          text NOT NULL CHECK (state IN ('draft', 'scheduled', 'running', 'paused', 'done', 'cancelled')),
    -- When it begins, and when it is looked after next.
    start_at       bigint NOT NULL,
    next_at        bigint NOT NULL,
    -- People are gathered before anybody is written to: how far that came, and when it was done.
    gathered_to    uuid,
    gathered_at    bigint,
    -- Why it waits.
    reason         text,
    created_at     bigint NOT NULL,
    updated_at     bigint NOT NULL,
    started_at     bigint,
    ended_at       bigint
);
CREATE INDEX broadcasts_of_tenant ON broadcasts (tenant_id, id);
CREATE INDEX broadcasts_due ON broadcasts (next_at) WHERE state IN ('scheduled', 'running');

-- One message to one person: of a broadcast, or by itself.
CREATE TABLE planned_messages (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES tenants (id),
    contact_id      uuid NOT NULL,
    broadcast_id    uuid,
    -- The way that is tried first, if there is one.
    channel_id      uuid,
    -- What is said, as JSON; the broadcast's own words if it is absent.
    words           text,
    due_at          bigint NOT NULL,
    state           text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sent', 'failed', 'skipped', 'cancelled')),
    -- Why it failed or was skipped.
    reason          text,
    -- What it became: written once, in the transaction that put it into the outbox.
    conversation_id uuid,
    message_id      uuid,
    outbox_id       uuid,
    created_at      bigint NOT NULL,
    settled_at      bigint
);
CREATE UNIQUE INDEX planned_once ON planned_messages (broadcast_id, contact_id) WHERE broadcast_id IS NOT NULL;
CREATE INDEX planned_of_tenant ON planned_messages (tenant_id, id) WHERE broadcast_id IS NULL;
CREATE INDEX planned_of_contact ON planned_messages (tenant_id, contact_id);
CREATE INDEX planned_of_broadcast ON planned_messages (broadcast_id, id) WHERE broadcast_id IS NOT NULL;
-- What is still to be done.
CREATE INDEX planned_due ON planned_messages (due_at) WHERE state = 'waiting' AND broadcast_id IS NULL;
CREATE INDEX planned_waiting ON planned_messages (broadcast_id, id) WHERE state = 'waiting' AND broadcast_id IS NOT NULL;

ALTER TABLE events ADD COLUMN planned_id uuid;
ALTER TABLE events ADD COLUMN broadcast_id uuid;

CREATE FUNCTION planned_tell_failures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, planned_id, detail, created_at)
        VALUES (NEW.tenant_id, 'scheduled_message.failed', NEW.id, NEW.reason, NEW.settled_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER planned_tell_failures AFTER UPDATE OF state ON planned_messages FOR EACH ROW
    WHEN (NEW.state = 'failed' AND OLD.state <> 'failed' AND NEW.broadcast_id IS NULL)
    EXECUTE FUNCTION planned_tell_failures();

CREATE FUNCTION broadcasts_tell_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, broadcast_id, detail, created_at)
        VALUES (NEW.tenant_id, 'broadcast.ended', NEW.id, NEW.state, NEW.ended_at);
    RETURN NULL;
END
$$;
CREATE TRIGGER broadcasts_tell_ends AFTER UPDATE OF state ON broadcasts FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND NEW.state IN ('done', 'cancelled')) EXECUTE FUNCTION broadcasts_tell_ends();

ALTER TABLE consents ENABLE ROW LEVEL SECURITY;
ALTER TABLE consents FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON consents USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));

ALTER TABLE channel_prices ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_prices FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON channel_prices USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));

ALTER TABLE broadcasts ENABLE ROW LEVEL SECURITY;
ALTER TABLE broadcasts FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON broadcasts USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));

ALTER TABLE planned_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE planned_messages FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON planned_messages USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
