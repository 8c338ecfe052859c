-- Conversations: from the log to the outbox. Partial indexes hold only what is unfinished, so that finished rows,
-- however many, cost nothing.

-- AUTOINCREMENT: an offset is never given twice, even after the log was trimmed to nothing.
CREATE TABLE ingress_log (
    log_offset  INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id   BLOB NOT NULL,
    channel_id  BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    payload     TEXT NOT NULL
);

CREATE TABLE ingress_cursor (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    log_offset INTEGER NOT NULL
);
INSERT INTO ingress_cursor (id, log_offset) VALUES (1, 0);

CREATE TABLE contacts (
    id         BLOB PRIMARY KEY,
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    name       TEXT,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX contacts_of_tenant ON contacts (tenant_id, id);

CREATE TABLE contact_identities (
    tenant_id  BLOB NOT NULL REFERENCES tenants (id),
    channel_id BLOB NOT NULL REFERENCES channels (id),
    address    TEXT NOT NULL,
    contact_id BLOB NOT NULL REFERENCES contacts (id),
    PRIMARY KEY (tenant_id, channel_id, address)
) WITHOUT ROWID;
CREATE INDEX contact_identities_of_contact ON contact_identities (contact_id);

CREATE TABLE conversations (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL REFERENCES tenants (id),
    channel_id      BLOB NOT NULL REFERENCES channels (id),
    contact_id      BLOB NOT NULL REFERENCES contacts (id),
    peer            TEXT NOT NULL,
    peer_name       TEXT,
    -- The fence: each commit names the version it was decided on.
    version         INTEGER NOT NULL DEFAULT 0,
    -- The number of the last message of the inbox.
    last_seq        INTEGER NOT NULL,
    mode            TEXT NOT NULL DEFAULT 'agent',
    snapshot        TEXT,
    created_at      INTEGER NOT NULL,
    last_inbound_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX conversations_by_peer ON conversations (tenant_id, channel_id, peer);
CREATE INDEX conversations_of_tenant ON conversations (tenant_id, last_inbound_at, id);

CREATE TABLE inbox (
    conversation_id     BLOB NOT NULL REFERENCES conversations (id),
    seq                 INTEGER NOT NULL,
    tenant_id           BLOB NOT NULL,
    channel_id          BLOB NOT NULL,
    -- What repeated deliveries are recognised by; a replay has a suffix of its own.
    provider_message_id TEXT NOT NULL,
    received_at         INTEGER NOT NULL,
    payload             TEXT NOT NULL,
    outcome             TEXT,
    outcome_detail      TEXT,
    settled_at          INTEGER
);
CREATE UNIQUE INDEX inbox_by_seq ON inbox (conversation_id, seq);
CREATE UNIQUE INDEX inbox_by_provider_id ON inbox (tenant_id, channel_id, provider_message_id);
CREATE INDEX inbox_pending ON inbox (conversation_id, tenant_id, seq) WHERE outcome IS NULL;

-- The transcript: what both sides said, in the order of writing.
CREATE TABLE messages (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB NOT NULL UNIQUE,
    tenant_id       BLOB NOT NULL,
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    speaker         TEXT NOT NULL CHECK (speaker IN ('person', 'agent', 'operator')),
    -- Number in the inbox; none for what our side says.
    seq             INTEGER,
    turn            INTEGER,
    kind            TEXT NOT NULL,
    text            TEXT NOT NULL,
    citations       TEXT,
    abstained       INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL
);
CREATE INDEX messages_of_conversation ON messages (tenant_id, conversation_id, position);

-- One line for a completion, one for each call's result: a second one is refused.
CREATE TABLE journal (
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    turn            INTEGER NOT NULL,
    step            INTEGER NOT NULL,
    what            TEXT NOT NULL CHECK (what IN ('completion', 'settled')),
    place           INTEGER NOT NULL,
    tenant_id       BLOB NOT NULL,
    payload         TEXT NOT NULL,
    created_at      INTEGER NOT NULL
);
CREATE UNIQUE INDEX journal_once ON journal (conversation_id, turn, step, what, place);

CREATE TABLE outbox (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB NOT NULL UNIQUE,
    tenant_id       BLOB NOT NULL,
    channel_id      BLOB NOT NULL,
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    message_id      BLOB NOT NULL,
    peer            TEXT NOT NULL,
    peer_name       TEXT,
    text            TEXT NOT NULL,
    citations       TEXT NOT NULL,
    last_inbound_at INTEGER NOT NULL,
    -- Where the row is in our queue …
    state           TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'done')),
    -- … the first unfinished one of its conversation: only such rows are claimed, so peers keep their order …
    head            INTEGER NOT NULL,
    -- … and how far the message came.
    status          TEXT NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'uncertain', 'sent', 'delivered', 'read', 'failed')),
    due_at          INTEGER NOT NULL,
    claimed_at      INTEGER,
    status_at       INTEGER,
    attempts        INTEGER NOT NULL DEFAULT 0,
    parts_sent      INTEGER NOT NULL DEFAULT 0,
    cause           TEXT,
    created_at      INTEGER NOT NULL
);
CREATE INDEX outbox_due ON outbox (tenant_id, channel_id, due_at, position) WHERE state = 'queued' AND head = 1;
CREATE INDEX outbox_sending ON outbox (tenant_id, channel_id) WHERE state = 'sending';
CREATE INDEX outbox_open ON outbox (conversation_id, position) WHERE state <> 'done';
CREATE INDEX outbox_of_message ON outbox (message_id);
-- What a delivery or read watermark can still move.
CREATE INDEX outbox_unread ON outbox (conversation_id, claimed_at) WHERE status IN ('sent', 'delivered');

-- One row for each part that a provider took and named.
CREATE TABLE outbox_parts (
    tenant_id           BLOB NOT NULL,
    channel_id          BLOB NOT NULL,
    provider_message_id TEXT NOT NULL,
    outbox_id           BLOB NOT NULL,
    part                INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel_id, provider_message_id)
) WITHOUT ROWID;

CREATE TABLE timers (
    conversation_id BLOB PRIMARY KEY REFERENCES conversations (id),
    tenant_id       BLOB NOT NULL,
    due_at          INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due_at);

CREATE TABLE dead_letters (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL,
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    -- A message that was not answered, or a reply that was not delivered.
    kind            TEXT NOT NULL CHECK (kind IN ('message', 'delivery')),
    seq             INTEGER,
    outbox_id       BLOB,
    code            TEXT NOT NULL,
    cause           TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    replayed_at     INTEGER
);
CREATE INDEX dead_letters_of_tenant ON dead_letters (tenant_id, id);
CREATE INDEX dead_letters_open ON dead_letters (tenant_id, id) WHERE replayed_at IS NULL;

CREATE TABLE ledger (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id         BLOB NOT NULL,
    agent_id          BLOB NOT NULL,
    -- Days since 1970-01-01, UTC.
    day               INTEGER NOT NULL,
    conversation_id   BLOB NOT NULL,
    turn              INTEGER NOT NULL,
    step              INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_micros       INTEGER NOT NULL,
    created_at        INTEGER NOT NULL
);
CREATE INDEX ledger_by_day ON ledger (tenant_id, agent_id, day, cost_micros, prompt_tokens, completion_tokens);
