-- Kinds of jobs are named by whoever does them: the table holds any.
ALTER TABLE jobs RENAME TO jobs_before;
DROP INDEX jobs_running;
DROP INDEX jobs_of_tenant;
CREATE TABLE jobs (
    id           BLOB PRIMARY KEY,
    tenant_id    BLOB NOT NULL,
    kind         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    -- What there is to do and how far it came, as JSON.
    detail       TEXT NOT NULL,
    -- Until then one node works at it.
    leased_until INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO jobs SELECT id, tenant_id, kind, state, detail, leased_until, created_at, updated_at FROM jobs_before;
DROP TABLE jobs_before;
CREATE INDEX jobs_running ON jobs (leased_until, id) WHERE state = 'running';
CREATE INDEX jobs_of_tenant ON jobs (tenant_id, id);

-- Scenarios that a team has run, so often, from a seed on.
CREATE TABLE simulations (
    id          BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    -- The scenario's.
    name        TEXT NOT NULL,
    -- As YAML.
    scenario    TEXT NOT NULL,
    seed        INTEGER NOT NULL,
    trials      INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    -- Why it could not be gone on with.
    cause       TEXT,
    author_kind TEXT NOT NULL,
    author_id   BLOB,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX simulations_of_tenant ON simulations (tenant_id, id);

CREATE TABLE simulation_runs (
    simulation_id BLOB NOT NULL REFERENCES simulations (id),
    -- Counted from 0; its seed is the simulation's and so many more.
    place         INTEGER NOT NULL,
    tenant_id     BLOB NOT NULL REFERENCES tenants (id),
    verdict       TEXT NOT NULL,
    -- What it showed, as JSON.
    run           TEXT NOT NULL,
    ran_at        INTEGER NOT NULL,
    PRIMARY KEY (simulation_id, place)
) WITHOUT ROWID;
