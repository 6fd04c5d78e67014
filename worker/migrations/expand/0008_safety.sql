-- The user said that they are under 18. Only a call for support takes it away; like the epoch it outlives an erasure, or nobody
-- would have to be young for longer than that.
ALTER TABLE companion.users ADD COLUMN minor_since timestamptz;

-- Whether a user's age was verified, since when and how. attempts: tries since attempts_since, which are limited.
CREATE TABLE companion.standing (
    user_id        uuid PRIMARY KEY REFERENCES companion.users ON DELETE CASCADE,
    adult_since    timestamptz,
    adult_method   text,
    attempts       integer NOT NULL DEFAULT 0,
    attempts_since timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);

-- What was decided of a message or a reply that was not plainly safe, and by which rules. None of its text.
CREATE TABLE companion.safety_decisions (
    user_id     uuid NOT NULL REFERENCES companion.users ON DELETE CASCADE,
    turn_id     uuid NOT NULL,
    side        text NOT NULL CHECK (side IN ('message', 'reply')),
    label       text NOT NULL,
    route       text NOT NULL,
    confidence  real NOT NULL,
    reasons     text[] NOT NULL,
    version     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, turn_id, side)
);

CREATE INDEX safety_decisions_created ON companion.safety_decisions (created_at);

-- What a message sounded like, where it sounded like something.
CREATE TABLE companion.moods (
    user_id    uuid NOT NULL REFERENCES companion.users ON DELETE CASCADE,
    turn_id    uuid NOT NULL,
    emotion    text NOT NULL,
    confidence real NOT NULL,
    intensity  real NOT NULL,
    evidence   text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, turn_id)
);

CREATE INDEX moods_created ON companion.moods (user_id, created_at);

-- Declined messages and the replies to them: shown to their user, never to a model again.
ALTER TABLE companion.messages ADD COLUMN withheld boolean NOT NULL DEFAULT false;

UPDATE companion.schema_state SET version = 8;
