-- What was paid can go back. The checks of both tables name what they may hold: SQLite changes them by another table.
ALTER TABLE orders RENAME TO orders_before;
DROP INDEX orders_of_tenant;
DROP INDEX orders_once;
DROP INDEX orders_by_payment;
DROP INDEX orders_of_conversation;
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
        CHECK (status IN (
            'PENDING', 'REQUIRES_CONFIRMATION', 'PAID', 'REFUNDING', 'REFUNDED', 'CANCELLED', 'UNCERTAIN'
        )),
    cause           TEXT,
    payment_id      TEXT,
    -- Encrypted with the installation's key, bound to the order's id.
    payment_secret  BLOB,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO orders SELECT id, tenant_id, request_key, conversation_id, turn, items, amount, currency, name, phone, notes,
    status, cause, payment_id, payment_secret, created_at, updated_at FROM orders_before;
DROP TABLE orders_before;
CREATE INDEX orders_of_tenant ON orders (tenant_id, id);
CREATE UNIQUE INDEX orders_once ON orders (tenant_id, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX orders_by_payment ON orders (tenant_id, payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX orders_of_conversation ON orders (tenant_id, conversation_id, id);

-- Its triggers go with it.
ALTER TABLE commerce_flows RENAME TO commerce_flows_before;
DROP INDEX commerce_flows_open;
DROP INDEX commerce_flows_due;
DROP INDEX commerce_flows_of_conversation;
CREATE TABLE commerce_flows (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    kind            TEXT NOT NULL
        CHECK (kind IN (
            'reserve', 'cancel_reservation', 'create_order', 'pay', 'cancel_order', 'refund', 'refund_seen', 'refund_checked'
        )),
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
INSERT INTO commerce_flows SELECT id, tenant_id, kind, subject_id, conversation_id, state, past, phase, tries, code, skipped,
    payment_method, version, due_at, leased_until, created_at, updated_at FROM commerce_flows_before;
DROP TABLE commerce_flows_before;
-- One thing at a time is done with a reservation or an order.
CREATE UNIQUE INDEX commerce_flows_open ON commerce_flows (tenant_id, subject_id) WHERE state IN ('running', 'uncertain');
CREATE INDEX commerce_flows_due ON commerce_flows (due_at, id) WHERE state = 'running';
CREATE INDEX commerce_flows_of_conversation ON commerce_flows (tenant_id, conversation_id);

-- A flow tells how it ended, in the transaction that ends it; and which step it went on without.
CREATE TRIGGER commerce_flows_end AFTER UPDATE OF state ON commerce_flows
WHEN NEW.state <> OLD.state AND (
    -- That nothing (or not all) went back of a payment is no failure of anything.
    NEW.state = 'uncertain' OR (NEW.state = 'failed' AND NEW.kind <> 'refund_seen')
    OR (NEW.state = 'done' AND NEW.kind IN ('reserve', 'cancel_reservation', 'pay', 'refund', 'refund_seen'))
) BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, reservation_id, order_id, detail, created_at)
        VALUES (
            NEW.tenant_id,
            CASE
                WHEN NEW.state <> 'done' THEN 'error.occurred'
                WHEN NEW.kind = 'reserve' THEN 'reservation.created'
                WHEN NEW.kind = 'pay' THEN 'order.paid'
                WHEN NEW.kind IN ('refund', 'refund_seen') THEN 'order.refunded'
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
