-- Whose call it was, if that agent's use is limited, and how much it moved, in millionths.
ALTER TABLE tool_uses ADD COLUMN agent_id uuid;
ALTER TABLE tool_uses ADD COLUMN amount bigint NOT NULL DEFAULT 0;
CREATE INDEX tool_uses_of_agent ON tool_uses (tenant_id, agent_id, tool, used_at);
