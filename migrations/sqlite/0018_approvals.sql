-- Calls of tools that wait for a person's word.
CREATE TABLE approvals (
    id              BLOB PRIMARY KEY,
    tenant_id       BLOB NOT NULL REFERENCES tenants (id),
    conversation_id BLOB NOT NULL REFERENCES conversations (id),
    -- Where the call was intended.
    turn            INTEGER NOT NULL,
    step            INTEGER NOT NULL,
    place           INTEGER NOT NULL,
    -- The call as the model wrote it, and the idempotency key with which it runs.
    call_id         TEXT NOT NULL,
    tool            TEXT NOT NULL,
    arguments       TEXT NOT NULL,
    key             TEXT NOT NULL,
    -- The agent's policy, and which arguments came from where, as JSON.
    why             TEXT NOT NULL,
    status          TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied')),
    requested_at    INTEGER NOT NULL,
    -- When it was found that nobody decided in time; says nothing else.
    overdue_at      INTEGER,
    decided_at      INTEGER,
    decider_kind    TEXT,
    decided_by      BLOB,
    reason          TEXT,
    -- When the conversation took the decision up, and the turn that did.
    taken_at        INTEGER,
    taken_turn      INTEGER,
    -- What came of an approved call: done, failed, uncertain; and the failure's code.
    outcome         TEXT,
    code            TEXT,
    settled_at      INTEGER,
    -- When nothing was left to be done or said about it.
    ended_at        INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX approvals_once ON approvals (conversation_id, turn, step, place);
CREATE INDEX approvals_of_tenant ON approvals (tenant_id, id);
CREATE INDEX approvals_in_status ON approvals (tenant_id, status, id);
CREATE INDEX approvals_of_conversation ON approvals (tenant_id, conversation_id, id);
-- What conversations have yet to take up, or to finish.
CREATE INDEX approvals_decided ON approvals (conversation_id) WHERE status <> 'pending' AND ended_at IS NULL;
-- What nobody decided and nobody was told of yet.
CREATE INDEX approvals_waiting ON approvals (requested_at) WHERE status = 'pending' AND overdue_at IS NULL;

ALTER TABLE events ADD COLUMN approval_id BLOB;

CREATE TRIGGER approvals_tell AFTER INSERT ON approvals BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, approval_id, detail, created_at)
        VALUES (NEW.tenant_id, 'tool.approval_requested', NEW.conversation_id, NEW.id, NEW.status, NEW.requested_at);
END;

CREATE TRIGGER approvals_tell_decisions AFTER UPDATE OF status ON approvals WHEN NEW.status <> OLD.status BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, approval_id, detail, created_at)
        VALUES (NEW.tenant_id, 'tool.approval_decided', NEW.conversation_id, NEW.id, NEW.status, NEW.decided_at);
END;

CREATE TRIGGER approvals_tell_overdue AFTER UPDATE OF overdue_at ON approvals
WHEN OLD.overdue_at IS NULL AND NEW.overdue_at IS NOT NULL BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, approval_id, detail, created_at)
        VALUES (NEW.tenant_id, 'tool.approval_overdue', NEW.conversation_id, NEW.id, NEW.status, NEW.overdue_at);
END;
