-- Servers of tools that a tenant connected.
CREATE TABLE tool_servers (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    -- Begins the names of its tools.
    name       text NOT NULL,
    url        text NOT NULL,
    -- Headers, encrypted with the installation's key, bound to the server's id.
    secrets    bytea NOT NULL,
    enabled    boolean NOT NULL,
    trusted    boolean NOT NULL,
    -- What was decided of single tools, and what it offered when it was asked last, as JSON.
    rules      text NOT NULL,
    tools      text NOT NULL,
    asked_at   bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX tool_servers_by_name ON tool_servers (tenant_id, name);
CREATE INDEX tool_servers_of_tenant ON tool_servers (tenant_id, id);

ALTER TABLE tool_servers ENABLE ROW LEVEL SECURITY;
ALTER TABLE tool_servers FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON tool_servers USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
