-- What was paid can go back.
ALTER TABLE orders DROP CONSTRAINT orders_status_check;
ALTER TABLE orders ADD CONSTRAINT orders_status_check CHECK (
    status IN ('PENDING', 'REQUIRES_CONFIRMATION', 'PAID', 'REFUNDING', 'REFUNDED', 'CANCELLED', 'UNCERTAIN')
);
ALTER TABLE commerce_flows DROP CONSTRAINT commerce_flows_kind_check;
ALTER TABLE commerce_flows ADD CONSTRAINT commerce_flows_kind_check CHECK (kind IN (
    'reserve', 'cancel_reservation', 'create_order', 'pay', 'cancel_order', 'refund', 'refund_seen', 'refund_checked'
));

CREATE OR REPLACE FUNCTION commerce_flows_tell() RETURNS trigger LANGUAGE plpgsql AS $$
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
        -- That nothing (or not all) went back of a payment is no failure of anything.
        WHEN NEW.state = 'failed' AND NEW.kind = 'refund_seen' THEN NULL
        WHEN NEW.state <> 'done' THEN 'error.occurred'
        WHEN NEW.kind = 'reserve' THEN 'reservation.created'
        WHEN NEW.kind = 'cancel_reservation' THEN 'reservation.cancelled'
        WHEN NEW.kind = 'pay' THEN 'order.paid'
        WHEN NEW.kind IN ('refund', 'refund_seen') THEN 'order.refunded'
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
