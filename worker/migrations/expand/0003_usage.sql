-- What the turns of one user cost on one day (UTC), a row for each way they took: it outlives the conversations, and counts
-- turns of which nothing else is stored.
CREATE TABLE companion.usage (
    user_id           uuid NOT NULL REFERENCES companion.users ON DELETE CASCADE,
    day               date NOT NULL,
    route             text NOT NULL,
    provider          text NOT NULL,
    model             text NOT NULL,
    turns             bigint NOT NULL,
    prompt_tokens     bigint NOT NULL,
    cached_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost_microdollars bigint NOT NULL,
    PRIMARY KEY (user_id, day, route, provider, model)
);

ALTER TABLE companion.turns ADD COLUMN cost_microdollars bigint NOT NULL DEFAULT 0;

UPDATE companion.schema_state SET version = 3;
