-- Agents that hand conversations to each other.

-- The agent that has the conversation; none is the channel's own.
ALTER TABLE conversations ADD COLUMN active_agent_id uuid;
-- Whose completion it was; none is the channel's own agent's.
ALTER TABLE journal ADD COLUMN agent_id uuid;

CREATE FUNCTION active_agents_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, created_at)
        VALUES (
            NEW.tenant_id,
            'conversation.handed_off',
            NEW.id,
            CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)
        );
    RETURN NULL;
END
$$;

CREATE TRIGGER active_agents_tell AFTER UPDATE OF active_agent_id ON conversations FOR EACH ROW
    WHEN (NEW.active_agent_id IS DISTINCT FROM OLD.active_agent_id) EXECUTE FUNCTION active_agents_tell();
