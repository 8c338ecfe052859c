-- The same meaning as in SQLite's schema.
-- How long the longest lists are, so that no page of them has to count them: `contacts`, `conversations`, and those of
-- them that are `closed`.
--
-- Triggers note each change (`list_changes`) in the transaction that makes it, so that none waits for another one that
-- counts the same; the notes are added up and deleted with those of the other figures. Whoever reads adds both up.
CREATE TABLE list_changes (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL DEFAULT gen_random_uuid(),
    list      text NOT NULL,
    times     bigint NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE list_sizes (
    tenant_id uuid NOT NULL,
    list      text NOT NULL,
    times     bigint NOT NULL,
    PRIMARY KEY (tenant_id, list)
);

INSERT INTO list_sizes (tenant_id, list, times)
    SELECT tenant_id, 'contacts', COUNT(*) FROM contacts GROUP BY tenant_id
    UNION ALL SELECT tenant_id, 'conversations', COUNT(*) FROM conversations GROUP BY tenant_id
    UNION ALL SELECT tenant_id, 'closed', COUNT(*) FROM conversations WHERE closed_at >= last_inbound_at GROUP BY tenant_id;

-- Its parameter: whether rows came or went.
CREATE FUNCTION contacts_sized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_changes (tenant_id, list, times)
        SELECT c.tenant_id, 'contacts', CAST(TG_ARGV[0] AS bigint) * COUNT(*) FROM changed c GROUP BY 1;
    RETURN NULL;
END
$$;

CREATE FUNCTION conversations_sized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_changes (tenant_id, list, times)
        SELECT c.tenant_id, 'conversations', CAST(TG_ARGV[0] AS bigint) * COUNT(*) FROM changed c GROUP BY 1
        UNION ALL
        SELECT c.tenant_id, 'closed', CAST(TG_ARGV[0] AS bigint) * COUNT(*) FROM changed c
        WHERE c.closed_at >= c.last_inbound_at GROUP BY 1;
    RETURN NULL;
END
$$;

CREATE FUNCTION conversations_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_changes (tenant_id, list, times)
        VALUES (NEW.tenant_id, 'closed', CASE WHEN NEW.closed_at >= NEW.last_inbound_at THEN 1 ELSE -1 END);
    RETURN NULL;
END
$$;

-- One name on the tables that are filled by a transfer: it silences them meanwhile.
CREATE TRIGGER sizes AFTER INSERT ON contacts REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_sized('1');
CREATE TRIGGER sizes AFTER INSERT ON conversations REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION conversations_sized('1');
CREATE TRIGGER contacts_fewer AFTER DELETE ON contacts REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_sized('-1');
CREATE TRIGGER conversations_fewer AFTER DELETE ON conversations REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION conversations_sized('-1');
CREATE TRIGGER conversations_moved AFTER UPDATE OF closed_at, last_inbound_at ON conversations FOR EACH ROW
    WHEN ((NEW.closed_at IS NOT NULL AND NEW.closed_at >= NEW.last_inbound_at)
        <> (OLD.closed_at IS NOT NULL AND OLD.closed_at >= OLD.last_inbound_at))
    EXECUTE FUNCTION conversations_moved();

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['list_changes', 'list_sizes'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY wall ON %I USING ((SELECT current_setting(''colloquy.tenant'', true)) = ''*'' '
            'OR tenant_id = (SELECT CAST(substring(current_setting(''colloquy.tenant'', true) '
            'FROM ''^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'') AS uuid)))',
            name
        );
    END LOOP;
END
$$;
