-- Kinds of jobs are named by whoever does them: the table holds any.
ALTER TABLE jobs DROP CONSTRAINT jobs_kind_check;

-- Scenarios that a team has run, so often, from a seed on.
CREATE TABLE simulations (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    -- The scenario's.
    name        text NOT NULL,
    -- As YAML.
    scenario    text NOT NULL,
    seed        bigint NOT NULL,
    trials      bigint NOT NULL,
    state       text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    -- Why it could not be gone on with.
    cause       text,
    author_kind text NOT NULL,
    author_id   uuid,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL
);
CREATE INDEX simulations_of_tenant ON simulations (tenant_id, id);

CREATE TABLE simulation_runs (
    simulation_id uuid NOT NULL REFERENCES simulations (id),
    -- Counted from 0; its seed is the simulation's and so many more.
    place         bigint NOT NULL,
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    verdict       text NOT NULL,
    -- What it showed, as JSON.
    run           text NOT NULL,
    ran_at        bigint NOT NULL,
    PRIMARY KEY (simulation_id, place)
);

ALTER TABLE simulations ENABLE ROW LEVEL SECURITY;
ALTER TABLE simulations FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON simulations USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));

ALTER TABLE simulation_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE simulation_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON simulation_runs USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
