-- Conversations: from the log to the outbox. Partial indexes hold only what is unfinished, so that finished rows,
-- however many, cost nothing.

-- The embedded log, for an installation of one node. An offset is never given twice; a writer that fails leaves a gap.
CREATE TABLE ingress_log (
    log_offset  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    channel_id  uuid NOT NULL,
    received_at bigint NOT NULL,
    payload     text NOT NULL
);

-- One for each lane that a log can have; lane 0's is number 1.
CREATE TABLE ingress_cursor (
    id         bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 256),
    log_offset bigint NOT NULL
);
INSERT INTO ingress_cursor (id, log_offset) SELECT n, 0 FROM generate_series(1, 256) AS n;

CREATE TABLE contacts (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    name       text,
    created_at bigint NOT NULL
);
CREATE INDEX contacts_of_tenant ON contacts (tenant_id, id);

CREATE TABLE contact_identities (
    tenant_id  uuid NOT NULL REFERENCES tenants (id),
    channel_id uuid NOT NULL REFERENCES channels (id),
    address    text NOT NULL,
    contact_id uuid NOT NULL REFERENCES contacts (id),
    PRIMARY KEY (tenant_id, channel_id, address)
);
CREATE INDEX contact_identities_of_contact ON contact_identities (contact_id);

CREATE TABLE conversations (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES tenants (id),
    channel_id      uuid NOT NULL REFERENCES channels (id),
    contact_id      uuid NOT NULL REFERENCES contacts (id),
    peer            text NOT NULL,
    peer_name       text,
    -- The fence: each commit names the version it was decided on.
    version         bigint NOT NULL DEFAULT 0,
    -- The number of the last message of the inbox.
    last_seq        bigint NOT NULL,
    mode            text NOT NULL DEFAULT 'agent',
    snapshot        text,
    created_at      bigint NOT NULL,
    last_inbound_at bigint NOT NULL
)
-- Every turn changes the row twice: room for that on its own page.
WITH (fillfactor = 70);
CREATE UNIQUE INDEX conversations_by_peer ON conversations (tenant_id, channel_id, peer);
CREATE INDEX conversations_of_tenant ON conversations (tenant_id, last_inbound_at, id);

CREATE TABLE inbox (
    conversation_id     uuid NOT NULL REFERENCES conversations (id),
    seq                 bigint NOT NULL,
    tenant_id           uuid NOT NULL,
    channel_id          uuid NOT NULL,
    -- What repeated deliveries are recognised by; a replay has a suffix of its own.
    provider_message_id text NOT NULL,
    received_at         bigint NOT NULL,
    payload             text NOT NULL,
    outcome             text,
    outcome_detail      text,
    settled_at          bigint
);
CREATE UNIQUE INDEX inbox_by_seq ON inbox (conversation_id, seq);
CREATE UNIQUE INDEX inbox_by_provider_id ON inbox (tenant_id, channel_id, provider_message_id);
CREATE INDEX inbox_pending ON inbox (conversation_id, tenant_id, seq) WHERE outcome IS NULL;

-- The transcript: what both sides said, in the order of writing.
CREATE TABLE messages (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              uuid NOT NULL UNIQUE,
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL REFERENCES conversations (id),
    speaker         text NOT NULL CHECK (speaker IN ('person', 'agent', 'operator')),
    -- Number in the inbox; none for what our side says.
    seq             bigint,
    turn            bigint,
    kind            text NOT NULL,
    text            text NOT NULL,
    citations       text,
    abstained       boolean NOT NULL DEFAULT FALSE,
    created_at      bigint NOT NULL
);
CREATE INDEX messages_of_conversation ON messages (tenant_id, conversation_id, position);

-- One line for a completion, one for each call's result: a second one is refused.
CREATE TABLE journal (
    conversation_id uuid NOT NULL REFERENCES conversations (id),
    turn            bigint NOT NULL,
    step            bigint NOT NULL,
    what            text NOT NULL CHECK (what IN ('completion', 'settled')),
    place           bigint NOT NULL,
    tenant_id       uuid NOT NULL,
    payload         text NOT NULL,
    created_at      bigint NOT NULL
);
CREATE UNIQUE INDEX journal_once ON journal (conversation_id, turn, step, what, place);

CREATE TABLE outbox (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              uuid NOT NULL UNIQUE,
    tenant_id       uuid NOT NULL,
    channel_id      uuid NOT NULL,
    conversation_id uuid NOT NULL REFERENCES conversations (id),
    message_id      uuid NOT NULL,
    peer            text NOT NULL,
    peer_name       text,
    text            text NOT NULL,
    citations       text NOT NULL,
    last_inbound_at bigint NOT NULL,
    -- Where the row is in our queue …
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'done')),
    -- … the first unfinished one of its conversation: only such rows are claimed, so peers keep their order …
    head            boolean NOT NULL,
    -- … and how far the message came.
    status          text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'uncertain', 'sent', 'delivered', 'read', 'failed')),
    due_at          bigint NOT NULL,
    claimed_at      bigint,
    status_at       bigint,
    attempts        bigint NOT NULL DEFAULT 0,
    parts_sent      bigint NOT NULL DEFAULT 0,
    cause           text,
    created_at      bigint NOT NULL
);
CREATE INDEX outbox_due ON outbox (tenant_id, channel_id, due_at, position) WHERE state = 'queued' AND head;
CREATE INDEX outbox_sending ON outbox (tenant_id, channel_id) WHERE state = 'sending';
CREATE INDEX outbox_open ON outbox (conversation_id, position) WHERE state <> 'done';
CREATE INDEX outbox_of_message ON outbox (message_id);
-- What a delivery or read watermark can still move.
CREATE INDEX outbox_unread ON outbox (conversation_id, claimed_at) WHERE status IN ('sent', 'delivered');

-- One row for each part that a provider took and named.
CREATE TABLE outbox_parts (
    tenant_id           uuid NOT NULL,
    channel_id          uuid NOT NULL,
    provider_message_id text NOT NULL,
    outbox_id           uuid NOT NULL,
    part                bigint NOT NULL,
    PRIMARY KEY (tenant_id, channel_id, provider_message_id)
);

CREATE TABLE timers (
    conversation_id uuid PRIMARY KEY REFERENCES conversations (id),
    tenant_id       uuid NOT NULL,
    due_at          bigint NOT NULL
);
CREATE INDEX timers_due ON timers (due_at);

CREATE TABLE dead_letters (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL REFERENCES conversations (id),
    -- A message that was not answered, or a reply that was not delivered.
    kind            text NOT NULL CHECK (kind IN ('message', 'delivery')),
    seq             bigint,
    outbox_id       uuid,
    code            text NOT NULL,
    cause           text NOT NULL,
    created_at      bigint NOT NULL,
    replayed_at     bigint
);
CREATE INDEX dead_letters_of_tenant ON dead_letters (tenant_id, id);
CREATE INDEX dead_letters_open ON dead_letters (tenant_id, id) WHERE replayed_at IS NULL;
-- A reply of unknown outcome is a dead letter until a status settles it: found by its reply.
CREATE INDEX dead_letters_of_outbox ON dead_letters (outbox_id, tenant_id) WHERE outbox_id IS NOT NULL;

CREATE TABLE ledger (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id         uuid NOT NULL,
    agent_id          uuid NOT NULL,
    -- Days since 1970-01-01, UTC.
    day               bigint NOT NULL,
    conversation_id   uuid NOT NULL,
    turn              bigint NOT NULL,
    step              bigint NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost_micros       bigint NOT NULL,
    created_at        bigint NOT NULL
);
CREATE INDEX ledger_by_day ON ledger (tenant_id, agent_id, day, cost_micros, prompt_tokens, completion_tokens);
