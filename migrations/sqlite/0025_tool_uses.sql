-- Calls of tools that may be used only so often, under their idempotency keys: a call that is run again is counted once.
CREATE TABLE tool_uses (
    tenant_id BLOB NOT NULL REFERENCES tenants (id),
    key       TEXT NOT NULL,
    tool      TEXT NOT NULL,
    used_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key)
) WITHOUT ROWID;
CREATE INDEX tool_uses_of_tool ON tool_uses (tenant_id, tool, used_at);
CREATE INDEX tool_uses_by_time ON tool_uses (used_at);
