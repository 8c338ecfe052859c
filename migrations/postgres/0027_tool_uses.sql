-- Calls of tools that may be used only so often, under their idempotency keys: a call that is run again is counted once.
CREATE TABLE tool_uses (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    key       text NOT NULL,
    tool      text NOT NULL,
    used_at   bigint NOT NULL,
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX tool_uses_of_tool ON tool_uses (tenant_id, tool, used_at);
CREATE INDEX tool_uses_by_time ON tool_uses (used_at);

ALTER TABLE tool_uses ENABLE ROW LEVEL SECURITY;
ALTER TABLE tool_uses FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON tool_uses USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
