-- The same meaning as in SQLite's schema: people who sign in, their sessions, and what happened in the administration.

ALTER TABLE tenants ADD COLUMN suspended_at bigint;

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    -- In lower case; one account for each address in the whole installation.
    email         text NOT NULL UNIQUE,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('operator', 'admin', 'owner', 'platform_admin')),
    -- None until an invitation is accepted.
    password      text,
    created_at    bigint NOT NULL,
    updated_at    bigint NOT NULL,
    last_seen_at  bigint,
    disabled_at   bigint
);
CREATE INDEX users_of_tenant ON users (tenant_id, id);

CREATE TABLE sessions (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    user_id     uuid NOT NULL REFERENCES users (id),
    created_at  bigint NOT NULL,
    expires_at  bigint NOT NULL,
    revoked_at  bigint,
    -- Why: `signed_out`, `reused`, `password_changed`, `disabled`.
    cause       text
);
CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Every refresh token that was given out, until its session ends: a used one that comes again was stolen.
CREATE TABLE refresh_tokens (
    hash        bytea PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    session_id  uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at  bigint NOT NULL,
    used_at     bigint
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Links that were sent: to choose a first password, or another one. Each opens once.
CREATE TABLE links (
    hash        bytea PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    user_id     uuid NOT NULL REFERENCES users (id),
    purpose     text NOT NULL CHECK (purpose IN ('invitation', 'reset')),
    expires_at  bigint NOT NULL,
    used_at     bigint
);
CREATE INDEX links_of_user ON links (user_id);

-- What was tried of late (sign-ins, links), to slow down who guesses; old ones are forgotten.
CREATE TABLE attempts (
    -- A hash of what was tried, for whom and from where.
    subject     bytea NOT NULL,
    at          bigint NOT NULL
);
CREATE INDEX attempts_by_subject ON attempts (subject, at);
CREATE INDEX attempts_by_time ON attempts (at);

-- Acts of administration: who, what, on what. Never secrets.
CREATE TABLE audit (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
    actor_kind  text NOT NULL CHECK (actor_kind IN ('user', 'key', 'system')),
    actor_id    uuid,
    action      text NOT NULL,
    target      text NOT NULL,
    detail      text NOT NULL,
    created_at  bigint NOT NULL
);
CREATE INDEX audit_of_tenant ON audit (tenant_id, id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['users', 'sessions', 'refresh_tokens', 'links', 'audit'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY wall ON %I USING ((SELECT current_setting(''colloquy.tenant'', true)) = ''*'' '
            'OR tenant_id::text = (SELECT current_setting(''colloquy.tenant'', true)))',
            name
        );
    END LOOP;
END
$$;
