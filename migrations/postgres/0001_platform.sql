-- Tenants and what they configure; the same meaning as SQLite's schema. Ids are UUIDv7, times are milliseconds since
-- 1970, JSON is text. Forward only: a released file is never changed, a new one is added.

CREATE TABLE meta (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE tenants (
    id         uuid PRIMARY KEY,
    slug       text NOT NULL UNIQUE,
    name       text NOT NULL,
    created_at bigint NOT NULL
);

-- Only the hash of a key is kept.
CREATE TABLE api_keys (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    name       text NOT NULL,
    hash       bytea NOT NULL UNIQUE,
    scopes     text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);
CREATE INDEX api_keys_of_tenant ON api_keys (tenant_id, id);

-- Deleted agents and channels stay as rows: transcripts and the ledger name them.
CREATE TABLE agents (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    name       text NOT NULL,
    enabled    boolean NOT NULL,
    profile    text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    deleted_at bigint
);
CREATE UNIQUE INDEX agents_by_name ON agents (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX agents_of_tenant ON agents (tenant_id, id) WHERE deleted_at IS NULL;

CREATE TABLE channels (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    kind        text NOT NULL,
    name        text NOT NULL,
    agent_id    uuid NOT NULL REFERENCES agents (id),
    external_id text,
    -- Replies are read by the client itself: nothing goes to the outbox.
    pull        boolean NOT NULL,
    settings    text NOT NULL,
    -- Encrypted with the installation's key, bound to the channel's id.
    secrets     bytea NOT NULL,
    enabled     boolean NOT NULL,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL,
    deleted_at  bigint
);
CREATE INDEX channels_of_tenant ON channels (tenant_id, id) WHERE deleted_at IS NULL;
CREATE INDEX channels_of_agent ON channels (agent_id) WHERE deleted_at IS NULL;
-- One webhook serves several accounts: the provider's id must lead to one of them.
CREATE UNIQUE INDEX channels_by_external ON channels (kind, external_id)
    WHERE deleted_at IS NULL AND external_id IS NOT NULL;

-- Names that lists are sorted by are sorted byte by byte, as SQLite does.
CREATE TABLE knowledge_bases (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    name       text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    UNIQUE (tenant_id, name)
);

CREATE TABLE documents (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL REFERENCES tenants (id),
    knowledge_base_id uuid NOT NULL REFERENCES knowledge_bases (id),
    name              text COLLATE "C" NOT NULL,
    size              bigint NOT NULL,
    sha256            bytea NOT NULL,
    path              text NOT NULL,
    status            text NOT NULL CHECK (status IN ('pending', 'extracting', 'indexing', 'ready', 'failed')),
    -- Counted up by each upload under the same name; what is being ingested is `taken_revision`.
    revision          bigint NOT NULL DEFAULT 1,
    taken_revision    bigint NOT NULL DEFAULT 0,
    attempt           bigint NOT NULL DEFAULT 0,
    pages             bigint NOT NULL DEFAULT 0,
    chunks            bigint NOT NULL DEFAULT 0,
    indexed           bigint NOT NULL DEFAULT 0,
    characters        bigint NOT NULL DEFAULT 0,
    language          text,
    embedded          boolean NOT NULL DEFAULT FALSE,
    cause             text,
    page_reports      text NOT NULL DEFAULT '[]',
    -- Of the last upload under this name.
    uploaded_at       bigint NOT NULL,
    updated_at        bigint NOT NULL
);
CREATE UNIQUE INDEX documents_by_name ON documents (tenant_id, knowledge_base_id, name);
CREATE INDEX documents_of_tenant ON documents (tenant_id, id);
CREATE INDEX documents_of_base ON documents (knowledge_base_id);
CREATE INDEX documents_waiting ON documents (uploaded_at, id) WHERE status IN ('pending', 'extracting', 'indexing');
