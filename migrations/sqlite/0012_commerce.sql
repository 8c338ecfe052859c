-- What an agent sells and books, and how it is carried out at other services.

ALTER TABLE events ADD COLUMN reservation_id BLOB;
ALTER TABLE events ADD COLUMN order_id BLOB;
ALTER TABLE events ADD COLUMN fallback_id BLOB;

-- Tables for somebody at a time.
CREATE TABLE reservations (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    -- Given by whoever asked: asking again with it is asking once.
    request_key     TEXT,
    conversation_id BLOB,
    name            TEXT NOT NULL,
    phone           TEXT NOT NULL,
    party           INTEGER NOT NULL,
    -- As people say it, in `zone`; `starts_at` and `ends_at` are the same in milliseconds.
    date            TEXT NOT NULL,
    time            TEXT NOT NULL,
    zone            TEXT NOT NULL,
    starts_at       INTEGER NOT NULL,
    ends_at         INTEGER NOT NULL,
    notes           TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('PENDING', 'CONFIRMED', 'CANCELLED', 'FAILED', 'UNCERTAIN')),
    cause           TEXT,
    calendar_link   TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX reservations_of_tenant ON reservations (tenant_id, id);
CREATE UNIQUE INDEX reservations_once ON reservations (tenant_id, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX reservations_by_time ON reservations (tenant_id, starts_at);
CREATE INDEX reservations_of_conversation ON reservations (tenant_id, conversation_id, id);

CREATE TABLE menu_items (
    id          BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    category    TEXT NOT NULL,
    -- In the currency's smallest unit.
    price       INTEGER NOT NULL,
    available   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX menu_items_of_tenant ON menu_items (tenant_id, id);
CREATE UNIQUE INDEX menu_items_by_name ON menu_items (tenant_id, name);

CREATE TABLE orders (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    request_key     TEXT,
    conversation_id BLOB,
    -- The turn of the conversation in which it was made.
    turn            INTEGER,
    -- A JSON array: what was ordered, at the price of that time.
    items           TEXT NOT NULL,
    amount          INTEGER NOT NULL,
    currency        TEXT NOT NULL,
    name            TEXT NOT NULL,
    phone           TEXT NOT NULL,
    notes           TEXT NOT NULL,
    status          TEXT NOT NULL
        CHECK (status IN ('PENDING', 'REQUIRES_CONFIRMATION', 'PAID', 'CANCELLED', 'UNCERTAIN')),
    cause           TEXT,
    payment_id      TEXT,
    -- Encrypted with the installation's key, bound to the order's id.
    payment_secret  BLOB,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX orders_of_tenant ON orders (tenant_id, id);
CREATE UNIQUE INDEX orders_once ON orders (tenant_id, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX orders_by_payment ON orders (tenant_id, payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX orders_of_conversation ON orders (tenant_id, conversation_id, id);

-- What is carried out at other services, step by step.
CREATE TABLE commerce_flows (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    kind            TEXT NOT NULL
        CHECK (kind IN ('reserve', 'cancel_reservation', 'create_order', 'pay', 'cancel_order')),
    -- The reservation or the order.
    subject_id      BLOB NOT NULL,
    conversation_id BLOB,
    state           TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'uncertain')),
    past            INTEGER NOT NULL,
    phase           TEXT NOT NULL CHECK (phase IN ('ready', 'intended', 'doubt')),
    tries           INTEGER NOT NULL,
    code            TEXT,
    -- A JSON array of steps that went on without.
    skipped         TEXT NOT NULL,
    payment_method  TEXT,
    -- The fence of whoever carries it out.
    version         INTEGER NOT NULL,
    due_at          INTEGER NOT NULL,
    -- Until then one node carries it out.
    leased_until    INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) WITHOUT ROWID;
-- One thing at a time is done with a reservation or an order.
CREATE UNIQUE INDEX commerce_flows_open ON commerce_flows (tenant_id, subject_id) WHERE state IN ('running', 'uncertain');
CREATE INDEX commerce_flows_due ON commerce_flows (due_at, id) WHERE state = 'running';
CREATE INDEX commerce_flows_of_conversation ON commerce_flows (tenant_id, conversation_id);

-- What a payment provider told already.
CREATE TABLE payment_events (
    tenant_id  BLOB NOT NULL,
    event_id   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
) WITHOUT ROWID;

-- Who asked to go on on WhatsApp.
CREATE TABLE whatsapp_fallbacks (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    request_key     TEXT NOT NULL,
    conversation_id BLOB,
    phone           TEXT,
    reason          TEXT NOT NULL,
    created_at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX whatsapp_fallbacks_once ON whatsapp_fallbacks (tenant_id, request_key);
CREATE INDEX whatsapp_fallbacks_of_conversation ON whatsapp_fallbacks (tenant_id, conversation_id);

-- A flow tells how it ended, in the transaction that ends it; and which step it went on without.
CREATE TRIGGER commerce_flows_end AFTER UPDATE OF state ON commerce_flows
WHEN NEW.state <> OLD.state AND (
    NEW.state IN ('failed', 'uncertain') OR (NEW.state = 'done' AND NEW.kind IN ('reserve', 'cancel_reservation', 'pay'))
) BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, reservation_id, order_id, detail, created_at)
        VALUES (
            NEW.tenant_id,
            CASE
                WHEN NEW.state <> 'done' THEN 'error.occurred'
                WHEN NEW.kind = 'reserve' THEN 'reservation.created'
                WHEN NEW.kind = 'pay' THEN 'order.paid'
                ELSE 'reservation.cancelled'
            END,
            NEW.conversation_id,
            CASE WHEN NEW.kind IN ('reserve', 'cancel_reservation') THEN NEW.subject_id END,
            CASE WHEN NEW.kind IN ('reserve', 'cancel_reservation') THEN NULL ELSE NEW.subject_id END,
            CASE WHEN NEW.state <> 'done' THEN NEW.code END,
            NEW.updated_at
        );
END;
CREATE TRIGGER commerce_flows_skip AFTER UPDATE OF skipped ON commerce_flows WHEN NEW.skipped <> OLD.skipped BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, reservation_id, order_id, detail, created_at)
        VALUES (
            NEW.tenant_id,
            'error.occurred',
            NEW.conversation_id,
            CASE WHEN NEW.kind IN ('reserve', 'cancel_reservation') THEN NEW.subject_id END,
            CASE WHEN NEW.kind IN ('reserve', 'cancel_reservation') THEN NULL ELSE NEW.subject_id END,
            NEW.code,
            NEW.updated_at
        );
END;
CREATE TRIGGER whatsapp_fallbacks_tell AFTER INSERT ON whatsapp_fallbacks BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, fallback_id, created_at)
        VALUES (NEW.tenant_id, 'whatsapp.fallback', NEW.conversation_id, NEW.id, NEW.created_at);
END;
