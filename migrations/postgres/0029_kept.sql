-- How many days a tenant keeps more of what is over: what was planned, simulations, what agents were configured as before.
ALTER TABLE retention ADD COLUMN outreach bigint;
ALTER TABLE retention ADD COLUMN simulations bigint;
ALTER TABLE retention ADD COLUMN agent_versions bigint;
