-- People who sign in, their sessions, and what happened in the administration.

ALTER TABLE tenants ADD COLUMN suspended_at INTEGER;

CREATE TABLE users (
    id            BLOB PRIMARY KEY,
    tenant_id     BLOB NOT NULL REFERENCES tenants (id),
    -- In lower case; one account for each address in the whole installation.
    email         TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('operator', 'admin', 'owner', 'platform_admin')),
    -- None until an invitation is accepted.
    password      TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    last_seen_at  INTEGER,
    disabled_at   INTEGER
) WITHOUT ROWID;
CREATE INDEX users_of_tenant ON users (tenant_id, id);

CREATE TABLE sessions (
    id          BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    user_id     BLOB NOT NULL REFERENCES users (id),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    -- Why: `signed_out`, `reused`, `password_changed`, `disabled`.
    cause       TEXT
) WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Every refresh token that was given out, until its session ends: a used one that comes again was stolen.
CREATE TABLE refresh_tokens (
    hash        BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL,
    session_id  BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Links that were sent: to choose a first password, or another one. Each opens once.
CREATE TABLE links (
    hash        BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL,
    user_id     BLOB NOT NULL REFERENCES users (id),
    purpose     TEXT NOT NULL CHECK (purpose IN ('invitation', 'reset')),
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER
) WITHOUT ROWID;
CREATE INDEX links_of_user ON links (user_id);

-- What was tried of late (sign-ins, links), to slow down who guesses; old ones are forgotten.
CREATE TABLE attempts (
    -- A hash of what was tried, for whom and from where.
    subject     BLOB NOT NULL,
    at          INTEGER NOT NULL
);
CREATE INDEX attempts_by_subject ON attempts (subject, at);
CREATE INDEX attempts_by_time ON attempts (at);

-- Acts of administration: who, what, on what. Never secrets.
CREATE TABLE audit (
    id          BLOB PRIMARY KEY,
    tenant_id   BLOB NOT NULL REFERENCES tenants (id),
    actor_kind  TEXT NOT NULL CHECK (actor_kind IN ('user', 'key', 'system')),
    actor_id    BLOB,
    action      TEXT NOT NULL,
    target      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX audit_of_tenant ON audit (tenant_id, id);
