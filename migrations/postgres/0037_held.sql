-- Until when a reply waits for its person to write, where their window was closed.
ALTER TABLE outbox ADD COLUMN held_until bigint;
-- Since when a template asks the person to write; none once they have.
ALTER TABLE conversations ADD COLUMN prompted_at bigint;
