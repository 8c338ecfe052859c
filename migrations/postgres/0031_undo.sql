-- What undoes a call is an approval that nobody has to give any more: it is told as what it is.
CREATE OR REPLACE FUNCTION approvals_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (tenant_id, kind, conversation_id, approval_id, detail, created_at)
        VALUES (NEW.tenant_id, CASE NEW.status WHEN 'pending' THEN 'tool.approval_requested' ELSE 'tool.undo_ordered' END,
            NEW.conversation_id, NEW.id, NEW.status, NEW.requested_at);
    RETURN NULL;
END
$$;
