-- Agents that hand conversations to each other.

-- The agent that has the conversation; none is the channel's own.
ALTER TABLE conversations ADD COLUMN active_agent_id BLOB;
-- Whose completion it was; none is the channel's own agent's.
ALTER TABLE journal ADD COLUMN agent_id BLOB;

CREATE TRIGGER active_agents_tell AFTER UPDATE OF active_agent_id ON conversations
WHEN NEW.active_agent_id IS NOT OLD.active_agent_id BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, created_at)
        VALUES (NEW.tenant_id, 'conversation.handed_off', NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;
