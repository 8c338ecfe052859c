-- Tenants and what they configure. Ids are UUIDv7 as 16-byte blobs, times are milliseconds since 1970, JSON is text.
-- Forward only: a released file is never changed, a new one is added.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE tenants (
    id         BLOB PRIMARY KEY,
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Only the hash of a key is kept.
CREATE TABLE api_keys (
    id         BLOB PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) WITHOUT ROWID;
CREATE INDEX api_keys_of_tenant ON api_keys (tenant_id, id);

-- Deleted agents and channels stay as rows: transcripts and the ledger name them.
CREATE TABLE agents (
    id         BLOB PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    enabled    INTEGER NOT NULL,
    profile    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
);
CREATE UNIQUE INDEX agents_by_name ON agents (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX agents_of_tenant ON agents (tenant_id, id) WHERE deleted_at IS NULL;

CREATE TABLE channels (
    id          BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    agent_id    BLOB NOT NULL REFERENCES agents (id),
    external_id TEXT,
    -- Replies are read by the client itself: nothing goes to the outbox.
    pull        INTEGER NOT NULL,
    settings    TEXT NOT NULL,
    -- Encrypted with the installation's key, bound to the channel's id.
    secrets     BLOB NOT NULL,
    enabled     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER
);
CREATE INDEX channels_of_tenant ON channels (tenant_id, id) WHERE deleted_at IS NULL;
CREATE INDEX channels_of_agent ON channels (agent_id) WHERE deleted_at IS NULL;
-- One webhook serves several accounts: the provider's id must lead to one of them.
CREATE UNIQUE INDEX channels_by_external ON channels (kind, external_id)
    WHERE deleted_at IS NULL AND external_id IS NOT NULL;

CREATE TABLE knowledge_bases (
    id         BLOB PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (tenant_id, name)
) WITHOUT ROWID;

CREATE TABLE documents (
    id                BLOB PRIMARY KEY,
    tenant_id         BLOB NOT NULL REFERENCES tenants (id),
    knowledge_base_id BLOB NOT NULL REFERENCES knowledge_bases (id),
    name              TEXT NOT NULL,
    size              INTEGER NOT NULL,
    sha256            BLOB NOT NULL,
    path              TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('pending', 'extracting', 'indexing', 'ready', 'failed')),
    -- Counted up by each upload under the same name; what is being ingested is `taken_revision`.
    revision          INTEGER NOT NULL DEFAULT 1,
    taken_revision    INTEGER NOT NULL DEFAULT 0,
    attempt           INTEGER NOT NULL DEFAULT 0,
    pages             INTEGER NOT NULL DEFAULT 0,
    chunks            INTEGER NOT NULL DEFAULT 0,
    indexed           INTEGER NOT NULL DEFAULT 0,
    characters        INTEGER NOT NULL DEFAULT 0,
    language          TEXT,
    embedded          INTEGER NOT NULL DEFAULT 0,
    cause             TEXT,
    page_reports      TEXT NOT NULL DEFAULT '[]',
    -- Of the last upload under this name.
    uploaded_at       INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
);
CREATE UNIQUE INDEX documents_by_name ON documents (tenant_id, knowledge_base_id, name);
CREATE INDEX documents_of_tenant ON documents (tenant_id, id);
CREATE INDEX documents_waiting ON documents (uploaded_at, id) WHERE status IN ('pending', 'extracting', 'indexing');
