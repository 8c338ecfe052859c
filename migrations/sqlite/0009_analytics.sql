-- What happened, counted by day; what a tenant may use, and what it may spend.
--
-- Triggers note each change (`metric_changes`) in the transaction that makes it, and one statement after the other adds
-- the notes to the figures and deletes them. Whoever reads adds both up, so that the figures are never behind.

-- `what` is one of:
--   begun, handed_over                                                   conversations, on the day that it happened
--   received                                                             lines of people
--   replied.cited, replied.unknown, replied.plain                        lines of the agent that end a turn
--   notice, written, echoed                                              our other sentences; the team's, here and elsewhere
--   in.answered, in.merged, in.handed_over, in.ignored, in.dead_lettered what became of people's messages
--   in.erased                                                            they were erased before anything became of them
--   out.<status of the outbox>, out.erased                               how far lines came that have an outbox
--   turn, step                                                           completions: a turn's first one, and the others
--   tool.ok, tool.failed                                                 results of tools
-- Messages count on the day of the message, whatever happens to them later.
CREATE TABLE metric_changes (
    tenant_id         BLOB NOT NULL,
    id                BLOB NOT NULL DEFAULT (randomblob(16)),
    -- Days since 1970-01-01, UTC.
    day               INTEGER NOT NULL,
    channel_id        BLOB NOT NULL,
    agent_id          BLOB NOT NULL,
    -- Of completions only: they are also counted by conversation.
    conversation_id   BLOB,
    what              TEXT NOT NULL,
    -- Of answered messages: the wait in milliseconds, rounded up to one of a few bounds. Otherwise 0.
    bound             INTEGER NOT NULL DEFAULT 0,
    times             INTEGER NOT NULL DEFAULT 1,
    prompt_tokens     INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    cost_micros       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

CREATE TABLE daily_metrics (
    tenant_id         BLOB NOT NULL,
    day               INTEGER NOT NULL,
    channel_id        BLOB NOT NULL,
    agent_id          BLOB NOT NULL,
    what              TEXT NOT NULL,
    bound             INTEGER NOT NULL,
    times             INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_micros       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, channel_id, agent_id, what, bound)
) WITHOUT ROWID;

CREATE TABLE conversation_costs (
    tenant_id         BLOB NOT NULL,
    day               INTEGER NOT NULL,
    conversation_id   BLOB NOT NULL,
    agent_id          BLOB NOT NULL,
    turns             INTEGER NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cost_micros       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, conversation_id, agent_id)
) WITHOUT ROWID;

-- What a tenant may use; what is NULL has no limit, and so has everything of a tenant without a row.
CREATE TABLE subscriptions (
    tenant_id          BLOB PRIMARY KEY REFERENCES tenants (id),
    plan               TEXT NOT NULL,
    -- That people write, in a calendar month.
    messages_per_month INTEGER,
    agents             INTEGER,
    documents          INTEGER,
    storage_bytes      INTEGER,
    seats              INTEGER,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) WITHOUT ROWID;

-- What a tenant wants to spend on models.
CREATE TABLE budgets (
    tenant_id      BLOB PRIMARY KEY REFERENCES tenants (id),
    -- In a calendar month, in millionths of a US dollar.
    monthly_micros INTEGER,
    -- The first days of the months in which four fifths, and all of it, were seen to be spent: each is told once.
    warned         INTEGER NOT NULL DEFAULT 0,
    spent          INTEGER NOT NULL DEFAULT 0,
    updated_at     INTEGER NOT NULL
) WITHOUT ROWID;

-- Figures name what was deleted, too.
CREATE INDEX agents_ever ON agents (tenant_id);
CREATE INDEX channels_ever ON channels (tenant_id);

CREATE TRIGGER conversations_count AFTER INSERT ON conversations BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT NEW.tenant_id, NEW.created_at / 86400000, NEW.channel_id, h.agent_id, 'begun'
        FROM channels h WHERE h.id = NEW.channel_id;
END;

CREATE TRIGGER modes_count AFTER UPDATE OF mode ON conversations WHEN NEW.mode <> OLD.mode AND NEW.mode = 'operator' BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT NEW.tenant_id, unixepoch() / 86400, NEW.channel_id, h.agent_id, 'handed_over'
        FROM channels h WHERE h.id = NEW.channel_id;
END;

CREATE TRIGGER messages_count AFTER INSERT ON messages BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT NEW.tenant_id, NEW.created_at / 86400000, c.channel_id, h.agent_id,
            CASE
                WHEN NEW.speaker = 'person' THEN 'received'
                WHEN NEW.speaker = 'operator' AND NEW.seq IS NULL THEN 'written'
                WHEN NEW.speaker = 'operator' THEN 'echoed'
                WHEN NEW.turn IS NULL THEN 'notice'
                WHEN NEW.abstained = 1 THEN 'replied.unknown'
                WHEN NEW.citations IS NOT NULL THEN 'replied.cited'
                ELSE 'replied.plain'
            END
        FROM conversations c JOIN channels h ON h.id = c.channel_id WHERE c.id = NEW.conversation_id;
END;

-- Echoes are nobody's messages to us.
CREATE TRIGGER inbox_counts AFTER UPDATE OF outcome ON inbox
WHEN OLD.outcome IS NULL AND NEW.outcome IS NOT NULL
    AND NOT (NEW.outcome = 'ignored' AND COALESCE(instr(NEW.outcome_detail, '"rule":"echo"'), 0) > 0) BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, bound)
        SELECT NEW.tenant_id, NEW.received_at / 86400000, NEW.channel_id, h.agent_id, 'in.' || NEW.outcome,
            CASE
                WHEN NEW.outcome <> 'answered' THEN 0
                WHEN NEW.settled_at - NEW.received_at <= 50 THEN 50
                WHEN NEW.settled_at - NEW.received_at <= 100 THEN 100
                WHEN NEW.settled_at - NEW.received_at <= 200 THEN 200
                WHEN NEW.settled_at - NEW.received_at <= 350 THEN 350
                WHEN NEW.settled_at - NEW.received_at <= 500 THEN 500
                WHEN NEW.settled_at - NEW.received_at <= 750 THEN 750
                WHEN NEW.settled_at - NEW.received_at <= 1000 THEN 1000
                WHEN NEW.settled_at - NEW.received_at <= 1500 THEN 1500
                WHEN NEW.settled_at - NEW.received_at <= 2000 THEN 2000
                WHEN NEW.settled_at - NEW.received_at <= 3000 THEN 3000
                WHEN NEW.settled_at - NEW.received_at <= 5000 THEN 5000
                WHEN NEW.settled_at - NEW.received_at <= 7500 THEN 7500
                WHEN NEW.settled_at - NEW.received_at <= 10000 THEN 10000
                WHEN NEW.settled_at - NEW.received_at <= 15000 THEN 15000
                WHEN NEW.settled_at - NEW.received_at <= 30000 THEN 30000
                WHEN NEW.settled_at - NEW.received_at <= 60000 THEN 60000
                WHEN NEW.settled_at - NEW.received_at <= 300000 THEN 300000
                ELSE 3600000
            END
        FROM channels h WHERE h.id = NEW.channel_id;
END;

CREATE TRIGGER inbox_erased AFTER DELETE ON inbox
WHEN OLD.outcome IS NULL AND EXISTS (
    SELECT 1 FROM messages m WHERE m.tenant_id = OLD.tenant_id AND m.conversation_id = OLD.conversation_id
        AND m.seq = OLD.seq AND m.speaker = 'person'
) BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT OLD.tenant_id, OLD.received_at / 86400000, OLD.channel_id, h.agent_id, 'in.erased'
        FROM channels h WHERE h.id = OLD.channel_id;
END;

-- A message that is tried again waits again.
CREATE TRIGGER dead_letters_count AFTER UPDATE OF replayed_at ON dead_letters
WHEN OLD.replayed_at IS NULL AND NEW.replayed_at IS NOT NULL AND NEW.kind = 'message' BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT NEW.tenant_id, i.received_at / 86400000, i.channel_id, h.agent_id, 'in.dead_lettered', -1
        FROM inbox i JOIN channels h ON h.id = i.channel_id
        WHERE i.conversation_id = NEW.conversation_id AND i.seq = NEW.seq;
END;

-- What is queued is the rest.
CREATE TRIGGER outbox_counts AFTER UPDATE OF status ON outbox WHEN NEW.status <> OLD.status BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT NEW.tenant_id, NEW.created_at / 86400000, NEW.channel_id, h.agent_id, 'out.' || OLD.status, -1
        FROM channels h WHERE h.id = NEW.channel_id AND OLD.status <> 'queued';
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT NEW.tenant_id, NEW.created_at / 86400000, NEW.channel_id, h.agent_id, 'out.' || NEW.status
        FROM channels h WHERE h.id = NEW.channel_id AND NEW.status <> 'queued';
END;

CREATE TRIGGER outbox_erased AFTER DELETE ON outbox WHEN OLD.status = 'queued' BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT OLD.tenant_id, OLD.created_at / 86400000, OLD.channel_id, h.agent_id, 'out.erased'
        FROM channels h WHERE h.id = OLD.channel_id;
END;

-- The quotes inside of a text are escaped: what is looked for is the status of the result and nothing else.
CREATE TRIGGER journal_counts AFTER INSERT ON journal WHEN NEW.what = 'settled' BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT NEW.tenant_id, NEW.created_at / 86400000, c.channel_id, h.agent_id,
            CASE WHEN instr(NEW.payload, '"status":{"status":"done"}') > 0 THEN 'tool.ok' ELSE 'tool.failed' END
        FROM conversations c JOIN channels h ON h.id = c.channel_id WHERE c.id = NEW.conversation_id;
END;

CREATE TRIGGER ledger_counts AFTER INSERT ON ledger BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, conversation_id, what, prompt_tokens,
            completion_tokens, cost_micros)
        SELECT NEW.tenant_id, NEW.day, c.channel_id, NEW.agent_id, NEW.conversation_id,
            CASE NEW.step WHEN 0 THEN 'turn' ELSE 'step' END, NEW.prompt_tokens, NEW.completion_tokens, NEW.cost_micros
        FROM conversations c WHERE c.id = NEW.conversation_id;
END;
