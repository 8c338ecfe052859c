-- A second wall between tenants, beneath the one that every statement builds with its own `tenant_id = …`: a connection
-- sees the rows of the tenant that it named, all rows if it named `*`, and otherwise none; the tables' owner, too.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'api_keys', 'agents', 'channels', 'knowledge_bases', 'documents', 'ingress_log', 'contacts',
        'contact_identities', 'conversations', 'inbox', 'messages', 'journal', 'outbox', 'outbox_parts', 'timers',
        'dead_letters', 'ledger'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        -- The setting is looked up once for a statement, not once for a row.
        EXECUTE format(
            'CREATE POLICY wall ON %I USING ((SELECT current_setting(''colloquy.tenant'', true)) = ''*'' '
            'OR tenant_id::text = (SELECT current_setting(''colloquy.tenant'', true)))',
            name
        );
    END LOOP;
END
$$;
