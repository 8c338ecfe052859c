-- What an agent was configured as, one row for each change, so that it can be compared and taken back.
CREATE TABLE agent_versions (
    agent_id    BLOB NOT NULL,
    -- Counted from 1.
    version     INTEGER NOT NULL,
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    name        TEXT NOT NULL,
    enabled     INTEGER NOT NULL,
    profile     TEXT NOT NULL,
    author_kind TEXT NOT NULL,
    author_id   BLOB,
    -- The version whose words these are, if it was taken back.
    restores    INTEGER,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (agent_id, version)
) WITHOUT ROWID;
CREATE INDEX agent_versions_of_tenant ON agent_versions (tenant_id, agent_id, version);

INSERT INTO agent_versions (agent_id, version, tenant_id, name, enabled, profile, author_kind, created_at)
    SELECT id, 1, tenant_id, name, enabled, profile, 'system', updated_at FROM agents;

-- A version that is tried on real questions before anybody is answered by it. Its answers are in `proposal_answers`.
CREATE TABLE agent_drafts (
    id          BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    agent_id    BLOB NOT NULL,
    -- The agent's version when it was drafted.
    version     INTEGER NOT NULL,
    name        TEXT NOT NULL,
    enabled     INTEGER NOT NULL,
    profile     TEXT NOT NULL,
    author_kind TEXT NOT NULL,
    author_id   BLOB,
    state       TEXT NOT NULL CHECK (state IN ('reviewing', 'ready', 'promoted', 'dropped')),
    -- How many real questions are asked again.
    questions   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX agent_drafts_of_agent ON agent_drafts (tenant_id, agent_id, id);
