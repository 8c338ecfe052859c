-- Other addresses of people at their providers: what comes from an alias is theirs who is reached at the address.
CREATE TABLE peer_aliases (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    channel_id uuid NOT NULL REFERENCES channels (id),
    alias      text NOT NULL,
    address    text NOT NULL,
    -- When the provider said so: an older word does not undo a newer one.
    told_at    bigint NOT NULL,
    PRIMARY KEY (tenant_id, channel_id, alias)
);
CREATE INDEX peer_aliases_of_address ON peer_aliases (tenant_id, channel_id, address);

ALTER TABLE peer_aliases ENABLE ROW LEVEL SECURITY;
ALTER TABLE peer_aliases FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON peer_aliases USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
