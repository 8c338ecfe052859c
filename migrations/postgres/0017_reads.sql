-- The same meaning as in SQLite's schema.
-- Lists that are read from a full database: an index for each way in which they are narrowed, and how many messages there
-- are, so that nobody has to count them.

-- Messages by day and how far they came: those of people are `received`, ours have their status. It is added up from the
-- same notes as the other figures (`metric_changes`); what is deleted is noted as `gone.…`, too.
CREATE TABLE message_counts (
    tenant_id uuid NOT NULL,
    -- Days since 1970-01-01, UTC.
    day       bigint NOT NULL,
    status    text NOT NULL,
    times     bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, status)
);

-- What there is, without what is noted and will be added.
INSERT INTO message_counts (tenant_id, day, status, times)
    SELECT c.tenant_id, c.day, c.status, CAST(SUM(c.times) AS bigint) FROM (
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

CREATE FUNCTION messages_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT w.tenant_id, w.created_at / 86400000, c.channel_id, h.agent_id,
            CASE
                WHEN w.speaker = 'person' THEN 'gone.received'
                WHEN h.pull OR (w.speaker = 'operator' AND w.seq IS NOT NULL) THEN 'gone.sent'
                ELSE 'gone.queued'
            END,
            COUNT(*)
        FROM was_there w JOIN conversations c ON c.id = w.conversation_id JOIN channels h ON h.id = c.channel_id
        GROUP BY 1, 2, 3, 4, 5;
    RETURN NULL;
END
$$;

-- A line that lost its place in the outbox goes next.
CREATE FUNCTION outbox_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metric_changes (tenant_id, day, channel_id, agent_id, what, times)
        SELECT w.tenant_id, w.created_at / 86400000, w.channel_id, h.agent_id, 'gone.out.' || w.status, COUNT(*)
        FROM was_there w JOIN channels h ON h.id = w.channel_id WHERE w.status <> 'queued' GROUP BY 1, 2, 3, 4, 5;
    RETURN NULL;
END
$$;

CREATE TRIGGER messages_gone AFTER DELETE ON messages REFERENCING OLD TABLE AS was_there
    FOR EACH STATEMENT EXECUTE FUNCTION messages_gone();
CREATE TRIGGER outbox_gone AFTER DELETE ON outbox REFERENCING OLD TABLE AS was_there
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_gone();

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
-- The order of the list, to the last message. (SQLite's index ends with the position by itself.)
CREATE INDEX messages_in_time ON messages (tenant_id, created_at, position);
DROP INDEX messages_by_time;

-- What people are found by: the words of their names (as the team and as their providers call them), numbers and addresses,
-- each from the beginning of a word on and numbers from every digit on, in lower case. Whoever changes one of them changes
-- this.
CREATE TABLE contact_terms (
    tenant_id  uuid NOT NULL,
    term       text COLLATE "C" NOT NULL,
    contact_id uuid NOT NULL,
    -- Which of the contact's own fields (1 its name, 2 its number, 3 its e-mail address), or the channel of an address, or
    -- the conversation in which a name was told.
    source     uuid NOT NULL,
    PRIMARY KEY (tenant_id, term, contact_id, source)
);

CREATE FUNCTION terms_of(x text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(x, p, 40) FROM generate_series(1, LEAST(length(x), 60)) p
    WHERE CASE
        WHEN x ~ '^[0-9]+$' THEN p = 1 OR p <= length(x) - 3
        ELSE p = 1 OR (substr(x, p, 1) <> ' ' AND strpos(' -_.@+(''', substr(x, p - 1, 1)) > 0)
    END
$$;

CREATE FUNCTION add_terms(tenant uuid, x text, contact uuid, from_source uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO contact_terms (tenant_id, term, contact_id, source)
        SELECT tenant, t, contact, from_source FROM terms_of(x) t WHERE x IS NOT NULL ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION remove_terms(tenant uuid, x text, contact uuid, from_source uuid) RETURNS void LANGUAGE sql AS $$
    DELETE FROM contact_terms WHERE tenant_id = tenant AND term IN (SELECT terms_of(x)) AND contact_id = contact
        AND source = from_source
$$;

CREATE FUNCTION contacts_found() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM remove_terms(OLD.tenant_id, LOWER(trim(OLD.name)), OLD.id, '00000000-0000-0000-0000-000000000001'::uuid);
        PERFORM remove_terms(OLD.tenant_id, replace(OLD.phone, '+', ''), OLD.id, '00000000-0000-0000-0000-000000000002'::uuid);
        PERFORM remove_terms(OLD.tenant_id, LOWER(trim(OLD.email)), OLD.id, '00000000-0000-0000-0000-000000000003'::uuid);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_terms(NEW.tenant_id, LOWER(trim(NEW.name)), NEW.id, '00000000-0000-0000-0000-000000000001'::uuid);
        PERFORM add_terms(NEW.tenant_id, replace(NEW.phone, '+', ''), NEW.id, '00000000-0000-0000-0000-000000000002'::uuid);
        PERFORM add_terms(NEW.tenant_id, LOWER(trim(NEW.email)), NEW.id, '00000000-0000-0000-0000-000000000003'::uuid);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION identities_found() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM remove_terms(OLD.tenant_id, LOWER(trim(OLD.address)), OLD.contact_id, OLD.channel_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_terms(NEW.tenant_id, LOWER(trim(NEW.address)), NEW.contact_id, NEW.channel_id);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION peers_found() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM remove_terms(OLD.tenant_id, LOWER(trim(OLD.peer_name)), OLD.contact_id, OLD.id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_terms(NEW.tenant_id, LOWER(trim(NEW.peer_name)), NEW.contact_id, NEW.id);
    END IF;
    RETURN NULL;
END
$$;

INSERT INTO contact_terms (tenant_id, term, contact_id, source)
    SELECT r.tenant_id, t, r.id, '00000000-0000-0000-0000-000000000001'::uuid FROM contacts r, terms_of(LOWER(trim(r.name))) t
    UNION SELECT r.tenant_id, t, r.id, '00000000-0000-0000-0000-000000000002'::uuid FROM contacts r, terms_of(replace(r.phone, '+', '')) t
    UNION SELECT r.tenant_id, t, r.id, '00000000-0000-0000-0000-000000000003'::uuid FROM contacts r, terms_of(LOWER(trim(r.email))) t
    UNION SELECT r.tenant_id, t, r.contact_id, r.channel_id FROM contact_identities r, terms_of(LOWER(trim(r.address))) t
    UNION SELECT r.tenant_id, t, r.contact_id, r.id FROM conversations r, terms_of(LOWER(trim(r.peer_name))) t;

CREATE TRIGGER contacts_found AFTER INSERT OR DELETE ON contacts FOR EACH ROW EXECUTE FUNCTION contacts_found();
CREATE TRIGGER contacts_found_anew AFTER UPDATE OF name, phone, email ON contacts FOR EACH ROW
    WHEN ((NEW.name, NEW.phone, NEW.email) IS DISTINCT FROM (OLD.name, OLD.phone, OLD.email))
    EXECUTE FUNCTION contacts_found();
CREATE TRIGGER identities_found AFTER INSERT OR DELETE OR UPDATE OF contact_id ON contact_identities FOR EACH ROW
    EXECUTE FUNCTION identities_found();
CREATE TRIGGER peers_found AFTER INSERT ON conversations FOR EACH ROW
    WHEN (NEW.peer_name IS NOT NULL) EXECUTE FUNCTION peers_found();
CREATE TRIGGER peers_found_anew AFTER UPDATE OF contact_id, peer_name ON conversations FOR EACH ROW
    WHEN ((NEW.contact_id, NEW.peer_name) IS DISTINCT FROM (OLD.contact_id, OLD.peer_name)) EXECUTE FUNCTION peers_found();
CREATE TRIGGER peers_lost AFTER DELETE ON conversations FOR EACH ROW
    WHEN (OLD.peer_name IS NOT NULL) EXECUTE FUNCTION peers_found();

-- With what conversations are sorted by, for those of the people that were found.
CREATE INDEX conversations_with_contact ON conversations (tenant_id, contact_id, last_inbound_at, id);
DROP INDEX conversations_of_contact;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['message_counts', 'contact_terms'] LOOP
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

-- The walls say the same as before, but look at a tenant once for a statement and not for each of its rows.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'wall' LOOP
        EXECUTE format(
            'ALTER POLICY wall ON %I USING ((SELECT current_setting(''colloquy.tenant'', true)) = ''*'' '
            'OR tenant_id = (SELECT CAST(substring(current_setting(''colloquy.tenant'', true) '
            'FROM ''^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'') AS uuid)))',
            name
        );
    END LOOP;
END
$$;
