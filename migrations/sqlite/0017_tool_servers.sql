-- Servers of tools that a tenant connected.
CREATE TABLE tool_servers (
    id         BLOB PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    -- Begins the names of its tools.
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    -- Headers, encrypted with the installation's key, bound to the server's id.
    secrets    BLOB NOT NULL,
    enabled    INTEGER NOT NULL,
    trusted    INTEGER NOT NULL,
    -- What was decided of single tools, and what it offered when it was asked last, as JSON.
    rules      TEXT NOT NULL,
    tools      TEXT NOT NULL,
    asked_at   INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX tool_servers_by_name ON tool_servers (tenant_id, name);
CREATE INDEX tool_servers_of_tenant ON tool_servers (tenant_id, id);
