-- Sessions with an avatar: each is a row before its provider is asked for it, and is paid for until it is stopped there.
CREATE TABLE video_sessions (
    id           BLOB PRIMARY KEY,
    tenant_id    BLOB NOT NULL,
    -- Of the tool call that asked for it: asking again with it is asking once.
    request_key  TEXT,
    -- The web chat, and the visitor's name of their conversation there; empty once they were erased.
    channel_id   BLOB NOT NULL,
    chat         TEXT NOT NULL,
    provider     TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('creating', 'live', 'ending', 'ended', 'failed', 'uncertain')),
    -- The provider's name of it.
    external_id  TEXT,
    -- What it was opened with and how it is joined, encrypted for the row's id; empty once it is over.
    secrets      BLOB NOT NULL,
    -- How long nobody may write, in milliseconds.
    idle         INTEGER NOT NULL,
    used_at      INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    started_at   INTEGER,
    ended_at     INTEGER,
    -- Why it ends, and the code of the last trouble.
    reason       TEXT,
    code         TEXT,
    tries        INTEGER NOT NULL,
    -- The last turn of the conversation that the avatar was told to say: none is said twice.
    spoken_turn  INTEGER NOT NULL,
    -- The fence of whoever works on it.
    version      INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    leased_until INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX video_sessions_of_tenant ON video_sessions (tenant_id, id);
CREATE UNIQUE INDEX video_sessions_once ON video_sessions (tenant_id, request_key) WHERE request_key IS NOT NULL;
-- A visitor has one at a time.
CREATE UNIQUE INDEX video_sessions_open ON video_sessions (tenant_id, channel_id, chat) WHERE state IN ('creating', 'live');
CREATE INDEX video_sessions_of_chat ON video_sessions (tenant_id, channel_id, chat);
CREATE INDEX video_sessions_due ON video_sessions (due_at, id) WHERE state IN ('creating', 'live', 'ending');
-- Those that count against the tenant's limit.
CREATE INDEX video_sessions_running ON video_sessions (tenant_id) WHERE state IN ('creating', 'live', 'ending');

ALTER TABLE events ADD COLUMN video_id BLOB;

-- Told in the transaction that changes it. One whose visitor was erased is nobody's any more.
CREATE TRIGGER video_sessions_tell AFTER UPDATE OF state ON video_sessions
WHEN NEW.state <> OLD.state AND (
    NEW.state IN ('live', 'failed', 'uncertain') OR (NEW.state = 'ended' AND NEW.started_at IS NOT NULL)
) BEGIN
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
END;
