-- Work that takes longer than a request, and goes on after a restart.
CREATE TABLE jobs (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('sitemap', 'train', 'proposal')),
    state        text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    -- What there is to do and how far it came, as JSON.
    detail       text NOT NULL,
    -- Until then one node works at it.
    leased_until bigint NOT NULL DEFAULT 0,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL
);
CREATE INDEX jobs_running ON jobs (leased_until, id) WHERE state = 'running';
CREATE INDEX jobs_of_tenant ON jobs (tenant_id, id);

-- A draft is the part of a base that only its proposal sees.
ALTER TABLE knowledge_bases ADD COLUMN draft_of uuid;

-- Documents that are proposed for a base: what would be answered with them is shown before anybody is told.
CREATE TABLE proposals (
    -- Also of the draft, a knowledge base.
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL,
    knowledge_base_id uuid NOT NULL,
    state             text NOT NULL CHECK (state IN ('building', 'reviewing', 'ready', 'promoted', 'dropped')),
    -- How many real questions are asked again.
    questions         bigint NOT NULL,
    created_at        bigint NOT NULL,
    updated_at        bigint NOT NULL
);
CREATE INDEX proposals_of_base ON proposals (tenant_id, knowledge_base_id, id);

-- A real question, answered without the proposal and with it.
CREATE TABLE proposal_answers (
    proposal_id     uuid NOT NULL,
    place           bigint NOT NULL,
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL,
    turn            bigint NOT NULL,
    question        text NOT NULL,
    -- Replies, as JSON.
    before          text NOT NULL,
    after           text NOT NULL,
    change          text NOT NULL CHECK (change IN ('same', 'sources', 'text', 'answered', 'unanswered')),
    asked_at        bigint NOT NULL,
    PRIMARY KEY (proposal_id, place)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['jobs', 'proposals', 'proposal_answers'] LOOP
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
