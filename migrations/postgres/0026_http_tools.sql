-- The requests that agents can make to a server which speaks HTTP alone, as JSON; null where it says itself what it offers.
ALTER TABLE tool_servers ADD COLUMN operations text;
