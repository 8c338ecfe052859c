-- The same meaning as in SQLite's schema: what happened, counted by day; what a tenant may use, and what it may spend.
-- Many rows of one statement become few notes, where a statement writes many.

CREATE TABLE metric_changes (
    tenant_id         uuid NOT NULL,
    id                uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Days since 1970-01-01, UTC.
    day               bigint NOT NULL,
    channel_id        uuid NOT NULL,
    agent_id          uuid NOT NULL,
    -- Of completions only: they are also counted by conversation.
    conversation_id   uuid,
    what              text NOT NULL,
    -- Of answered messages: the wait in milliseconds, rounded up to one of a few bounds. Otherwise 0.
    bound             bigint NOT NULL DEFAULT 0,
    times             bigint NOT NULL DEFAULT 1,
    prompt_tokens     bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    cost_micros       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE daily_metrics (
    tenant_id         uuid NOT NULL,
    day               bigint NOT NULL,
    channel_id        uuid NOT NULL,
    agent_id          uuid NOT NULL,
    what              text NOT NULL,
    bound             bigint NOT NULL,
    times             bigint NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost_micros       bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, channel_id, agent_id, what, bound)
);

CREATE TABLE conversation_costs (
    tenant_id         uuid NOT NULL,
    day               bigint NOT NULL,
    conversation_id   uuid NOT NULL,
    agent_id          uuid NOT NULL,
    turns             bigint NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost_micros       bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, conversation_id, agent_id)
);

-- What a tenant may use; what is NULL has no limit, and so has everything of a tenant without a row.
CREATE TABLE subscriptions (
    tenant_id          uuid PRIMARY KEY REFERENCES tenants (id),
    plan               text NOT NULL,
    -- That people write, in a calendar month.
    messages_per_month bigint,
    agents             bigint,
    documents          bigint,
    storage_bytes      bigint,
    seats              bigint,
    created_at         bigint NOT NULL,
    updated_at         bigint NOT NULL
);

-- What a tenant wants to spend on models.
CREATE TABLE budgets (
    tenant_id      uuid PRIMARY KEY REFERENCES tenants (id),
    -- In a calendar month, in millionths of a US dollar.
    monthly_micros bigint,
    -- The first days of the months in which four fifths, and all of it, were seen to be spent: each is told once.
    warned         bigint NOT NULL DEFAULT 0,
    spent          bigint NOT NULL DEFAULT 0,
    updated_at     bigint NOT NULL
);

-- Figures name what was deleted, too.
CREATE INDEX agents_ever ON agents (tenant_id);
CREATE INDEX channels_ever ON channels (tenant_id);

CREATE FUNCTION conversations_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT n.tenant_id, n.created_at / 86400000, n.channel_id, h.agent_id, 'begun', COUNT(*)
        FROM now_there n JOIN channels h ON h.id = n.channel_id GROUP BY 1, 2, 3, 4;
    RETURN NULL;
END
$$;

CREATE FUNCTION modes_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT NEW.tenant_id, CAST(floor(EXTRACT(EPOCH FROM clock_timestamp())) AS bigint) / 86400, NEW.channel_id,
            h.agent_id, 'handed_over'
        FROM channels h WHERE h.id = NEW.channel_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION messages_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT n.tenant_id, n.created_at / 86400000, c.channel_id, h.agent_id,
            CASE
                WHEN n.speaker = 'person' THEN 'received'
                WHEN n.speaker = 'operator' AND n.seq IS NULL THEN 'written'
                WHEN n.speaker = 'operator' THEN 'echoed'
                WHEN n.turn IS NULL THEN 'notice'
                WHEN n.abstained THEN 'replied.unknown'
                WHEN n.citations IS NOT NULL THEN 'replied.cited'
                ELSE 'replied.plain'
            END,
            COUNT(*)
        FROM now_there n JOIN conversations c ON c.id = n.conversation_id JOIN channels h ON h.id = c.channel_id
        GROUP BY 1, 2, 3, 4, 5;
    RETURN NULL;
END
$$;

-- Echoes are nobody's messages to us.
CREATE FUNCTION inbox_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, bound, times)
        SELECT n.tenant_id, n.received_at / 86400000, n.channel_id, h.agent_id, 'in.' || n.outcome,
            CASE
                WHEN n.outcome <> 'answered' THEN 0
                WHEN n.settled_at - n.received_at <= 50 THEN 50
                WHEN n.settled_at - n.received_at <= 100 THEN 100
                WHEN n.settled_at - n.received_at <= 200 THEN 200
                WHEN n.settled_at - n.received_at <= 350 THEN 350
                WHEN n.settled_at - n.received_at <= 500 THEN 500
                WHEN n.settled_at - n.received_at <= 750 THEN 750
                WHEN n.settled_at - n.received_at <= 1000 THEN 1000
                WHEN n.settled_at - n.received_at <= 1500 THEN 1500
                WHEN n.settled_at - n.received_at <= 2000 THEN 2000
                WHEN n.settled_at - n.received_at <= 3000 THEN 3000
                WHEN n.settled_at - n.received_at <= 5000 THEN 5000
                WHEN n.settled_at - n.received_at <= 7500 THEN 7500
                WHEN n.settled_at - n.received_at <= 10000 THEN 10000
                WHEN n.settled_at - n.received_at <= 15000 THEN 15000
                WHEN n.settled_at - n.received_at <= 30000 THEN 30000
                WHEN n.settled_at - n.received_at <= 60000 THEN 60000
                WHEN n.settled_at - n.received_at <= 300000 THEN 300000
                ELSE 3600000
            END,
            COUNT(*)
        FROM now_there n
        JOIN was_there w ON w.conversation_id = n.conversation_id AND w.seq = n.seq
        JOIN channels h ON h.id = n.channel_id
        WHERE w.outcome IS NULL AND n.outcome IS NOT NULL
            AND NOT (n.outcome = 'ignored' AND COALESCE(strpos(n.outcome_detail, '"rule":"echo"'), 0) > 0)
        GROUP BY 1, 2, 3, 4, 5, 6;
    RETURN NULL;
END
$$;

CREATE FUNCTION inbox_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT OLD.tenant_id, OLD.received_at / 86400000, OLD.channel_id, h.agent_id, 'in.erased'
        FROM channels h WHERE h.id = OLD.channel_id AND EXISTS (
            SELECT 1 FROM messages m WHERE m.tenant_id = OLD.tenant_id AND m.conversation_id = OLD.conversation_id
                AND m.seq = OLD.seq AND m.speaker = 'person'
        );
    RETURN NULL;
END
$$;

-- A message that is tried again waits again.
CREATE FUNCTION dead_letters_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT NEW.tenant_id, i.received_at / 86400000, i.channel_id, h.agent_id, 'in.dead_lettered', -1
        FROM inbox i JOIN channels h ON h.id = i.channel_id
        WHERE i.conversation_id = NEW.conversation_id AND i.seq = NEW.seq;
    RETURN NULL;
END
$$;

-- What is queued is the rest.
CREATE FUNCTION outbox_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT NEW.tenant_id, NEW.created_at / 86400000, NEW.channel_id, h.agent_id, 'out.' || moved.status, moved.times
        FROM channels h, (VALUES (OLD.status, -1), (NEW.status, 1)) AS moved (status, times)
        WHERE h.id = NEW.channel_id AND moved.status <> 'queued';
    RETURN NULL;
END
$$;

CREATE FUNCTION outbox_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT OLD.tenant_id, OLD.created_at / 86400000, OLD.channel_id, h.agent_id, 'out.erased'
        FROM channels h WHERE h.id = OLD.channel_id;
    RETURN NULL;
END
$$;

-- The quotes inside of a text are escaped: what is looked for is the status of the result and nothing else.
CREATE FUNCTION journal_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT n.tenant_id, n.created_at / 86400000, c.channel_id, h.agent_id,
            CASE WHEN strpos(n.payload, '"status":{"status":"done"}') > 0 THEN 'tool.ok' ELSE 'tool.failed' END, COUNT(*)
        FROM now_there n JOIN conversations c ON c.id = n.conversation_id JOIN channels h ON h.id = c.channel_id
        WHERE n.what = 'settled' GROUP BY 1, 2, 3, 4, 5;
    RETURN NULL;
END
$$;

CREATE FUNCTION ledger_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, conversation_id, what, prompt_tokens,
            completion_tokens, cost_micros)
        SELECT n.tenant_id, n.day, c.channel_id, n.agent_id, n.conversation_id,
            CASE n.step WHEN 0 THEN 'turn' ELSE 'step' END, n.prompt_tokens, n.completion_tokens, n.cost_micros
        FROM now_there n JOIN conversations c ON c.id = n.conversation_id;
    RETURN NULL;
END
$$;

-- One name on all tables that are filled by a transfer: it silences them meanwhile.
CREATE TRIGGER counts AFTER INSERT ON conversations REFERENCING NEW TABLE AS now_there
    FOR EACH STATEMENT EXECUTE FUNCTION conversations_count();
CREATE TRIGGER counts AFTER INSERT ON messages REFERENCING NEW TABLE AS now_there
    FOR EACH STATEMENT EXECUTE FUNCTION messages_count();
CREATE TRIGGER counts AFTER INSERT ON journal REFERENCING NEW TABLE AS now_there
    FOR EACH STATEMENT EXECUTE FUNCTION journal_counts();
CREATE TRIGGER counts AFTER INSERT ON ledger REFERENCING NEW TABLE AS now_there
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_counts();
CREATE TRIGGER inbox_counts AFTER UPDATE ON inbox REFERENCING OLD TABLE AS was_there NEW TABLE AS now_there
    FOR EACH STATEMENT EXECUTE FUNCTION inbox_counts();
CREATE TRIGGER inbox_erased AFTER DELETE ON inbox FOR EACH ROW
    WHEN (OLD.outcome IS NULL) EXECUTE FUNCTION inbox_erased();
CREATE TRIGGER modes_count AFTER UPDATE OF mode ON conversations FOR EACH ROW
    WHEN (NEW.mode IS DISTINCT FROM OLD.mode AND NEW.mode = 'operator') EXECUTE FUNCTION modes_count();
CREATE TRIGGER dead_letters_count AFTER UPDATE OF replayed_at ON dead_letters FOR EACH ROW
    WHEN (OLD.replayed_at IS NULL AND NEW.replayed_at IS NOT NULL AND NEW.kind = 'message')
    EXECUTE FUNCTION dead_letters_count();
CREATE TRIGGER outbox_counts AFTER UPDATE OF status ON outbox FOR EACH ROW
    WHEN (NEW.status IS DISTINCT FROM OLD.status) EXECUTE FUNCTION outbox_counts();
CREATE TRIGGER outbox_erased AFTER DELETE ON outbox FOR EACH ROW
    WHEN (OLD.status = 'queued') EXECUTE FUNCTION outbox_erased();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['metric_changes', 'daily_metrics', 'conversation_costs', 'subscriptions', 'budgets'] LOOP
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
