-- Messages that somebody planned: at a time, or to many people; and what people agreed to.

-- What a person agreed to be written to for. A record is withdrawn, never changed.
CREATE TABLE consents (
    id               BLOB PRIMARY KEY,
    tenant_id        BLOB NOT NULL REFERENCES tenants (id),
    contact_id       BLOB NOT NULL,
    -- On any kind of channel, if it is absent.
    channel_kind     TEXT,
    purpose          TEXT NOT NULL CHECK (purpose IN ('marketing', 'service')),
    -- Where it was given: a form, a call, a sheet of paper.
    source           TEXT NOT NULL,
    given_at         INTEGER NOT NULL,
    recorded_at      INTEGER NOT NULL,
    withdrawn_at     INTEGER,
    withdrawn_source TEXT
) WITHOUT ROWID;
CREATE INDEX consents_of_contact ON consents (tenant_id, contact_id, id);
CREATE INDEX consents_active ON consents (tenant_id, purpose, contact_id) WHERE withdrawn_at IS NULL;

-- Whoever does not want to be written to has withdrawn everything, and does not give it back by writing again.
CREATE TRIGGER contacts_withdraw AFTER UPDATE OF consent ON contacts
WHEN NEW.consent = 'withdrawn' AND OLD.consent <> 'withdrawn' BEGIN
    UPDATE consents SET withdrawn_at = COALESCE(NEW.consent_at, given_at), withdrawn_source = 'opt_out'
        WHERE tenant_id = NEW.tenant_id AND contact_id = NEW.id AND withdrawn_at IS NULL;
END;

-- What messages of an account cost, as its tenant wrote it down: JSON, by what is charged for, in millionths of the unit.
CREATE TABLE channel_prices (
    channel_id BLOB PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    currency   TEXT NOT NULL,
    micros     TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX channel_prices_of_tenant ON channel_prices (tenant_id, channel_id);

CREATE TABLE broadcasts (
    id             BLOB PRIMARY KEY,
    tenant_id      BLOB NOT NULL REFERENCES tenants (id),
    channel_id     BLOB NOT NULL,
    name           TEXT NOT NULL,
    -- The template and what fills it, and who gets it: JSON.
    words          TEXT NOT NULL,
    audience       TEXT NOT NULL,
    per_minute     INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('draft', 'scheduled', 'running', 'paused', 'done', 'cancelled')),
    -- When it begins, and when it is looked after next.
    start_at       INTEGER NOT NULL,
    next_at        INTEGER NOT NULL,
    -- People are gathered before anybody is written to: how far that came, and when it was done.
    gathered_to    BLOB,
    gathered_at    INTEGER,
    -- Why it waits.
    reason         TEXT,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    started_at     INTEGER,
    ended_at       INTEGER
) WITHOUT ROWID;
CREATE INDEX broadcasts_of_tenant ON broadcasts (tenant_id, id);
CREATE INDEX broadcasts_due ON broadcasts (next_at) WHERE state IN ('scheduled', 'running');

-- One message to one person: of a broadcast, or by itself.
CREATE TABLE planned_messages (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL REFERENCES tenants (id),
    contact_id      BLOB NOT NULL,
    broadcast_id    BLOB,
    -- The way that is tried first, if there is one.
    channel_id      BLOB,
    -- What is said, as JSON; the broadcast's own words if it is absent.
    words           TEXT,
    due_at          INTEGER NOT NULL,
    state           TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sent', 'failed', 'skipped', 'cancelled')),
    -- Why it failed or was skipped.
    reason          TEXT,
    -- What it became: written once, in the transaction that put it into the outbox.
    conversation_id BLOB,
    message_id      BLOB,
    outbox_id       BLOB,
    created_at      INTEGER NOT NULL,
    settled_at      INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX planned_once ON planned_messages (broadcast_id, contact_id) WHERE broadcast_id IS NOT NULL;
CREATE INDEX planned_of_tenant ON planned_messages (tenant_id, id) WHERE broadcast_id IS NULL;
CREATE INDEX planned_of_contact ON planned_messages (tenant_id, contact_id);
CREATE INDEX planned_of_broadcast ON planned_messages (broadcast_id, id) WHERE broadcast_id IS NOT NULL;
-- What is still to be done.
CREATE INDEX planned_due ON planned_messages (due_at) WHERE state = 'waiting' AND broadcast_id IS NULL;
CREATE INDEX planned_waiting ON planned_messages (broadcast_id, id) WHERE state = 'waiting' AND broadcast_id IS NOT NULL;

ALTER TABLE events ADD COLUMN planned_id BLOB;
ALTER TABLE events ADD COLUMN broadcast_id BLOB;

CREATE TRIGGER planned_tell_failures AFTER UPDATE OF state ON planned_messages
WHEN NEW.state = 'failed' AND OLD.state <> 'failed' AND NEW.broadcast_id IS NULL BEGIN
    INSERT INTO events (tenant_id, kind, planned_id, detail, created_at)
        VALUES (NEW.tenant_id, 'scheduled_message.failed', NEW.id, NEW.reason, NEW.settled_at);
END;

CREATE TRIGGER broadcasts_tell_ends AFTER UPDATE OF state ON broadcasts
WHEN NEW.state <> OLD.state AND NEW.state IN ('done', 'cancelled') BEGIN
    INSERT INTO events (tenant_id, kind, broadcast_id, detail, created_at)
        VALUES (NEW.tenant_id, 'broadcast.ended', NEW.id, NEW.state, NEW.ended_at);
END;
