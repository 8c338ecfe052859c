-- What an agent was configured as, one row for each change, so that it can be compared and taken back.
CREATE TABLE agent_versions (
    agent_id    uuid NOT NULL,
    -- Counted from 1.
    version     bigint NOT NULL,
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    name        text NOT NULL,
    enabled     boolean NOT NULL,
    profile     text NOT NULL,
    author_kind text NOT NULL,
    author_id   uuid,
    -- The version whose words these are, if it was taken back.
    restores    bigint,
    created_at  bigint NOT NULL,
    PRIMARY KEY (agent_id, version)
);
CREATE INDEX agent_versions_of_tenant ON agent_versions (tenant_id, agent_id, version);

INSERT INTO agent_versions (agent_id, version, tenant_id, name, enabled, profile, author_kind, created_at)
    SELECT id, 1, tenant_id, name, enabled, profile, 'system', updated_at FROM agents;

-- A version that is tried on real questions before anybody is answered by it. Its answers are in `proposal_answers`.
CREATE TABLE agent_drafts (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    agent_id    uuid NOT NULL,
    -- The agent's version when it was drafted.
    version     bigint NOT NULL,
    name        text NOT NULL,
    enabled     boolean NOT NULL,
    profile     text NOT NULL,
    author_kind text NOT NULL,
    author_id   uuid,
    state       text NOT NULL CHECK (state IN ('reviewing', 'ready', 'promoted', 'dropped')),
    -- How many real questions are asked again.
    questions   bigint NOT NULL,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL
);
CREATE INDEX agent_drafts_of_agent ON agent_drafts (tenant_id, agent_id, id);

ALTER TABLE agent_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON agent_versions USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));

ALTER TABLE agent_drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_drafts FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON agent_drafts USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
