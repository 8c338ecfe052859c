-- The same meaning as in SQLite's schema: what an agent sells and books, and how it is carried out at other services.

ALTER TABLE events ADD COLUMN reservation_id uuid;
ALTER TABLE events ADD COLUMN order_id uuid;
ALTER TABLE events ADD COLUMN fallback_id uuid;

-- Tables for somebody at a time.
CREATE TABLE reservations (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    -- Given by whoever asked: asking again with it is asking once.
    request_key     text,
    conversation_id uuid,
    name            text NOT NULL,
    phone           text NOT NULL,
    party           bigint NOT NULL,
    -- As people say it, in `zone`; `starts_at` and `ends_at` are the same in milliseconds.
    date            text NOT NULL,
    time            text NOT NULL,
    zone            text NOT NULL,
    starts_at       bigint NOT NULL,
    ends_at         bigint NOT NULL,
    notes           text NOT NULL,
    status          text NOT NULL CHECK (status IN ('PENDING', 'CONFIRMED', 'CANCELLED', 'FAILED', 'UNCERTAIN')),
    cause           text,
    calendar_link   text,
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL
);
CREATE INDEX reservations_of_tenant ON reservations (tenant_id, id);
CREATE UNIQUE INDEX reservations_once ON reservations (tenant_id, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX reservations_by_time ON reservations (tenant_id, starts_at);
CREATE INDEX reservations_of_conversation ON reservations (tenant_id, conversation_id, id);

CREATE TABLE menu_items (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    name        text NOT NULL,
    description text NOT NULL,
    category    text NOT NULL,
    -- In the currency's smallest unit.
    price       bigint NOT NULL,
    available   boolean NOT NULL,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL
);
CREATE INDEX menu_items_of_tenant ON menu_items (tenant_id, id);
CREATE UNIQUE INDEX menu_items_by_name ON menu_items (tenant_id, name);

CREATE TABLE orders (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    request_key     text,
    conversation_id uuid,
    -- The turn of the conversation in which it was made.
    turn            bigint,
    -- A JSON array: what was ordered, at the price of that time.
    items           text NOT NULL,
    amount          bigint NOT NULL,
    currency        text NOT NULL,
    name            text NOT NULL,
    phone           text NOT NULL,
    notes           text NOT NULL,
    status          text NOT NULL
        CHECK (status IN ('PENDING', 'REQUIRES_CONFIRMATION', 'PAID', 'CANCELLED', 'UNCERTAIN')),
    cause           text,
    payment_id      text,
    -- Encrypted with the installation's key, bound to the order's id.
    payment_secret  bytea,
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL
);
CREATE INDEX orders_of_tenant ON orders (tenant_id, id);
CREATE UNIQUE INDEX orders_once ON orders (tenant_id, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX orders_by_payment ON orders (tenant_id, payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX orders_of_conversation ON orders (tenant_id, conversation_id, id);

-- What is carried out at other services, step by step.
CREATE TABLE commerce_flows (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    kind            text NOT NULL
        CHECK (kind IN ('reserve', 'cancel_reservation', 'create_order', 'pay', 'cancel_order')),
    -- The reservation or the order.
    subject_id      uuid NOT NULL,
    conversation_id uuid,
    state           text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'uncertain')),
    past            bigint NOT NULL,
    phase           text NOT NULL CHECK (phase IN ('ready', 'intended', 'doubt')),
    tries           bigint NOT NULL,
    code            text,
    -- A JSON array of steps that went on without.
    skipped         text NOT NULL,
    payment_method  text,
    -- The fence of whoever carries it out.
    version         bigint NOT NULL,
    due_at          bigint NOT NULL,
    -- Until then one node carries it out.
    leased_until    bigint NOT NULL,
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL
);
-- One thing at a time is done with a reservation or an order.
CREATE UNIQUE INDEX commerce_flows_open ON commerce_flows (tenant_id, subject_id) WHERE state IN ('running', 'uncertain');
CREATE INDEX commerce_flows_due ON commerce_flows (due_at, id) WHERE state = 'running';
CREATE INDEX commerce_flows_of_conversation ON commerce_flows (tenant_id, conversation_id);

-- What a payment provider told already.
CREATE TABLE payment_events (
    tenant_id  uuid NOT NULL,
    event_id   text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
);

-- Who asked to go on on WhatsApp.
CREATE TABLE whatsapp_fallbacks (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    request_key     text NOT NULL,
    conversation_id uuid,
    phone           text,
    reason          text NOT NULL,
    created_at      bigint NOT NULL
);
CREATE UNIQUE INDEX whatsapp_fallbacks_once ON whatsapp_fallbacks (tenant_id, request_key);
CREATE INDEX whatsapp_fallbacks_of_conversation ON whatsapp_fallbacks (tenant_id, conversation_id);

-- A flow tells how it ended, in the transaction that ends it; and which step it went on without.
CREATE FUNCTION commerce_flows_tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_reservation boolean := NEW.kind IN ('reserve', 'cancel_reservation');
    told text;
BEGIN
    IF NEW.skipped <> OLD.skipped THEN
        INSERT INTO events (tenant_id, kind, conversation_id, reservation_id, order_id, detail, created_at)
            VALUES (
                NEW.tenant_id, 'error.occurred', NEW.conversation_id,
                CASE WHEN of_reservation THEN NEW.subject_id END,
                CASE WHEN of_reservation THEN NULL ELSE NEW.subject_id END,
                NEW.code, NEW.updated_at
            );
    END IF;
    IF NEW.state = OLD.state OR NEW.state = 'running' THEN
        RETURN NULL;
    END IF;
    told := CASE
        WHEN NEW.state <> 'done' THEN 'error.occurred'
        WHEN NEW.kind = 'reserve' THEN 'reservation.created'
        WHEN NEW.kind = 'cancel_reservation' THEN 'reservation.cancelled'
        WHEN NEW.kind = 'pay' THEN 'order.paid'
    END;
    IF told IS NOT NULL THEN
        INSERT INTO events (tenant_id, kind, conversation_id, reservation_id, order_id, detail, created_at)
            VALUES (
                NEW.tenant_id, told, NEW.conversation_id,
                CASE WHEN of_reservation THEN NEW.subject_id END,
                CASE WHEN of_reservation THEN NULL ELSE NEW.subject_id END,
                CASE WHEN NEW.state <> 'done' THEN NEW.code END, NEW.updated_at
            );
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION whatsapp_fallbacks_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, fallback_id, created_at)
        VALUES (NEW.tenant_id, 'whatsapp.fallback', NEW.conversation_id, NEW.id, NEW.created_at);
    RETURN NULL;
END
$$;

CREATE TRIGGER commerce_flows_tell AFTER UPDATE OF state, skipped ON commerce_flows FOR EACH ROW
    EXECUTE FUNCTION commerce_flows_tell();
CREATE TRIGGER tells AFTER INSERT ON whatsapp_fallbacks FOR EACH ROW EXECUTE FUNCTION whatsapp_fallbacks_tell();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'reservations', 'menu_items', 'orders', 'commerce_flows', 'payment_events', 'whatsapp_fallbacks'
    ] LOOP
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
