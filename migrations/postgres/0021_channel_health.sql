-- How channels stand with their providers: one row for each of which there was anything to say.
CREATE TABLE channel_health (
    channel_id       uuid PRIMARY KEY REFERENCES channels (id),
    tenant_id        uuid NOT NULL REFERENCES tenants (id),
    -- Since when the provider refuses the account itself, and why.
    refused_at       bigint,
    refused_code     text,
    refused_detail   text,
    -- Deliveries to the webhook that could not be trusted or read, the last one, and why.
    unreadable       bigint NOT NULL DEFAULT 0,
    unreadable_at    bigint,
    unreadable_why   text,
    -- The provider's last word.
    notice           text,
    notice_gravity   text,
    notice_detail    text,
    notice_at        bigint,
    -- Since then nothing is sent.
    stopped_at       bigint,
    -- When the access token ends, where the provider says so.
    token_expires_at bigint
);
CREATE INDEX channel_health_of_tenant ON channel_health (tenant_id, channel_id);

ALTER TABLE channel_health ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_health FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON channel_health USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
