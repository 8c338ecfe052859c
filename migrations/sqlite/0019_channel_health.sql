-- How channels stand with their providers: one row for each of which there was anything to say.
CREATE TABLE channel_health (
    channel_id       BLOB PRIMARY KEY REFERENCES channels (id),
    tenant_id        BLOB NOT NULL REFERENCES tenants (id),
    -- Since when the provider refuses the account itself, and why.
    refused_at       INTEGER,
    refused_code     TEXT,
    refused_detail   TEXT,
    -- Deliveries to the webhook that could not be trusted or read, the last one, and why.
    unreadable       INTEGER NOT NULL DEFAULT 0,
    unreadable_at    INTEGER,
    unreadable_why   TEXT,
    -- The provider's last word.
    notice           TEXT,
    notice_gravity   TEXT,
    notice_detail    TEXT,
    notice_at        INTEGER,
    -- Since then nothing is sent.
    stopped_at       INTEGER,
    -- When the access token ends, where the provider says so.
    token_expires_at INTEGER
) WITHOUT ROWID;
CREATE INDEX channel_health_of_tenant ON channel_health (tenant_id, channel_id);
