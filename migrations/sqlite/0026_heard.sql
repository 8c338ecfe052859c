-- What was said in a recording that came with a message, or why that is not known, as JSON.
ALTER TABLE inbox ADD COLUMN heard TEXT;

-- Whoever looks at the conversation sees it then.
CREATE TRIGGER inbox_heard AFTER UPDATE OF heard ON inbox WHEN NEW.heard IS NOT NULL AND OLD.heard IS NULL BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, detail, created_at)
        VALUES (
            NEW.tenant_id, 'conversation.updated', NEW.conversation_id, 'heard', CAST(unixepoch('subsec') * 1000 AS INTEGER)
        );
END;
