-- Sessions with an avatar: each is a row before its provider is asked for it, and is paid for until it is stopped there.
CREATE TABLE video_sessions (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    -- Of the tool call that asked for it: asking again with it is asking once.
    request_key  text,
    -- The web chat, and the visitor's name of their conversation there; empty once they were erased.
    channel_id   uuid NOT NULL,
    chat         text NOT NULL,
    provider     text NOT NULL,
    state        text NOT NULL CHECK (state IN ('creating', 'live', 'ending', 'ended', 'failed', 'uncertain')),
    -- The provider's name of it.
    external_id  text,
    -- What it was opened with and how it is joined, encrypted for the row's id; empty once it is over.
    secrets      bytea NOT NULL,
    -- How long nobody may write, in milliseconds.
    idle         bigint NOT NULL,
    used_at      bigint NOT NULL,
    expires_at   bigint NOT NULL,
    started_at   bigint,
    ended_at     bigint,
    -- Why it ends, and the code of the last trouble.
    reason       text,
    code         text,
    tries        bigint NOT NULL,
    -- The last turn of the conversation that the avatar was told to say: none is said twice.
    spoken_turn  bigint NOT NULL,
    -- The fence of whoever works on it.
    version      bigint NOT NULL,
    due_at       bigint NOT NULL,
    leased_until bigint NOT NULL,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL
);
CREATE INDEX video_sessions_of_tenant ON video_sessions (tenant_id, id);
CREATE UNIQUE INDEX video_sessions_once ON video_sessions (tenant_id, request_key) WHERE request_key IS NOT NULL;
-- A visitor has one at a time.
CREATE UNIQUE INDEX video_sessions_open ON video_sessions (tenant_id, channel_id, chat) WHERE state IN ('creating', 'live');
CREATE INDEX video_sessions_of_chat ON video_sessions (tenant_id, channel_id, chat);
CREATE INDEX video_sessions_due ON video_sessions (due_at, id) WHERE state IN ('creating', 'live', 'ending');
-- Those that count against the tenant's limit.
CREATE INDEX video_sessions_running ON video_sessions (tenant_id) WHERE state IN ('creating', 'live', 'ending');

ALTER TABLE events ADD COLUMN video_id uuid;

-- Told in the transaction that changes it. One whose visitor was erased is nobody's any more.
CREATE FUNCTION video_sessions_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, video_id, detail, created_at)
        VALUES (
            NEW.tenant_id,
            CASE NEW.state WHEN 'live' THEN 'video.started' WHEN 'ended' THEN 'video.ended' ELSE 'error.occurred' END,
            (SELECT c.id FROM conversations c WHERE c.tenant_id = NEW.tenant_id AND c.channel_id = NEW.channel_id
                AND c.peer = NEW.chat),
            NEW.id,
            CASE WHEN NEW.state IN ('failed', 'uncertain') THEN NEW.code END,
            NEW.updated_at
        );
    RETURN NULL;
END
$$;

CREATE TRIGGER video_sessions_tell AFTER UPDATE OF state ON video_sessions FOR EACH ROW
    WHEN (NEW.state <> OLD.state AND (
        NEW.state IN ('live', 'failed', 'uncertain') OR (NEW.state = 'ended' AND NEW.started_at IS NOT NULL)
    )) EXECUTE FUNCTION video_sessions_tell();

ALTER TABLE video_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE video_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON video_sessions USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
