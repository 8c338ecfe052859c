-- Other addresses of people at their providers: what comes from an alias is theirs who is reached at the address.
CREATE TABLE peer_aliases (
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    channel_id BLOB NOT NULL REFERENCES channels (id),
    alias      TEXT NOT NULL,
    address    TEXT NOT NULL,
    -- When the provider said so: an older word does not undo a newer one.
    told_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel_id, alias)
) WITHOUT ROWID;
CREATE INDEX peer_aliases_of_address ON peer_aliases (tenant_id, channel_id, address);
