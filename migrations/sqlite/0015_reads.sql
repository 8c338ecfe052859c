-- Lists that are read from a full database: an index for each way in which they are narrowed, and how many messages there
-- are, so that nobody has to count them.

-- Messages by day and how far they came: those of people are `received`, ours have their status. It is added up from the
-- same notes as the other figures (`metric_changes`); what is deleted is noted as `gone.…`, too.
CREATE TABLE message_counts (
    tenant_id BLOB NOT NULL,
    -- Days since 1970-01-01, UTC.
    day       INTEGER NOT NULL,
    status    TEXT NOT NULL,
    times     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, status)
) WITHOUT ROWID;

-- What there is, without what is noted and will be added.
INSERT INTO message_counts (tenant_id, day, status, times)
    SELECT c.tenant_id, c.day, c.status, CAST(SUM(c.times) AS INTEGER) FROM (
        SELECT m.tenant_id, m.created_at / 86400000 AS day,
            CASE WHEN m.speaker = 'person' THEN 'received' ELSE COALESCE(o.status, 'sent') END AS status, 1 AS times
        FROM messages m LEFT JOIN outbox o ON o.message_id = m.id AND o.tenant_id = m.tenant_id
        UNION ALL
        SELECT n.tenant_id, n.day, s.column3, -n.times * s.column4
        FROM metric_changes n JOIN channels h ON h.id = n.channel_id
        JOIN (VALUES
            ('received', 2, 'received', 1), ('echoed', 2, 'sent', 1),
            ('replied.cited', 0, 'queued', 1), ('replied.cited', 1, 'sent', 1),
            ('replied.unknown', 0, 'queued', 1), ('replied.unknown', 1, 'sent', 1),
            ('replied.plain', 0, 'queued', 1), ('replied.plain', 1, 'sent', 1),
            ('notice', 0, 'queued', 1), ('notice', 1, 'sent', 1),
            ('written', 0, 'queued', 1), ('written', 1, 'sent', 1),
            ('out.uncertain', 2, 'uncertain', 1), ('out.uncertain', 2, 'queued', -1),
            ('out.sent', 2, 'sent', 1), ('out.sent', 2, 'queued', -1),
            ('out.delivered', 2, 'delivered', 1), ('out.delivered', 2, 'queued', -1),
            ('out.read', 2, 'read', 1), ('out.read', 2, 'queued', -1),
            ('out.failed', 2, 'failed', 1), ('out.failed', 2, 'queued', -1)
        ) AS s ON s.column1 = n.what AND s.column2 IN (2, CASE WHEN h.pull THEN 1 ELSE 0 END)
    ) AS c GROUP BY c.tenant_id, c.day, c.status;

CREATE TRIGGER messages_gone AFTER DELETE ON messages BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT OLD.tenant_id, OLD.created_at / 86400000, c.channel_id, h.agent_id,
            CASE
                WHEN OLD.speaker = 'person' THEN 'gone.received'
                WHEN h.pull = 1 OR (OLD.speaker = 'operator' AND OLD.seq IS NOT NULL) THEN 'gone.sent'
                ELSE 'gone.queued'
            END
        FROM conversations c JOIN channels h ON h.id = c.channel_id WHERE c.id = OLD.conversation_id;
END;

-- A line that lost its place in the outbox goes next.
CREATE TRIGGER outbox_gone AFTER DELETE ON outbox WHEN OLD.status <> 'queued' BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what)
        SELECT OLD.tenant_id, OLD.created_at / 86400000, OLD.channel_id, h.agent_id, 'gone.out.' || OLD.status
        FROM channels h WHERE h.id = OLD.channel_id;
END;

-- Of the two, a conversation is in one: lists that show only open or only closed ones read nothing else.
CREATE INDEX conversations_open ON conversations (tenant_id, last_inbound_at, id, closed_at)
    WHERE closed_at IS NULL OR closed_at < last_inbound_at;
CREATE INDEX conversations_closed ON conversations (tenant_id, last_inbound_at, id, closed_at)
    WHERE closed_at >= last_inbound_at;
CREATE INDEX conversations_tagged ON conversations (tenant_id, last_inbound_at, id, tags) WHERE tags <> '[]';
CREATE INDEX conversations_assigned ON conversations (tenant_id, assigned_to, last_inbound_at, id)
    WHERE assigned_to IS NOT NULL;
CREATE INDEX contacts_tagged ON contacts (tenant_id, id, tags) WHERE tags <> '[]';
-- What is rare is found without a walk over all that is not.
CREATE INDEX outbox_failed ON outbox (tenant_id, status, created_at, position) WHERE status IN ('uncertain', 'failed');
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (tenant_id, state, id) WHERE state IN ('queued', 'dead');

-- What people are found by: the words of their names (as the team and as their providers call them), numbers and addresses,
-- each from the beginning of a word on and numbers from every digit on, in lower case. Whoever changes one of them changes
-- this.
CREATE TABLE contact_terms (
    tenant_id  BLOB NOT NULL,
    term       TEXT NOT NULL,
    contact_id BLOB NOT NULL,
    -- Which of the contact's own fields (1 its name, 2 its number, 3 its e-mail address), or the channel of an address, or
    -- the conversation in which a name was told.
    source     BLOB NOT NULL,
    PRIMARY KEY (tenant_id, term, contact_id, source)
) WITHOUT ROWID;

INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
    SELECT t.tenant_id, substr(t.x, p.value, 40), t.contact, t.source
    FROM (SELECT r.tenant_id, LOWER(trim(r.name)) AS x, r.id AS contact, x'00000000000000000000000000000001' AS source FROM contacts r) t
    JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
    WHERE p.value <= length(t.x) AND CASE
        WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
        ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
    END;
INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
    SELECT t.tenant_id, substr(t.x, p.value, 40), t.contact, t.source
    FROM (SELECT r.tenant_id, replace(r.phone, '+', '') AS x, r.id AS contact, x'00000000000000000000000000000002' AS source FROM contacts r) t
    JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
    WHERE p.value <= length(t.x) AND CASE
        WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
        ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
    END;
INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
    SELECT t.tenant_id, substr(t.x, p.value, 40), t.contact, t.source
    FROM (SELECT r.tenant_id, LOWER(trim(r.email)) AS x, r.id AS contact, x'00000000000000000000000000000003' AS source FROM contacts r) t
    JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
    WHERE p.value <= length(t.x) AND CASE
        WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
        ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
    END;
INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
    SELECT t.tenant_id, substr(t.x, p.value, 40), t.contact, t.source
    FROM (SELECT r.tenant_id, LOWER(trim(r.address)) AS x, r.contact_id AS contact, r.channel_id AS source FROM contact_identities r) t
    JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
    WHERE p.value <= length(t.x) AND CASE
        WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
        ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
    END;
INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
    SELECT t.tenant_id, substr(t.x, p.value, 40), t.contact, t.source
    FROM (SELECT r.tenant_id, LOWER(trim(r.peer_name)) AS x, r.contact_id AS contact, r.id AS source FROM conversations r) t
    JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
    WHERE p.value <= length(t.x) AND CASE
        WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
        ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
    END;

CREATE TRIGGER contacts_found AFTER INSERT ON contacts BEGIN
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.id, x'00000000000000000000000000000001' FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT LOWER(trim(NEW.name)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.id, x'00000000000000000000000000000002' FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT replace(NEW.phone, '+', '') AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.id, x'00000000000000000000000000000003' FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT LOWER(trim(NEW.email)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
END;
CREATE TRIGGER contacts_found_anew AFTER UPDATE OF name, phone, email ON contacts
WHEN NEW.name IS NOT OLD.name OR NEW.phone IS NOT OLD.phone OR NEW.email IS NOT OLD.email BEGIN
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.id AND source = x'00000000000000000000000000000001'
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT LOWER(trim(OLD.name)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.id AND source = x'00000000000000000000000000000002'
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT replace(OLD.phone, '+', '') AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.id AND source = x'00000000000000000000000000000003'
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT LOWER(trim(OLD.email)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.id, x'00000000000000000000000000000001' FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT LOWER(trim(NEW.name)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.id, x'00000000000000000000000000000002' FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT replace(NEW.phone, '+', '') AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.id, x'00000000000000000000000000000003' FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT LOWER(trim(NEW.email)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
END;
CREATE TRIGGER contacts_lost AFTER DELETE ON contacts BEGIN
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.id AND source = x'00000000000000000000000000000001'
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT LOWER(trim(OLD.name)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.id AND source = x'00000000000000000000000000000002'
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT replace(OLD.phone, '+', '') AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.id AND source = x'00000000000000000000000000000003'
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT LOWER(trim(OLD.email)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
END;
CREATE TRIGGER identities_found AFTER INSERT ON contact_identities BEGIN
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.contact_id, NEW.channel_id FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT LOWER(trim(NEW.address)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
END;
CREATE TRIGGER identities_found_anew AFTER UPDATE OF contact_id ON contact_identities BEGIN
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.contact_id AND source = OLD.channel_id
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT LOWER(trim(OLD.address)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.contact_id, NEW.channel_id FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT LOWER(trim(NEW.address)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
END;
CREATE TRIGGER identities_lost AFTER DELETE ON contact_identities BEGIN
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.contact_id AND source = OLD.channel_id
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT LOWER(trim(OLD.address)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
END;
CREATE TRIGGER peers_found AFTER INSERT ON conversations WHEN NEW.peer_name IS NOT NULL BEGIN
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.contact_id, NEW.id FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT LOWER(trim(NEW.peer_name)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
END;
CREATE TRIGGER peers_found_anew AFTER UPDATE OF contact_id, peer_name ON conversations
WHEN NEW.contact_id <> OLD.contact_id OR NEW.peer_name IS NOT OLD.peer_name BEGIN
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.contact_id AND source = OLD.id
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT LOWER(trim(OLD.peer_name)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
    INSERT OR IGNORE INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT NEW.tenant_id, e.term, NEW.contact_id, NEW.id FROM (
            SELECT substr(t.x, p.value, 40) AS term FROM (SELECT LOWER(trim(NEW.peer_name)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        ) e;
END;
CREATE TRIGGER peers_lost AFTER DELETE ON conversations WHEN OLD.peer_name IS NOT NULL BEGIN
    DELETE FROM contact_terms WHERE tenant_id = OLD.tenant_id AND contact_id = OLD.contact_id AND source = OLD.id
        AND term IN (
            SELECT substr(t.x, p.value, 40) FROM (SELECT LOWER(trim(OLD.peer_name)) AS x) t JOIN json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]') p
            WHERE p.value <= length(t.x) AND CASE
                WHEN t.x NOT GLOB '*[^0-9]*' THEN p.value = 1 OR p.value <= length(t.x) - 3
                ELSE p.value = 1 OR (substr(t.x, p.value, 1) <> ' ' AND instr(' -_.@+(''', substr(t.x, p.value - 1, 1)) > 0)
            END
        );
END;

-- With what conversations are sorted by, for those of the people that were found.
CREATE INDEX conversations_with_contact ON conversations (tenant_id, contact_id, last_inbound_at, id);
DROP INDEX conversations_of_contact;
