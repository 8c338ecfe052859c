-- What was said in a recording that came with a message, or why that is not known, as JSON.
ALTER TABLE inbox ADD COLUMN heard text;

-- Whoever looks at the conversation sees it then.
CREATE FUNCTION inbox_heard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, detail, created_at)
        VALUES (
            NEW.tenant_id, 'conversation.updated', NEW.conversation_id, 'heard',
            CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)
        );
    RETURN NULL;
END
$$;

CREATE TRIGGER tells AFTER UPDATE OF heard ON inbox FOR EACH ROW
    WHEN (NEW.heard IS NOT NULL AND OLD.heard IS NULL)
    EXECUTE FUNCTION inbox_heard();
