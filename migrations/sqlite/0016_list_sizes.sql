-- How long the longest lists are, so that no page of them has to count them: `contacts`, `conversations`, and those of
-- them that are `closed`.
--
-- Triggers note each change (`list_changes`) in the transaction that makes it; the notes are added up and deleted with
-- those of the other figures. Whoever reads adds both up.
CREATE TABLE list_changes (
    tenant_id BLOB NOT NULL,
    id        BLOB NOT NULL DEFAULT (randomblob(16)),
    list      TEXT NOT NULL,
    times     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

CREATE TABLE list_sizes (
    tenant_id BLOB NOT NULL,
    list      TEXT NOT NULL,
    times     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, list)
) WITHOUT ROWID;

INSERT INTO list_sizes (tenant_id, list, times)
    SELECT tenant_id, 'contacts', COUNT(*) FROM contacts GROUP BY tenant_id
    UNION ALL SELECT tenant_id, 'conversations', COUNT(*) FROM conversations GROUP BY tenant_id
    UNION ALL SELECT tenant_id, 'closed', COUNT(*) FROM conversations WHERE closed_at >= last_inbound_at GROUP BY tenant_id;

CREATE TRIGGER contacts_more AFTER INSERT ON contacts BEGIN
    INSERT INTO list_changes (tenant_id, list, times) VALUES (NEW.tenant_id, 'contacts', 1);
END;
CREATE TRIGGER contacts_fewer AFTER DELETE ON contacts BEGIN
    INSERT INTO list_changes (tenant_id, list, times) VALUES (OLD.tenant_id, 'contacts', -1);
END;
CREATE TRIGGER conversations_more AFTER INSERT ON conversations BEGIN
    INSERT INTO list_changes (tenant_id, list, times) VALUES (NEW.tenant_id, 'conversations', 1);
    INSERT INTO list_changes (tenant_id, list, times)
        SELECT NEW.tenant_id, 'closed', 1 WHERE NEW.closed_at >= NEW.last_inbound_at;
END;
CREATE TRIGGER conversations_fewer AFTER DELETE ON conversations BEGIN
    INSERT INTO list_changes (tenant_id, list, times) VALUES (OLD.tenant_id, 'conversations', -1);
    INSERT INTO list_changes (tenant_id, list, times)
        SELECT OLD.tenant_id, 'closed', -1 WHERE OLD.closed_at >= OLD.last_inbound_at;
END;
CREATE TRIGGER conversations_moved AFTER UPDATE OF closed_at, last_inbound_at ON conversations
WHEN COALESCE(NEW.closed_at >= NEW.last_inbound_at, 0) <> COALESCE(OLD.closed_at >= OLD.last_inbound_at, 0) BEGIN
    INSERT INTO list_changes (tenant_id, list, times)
        VALUES (NEW.tenant_id, 'closed', CASE WHEN COALESCE(NEW.closed_at >= NEW.last_inbound_at, 0) THEN 1 ELSE -1 END);
END;
