-- Uploaded documents, in parts: every node can be the one that reads them.
CREATE TABLE files (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name      text NOT NULL,
    part      bigint NOT NULL,
    content   bytea NOT NULL,
    PRIMARY KEY (tenant_id, name, part)
);
-- Documents are compressed already, or not worth it.
ALTER TABLE files ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE files ENABLE ROW LEVEL SECURITY;
ALTER TABLE files FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON files USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id::text = (SELECT current_setting('colloquy.tenant', true)));
