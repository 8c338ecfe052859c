-- A reply of unknown outcome is a dead letter until a status settles it: found by its reply.
CREATE INDEX dead_letters_of_outbox ON dead_letters (outbox_id, tenant_id) WHERE outbox_id IS NOT NULL;
