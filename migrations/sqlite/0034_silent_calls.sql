-- Calls that go on are few: those of which nothing is heard any more are found among them.
CREATE INDEX calls_open ON calls (updated_at, id) WHERE ended_at IS NULL;
