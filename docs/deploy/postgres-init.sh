#!/bin/sh
# The role of the nodes: it owns its schema and is no superuser, so that row-level security holds for it, too.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$COLLOQUY_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE colloquy LOGIN PASSWORD :'password' NOSUPERUSER NOBYPASSRLS;
GRANT CONNECT, CREATE ON DATABASE colloquy TO colloquy;
GRANT ALL ON SCHEMA public TO colloquy;
SQL
