-- What replies rest on, and what could not be answered.

-- What came out when a reply was held against its passages; none where nothing did.
ALTER TABLE messages ADD COLUMN checks text;

-- The contents that a document has had. A generation is one content, read and indexed in one way; equal contents have the
-- same number.
CREATE TABLE document_versions (
    document_id       uuid NOT NULL,
    generation        text NOT NULL,
    tenant_id         uuid NOT NULL,
    knowledge_base_id uuid NOT NULL,
    number            bigint NOT NULL,
    sha256            bytea NOT NULL,
    name              text NOT NULL,
    ready_at          bigint NOT NULL,
    PRIMARY KEY (document_id, generation)
);

-- The citations of replies, to be found by their document. They outlive it: who was told something stays known.
CREATE TABLE citations (
    message_id      uuid NOT NULL,
    number          bigint NOT NULL,
    tenant_id       uuid NOT NULL,
    document_id     uuid NOT NULL,
    -- Empty where it is not known.
    generation      text NOT NULL,
    conversation_id uuid NOT NULL,
    page            bigint,
    char_offset     bigint NOT NULL,
    quote           text NOT NULL,
    created_at      bigint NOT NULL,
    PRIMARY KEY (message_id, number)
);
CREATE INDEX citations_of_document ON citations (tenant_id, document_id, created_at, message_id);

INSERT INTO citations (message_id, number, tenant_id, document_id, generation, conversation_id, page, char_offset, quote, created_at)
    SELECT m.id, (c ->> 'number')::bigint, m.tenant_id, (c ->> 'document')::uuid, '', m.conversation_id, (c ->> 'page')::bigint,
        (c ->> 'offset')::bigint, c ->> 'quote', m.created_at
    FROM messages m, jsonb_array_elements(m.citations::jsonb) c WHERE m.citations IS NOT NULL;

-- Questions about the same.
CREATE TABLE unanswered_topics (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL,
    knowledge_base_id uuid NOT NULL,
    state             text NOT NULL CHECK (state IN ('open', 'answered', 'dismissed')),
    -- The first of its questions.
    title             text NOT NULL,
    language          text,
    -- How many questions have each word, as JSON: what new questions are compared with.
    words             text NOT NULL,
    questions         bigint NOT NULL,
    first_at          bigint NOT NULL,
    last_at           bigint NOT NULL
);
CREATE INDEX unanswered_topics_of_base ON unanswered_topics (tenant_id, knowledge_base_id, state, questions);

-- Questions that agents could not answer. Written with the reply; put into a topic later.
CREATE TABLE unanswered_questions (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL,
    knowledge_base_id uuid NOT NULL,
    conversation_id   uuid NOT NULL,
    turn              bigint NOT NULL,
    text              text NOT NULL,
    language          text,
    topic_id          uuid,
    asked_at          bigint NOT NULL
);
CREATE INDEX unanswered_unsorted ON unanswered_questions (tenant_id, knowledge_base_id, id) WHERE topic_id IS NULL;
CREATE INDEX unanswered_of_topic ON unanswered_questions (topic_id, id) WHERE topic_id IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['document_versions', 'citations', 'unanswered_topics', 'unanswered_questions'] LOOP
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
