-- Events in the order in which they can be read, for whoever listens and comes back; and what only those who are
-- connected want to know.

-- A file has one writer: the position alone is the order. (On PostgreSQL it is the transaction, then the position.)
ALTER TABLE events ADD COLUMN tx INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
UPDATE events SET position = o.position FROM (
    SELECT id, ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY created_at, id) AS position FROM events
) AS o WHERE events.id = o.id;
DROP INDEX events_of_tenant;
CREATE INDEX events_in_order ON events (tenant_id, tx, position);

CREATE TRIGGER events_number AFTER INSERT ON events BEGIN
    UPDATE events SET position = 1 + (
        SELECT e.position FROM events e WHERE e.tenant_id = NEW.tenant_id ORDER BY e.tx DESC, e.position DESC LIMIT 1
    ) WHERE id = NEW.id;
END;

DROP TRIGGER events_tell;
CREATE TRIGGER events_tell AFTER INSERT ON events
WHEN NEW.kind NOT IN ('message.queued', 'conversation.updated') BEGIN
    INSERT INTO webhook_deliveries (tenant_id, endpoint_id, event_id, due_at, created_at, updated_at)
        SELECT NEW.tenant_id, e.id, NEW.id, NEW.created_at, NEW.created_at, NEW.created_at FROM webhook_endpoints e
        WHERE e.tenant_id = NEW.tenant_id AND e.enabled = 1
        AND (instr(e.events, '"' || NEW.kind || '"') > 0 OR instr(e.events, '"*"') > 0);
END;

-- What a client reads by itself is sent when it is written; the rest waits until its provider takes it.
DROP TRIGGER messages_tell;
CREATE TRIGGER messages_tell AFTER INSERT ON messages BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, message_id, created_at)
        SELECT NEW.tenant_id,
            CASE
                WHEN NEW.speaker = 'person' THEN 'message.received'
                WHEN EXISTS (
                    SELECT 1 FROM conversations c JOIN channels h ON h.id = c.channel_id
                    WHERE c.id = NEW.conversation_id AND c.tenant_id = NEW.tenant_id AND h.pull = 1
                ) THEN 'message.sent'
                ELSE 'message.queued'
            END,
            NEW.conversation_id, NEW.id, NEW.created_at;
END;

CREATE TRIGGER conversations_change AFTER UPDATE OF assigned_to, closed_at, tags ON conversations
WHEN NEW.assigned_to IS NOT OLD.assigned_to OR NEW.closed_at IS NOT OLD.closed_at OR NEW.tags <> OLD.tags
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, detail, created_at)
        VALUES (
            NEW.tenant_id,
            'conversation.updated',
            NEW.id,
            CASE
                WHEN NEW.assigned_to IS NOT OLD.assigned_to THEN 'assigned'
                WHEN NEW.tags <> OLD.tags THEN 'tagged'
                WHEN NEW.closed_at IS NULL THEN 'reopened'
                ELSE 'closed'
            END,
            CAST(unixepoch('subsec') * 1000 AS INTEGER)
        );
END;
