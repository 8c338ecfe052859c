-- Calls of tools that wait for a person's word.
CREATE TABLE approvals (
    id              uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL REFERENCES tenants (id),
    conversation_id uuid NOT NULL REFERENCES conversations (id),
    -- Where the call was intended.
    turn            bigint NOT NULL,
    step            bigint NOT NULL,
    place           bigint NOT NULL,
    -- The call as the model wrote it, and the idempotency key with which it runs.
    call_id         text NOT NULL,
    tool            text NOT NULL,
    arguments       text NOT NULL,
    key             text NOT NULL,
    -- The agent's policy, and which arguments came from where, as JSON.
    why             text NOT NULL,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied')),
    requested_at    bigint NOT NULL,
    -- When it was found that nobody decided in time; says nothing else.
    overdue_at      bigint,
    decided_at      bigint,
    decider_kind    text,
    decided_by      uuid,
    reason          text,
    -- When the conversation took the decision up, and the turn that did.
    taken_at        bigint,
    taken_turn      bigint,
    -- What came of an approved call: done, failed, uncertain; and the failure's code.
    outcome         text,
    code            text,
    settled_at      bigint,
    -- When nothing was left to be done or said about it.
    ended_at        bigint
);
CREATE UNIQUE INDEX approvals_once ON approvals (conversation_id, turn, step, place);
CREATE INDEX approvals_of_tenant ON approvals (tenant_id, id);
CREATE INDEX approvals_in_status ON approvals (tenant_id, status, id);
CREATE INDEX approvals_of_conversation ON approvals (tenant_id, conversation_id, id);
-- What conversations have yet to take up, or to finish.
CREATE INDEX approvals_decided ON approvals (conversation_id) WHERE status <> 'pending' AND ended_at IS NULL;
-- What nobody decided and nobody was told of yet.
CREATE INDEX approvals_waiting ON approvals (requested_at) WHERE status = 'pending' AND overdue_at IS NULL;

ALTER TABLE events ADD COLUMN approval_id uuid;

CREATE FUNCTION approvals_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, approval_id, detail, created_at)
        VALUES (NEW.tenant_id, 'tool.approval_requested', NEW.conversation_id, NEW.id, NEW.status, NEW.requested_at);
    RETURN NULL;
END
$$;

CREATE FUNCTION approvals_tell_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, approval_id, detail, created_at)
        VALUES (NEW.tenant_id, 'tool.approval_decided', NEW.conversation_id, NEW.id, NEW.status, NEW.decided_at);
    RETURN NULL;
END
$$;

CREATE FUNCTION approvals_tell_overdue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, approval_id, detail, created_at)
        VALUES (NEW.tenant_id, 'tool.approval_overdue', NEW.conversation_id, NEW.id, NEW.status, NEW.overdue_at);
    RETURN NULL;
END
$$;

-- `tells`: the name by which a transfer silences what it fills.
CREATE TRIGGER tells AFTER INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION approvals_tell();
CREATE TRIGGER approvals_tell_decisions AFTER UPDATE OF status ON approvals FOR EACH ROW
    WHEN (NEW.status IS DISTINCT FROM OLD.status) EXECUTE FUNCTION approvals_tell_decisions();
CREATE TRIGGER approvals_tell_overdue AFTER UPDATE OF overdue_at ON approvals FOR EACH ROW
    WHEN (OLD.overdue_at IS NULL AND NEW.overdue_at IS NOT NULL) EXECUTE FUNCTION approvals_tell_overdue();

ALTER TABLE approvals ENABLE ROW LEVEL SECURITY;
ALTER TABLE approvals FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON approvals USING ((SELECT current_setting('colloquy.tenant', true)) = '*'
    OR tenant_id = (SELECT CAST(substring(current_setting('colloquy.tenant', true)
        FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$') AS uuid)));
