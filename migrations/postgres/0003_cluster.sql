-- Nodes, who owns what, and what became of a writer's last transaction. Times are this server's.

CREATE TABLE nodes (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    draining   boolean NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL
);

-- The epoch counts a partition's claims.
CREATE TABLE partitions (
    number     bigint PRIMARY KEY CHECK (number BETWEEN 0 AND 255),
    owner      uuid,
    epoch      bigint NOT NULL DEFAULT 0,
    claimed_at timestamptz
);
INSERT INTO partitions (number) SELECT generate_series(0, 255);

-- The number of the last transaction that each writer committed.
CREATE TABLE writers (
    id      uuid PRIMARY KEY,
    mark    bigint NOT NULL,
    seen_at timestamptz NOT NULL
);
