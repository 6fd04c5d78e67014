-- The first tables. user_id leads every primary key and every foreign key: no row can refer to another user's.

CREATE TABLE companion.schema_state (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version    integer NOT NULL,
    min_worker integer NOT NULL
);

INSERT INTO companion.schema_state (version, min_worker) VALUES (1, 1);

-- epoch is raised by an erasure: what was begun before it must not be written after it.
CREATE TABLE companion.users (
    user_id    uuid PRIMARY KEY,
    epoch      bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- last_seq numbers the messages; its row lock puts the turns of one conversation in order.
CREATE TABLE companion.conversations (
    user_id         uuid NOT NULL REFERENCES companion.users ON DELETE CASCADE,
    conversation_id uuid NOT NULL,
    last_seq        integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, conversation_id)
);

-- partial: the reply ended before the model did.
CREATE TABLE companion.messages (
    user_id         uuid NOT NULL,
    conversation_id uuid NOT NULL,
    seq             integer NOT NULL,
    turn_id         uuid NOT NULL,
    role            text NOT NULL CHECK (role IN ('user', 'assistant')),
    text            text NOT NULL,
    partial         boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, conversation_id, seq),
    FOREIGN KEY (user_id, conversation_id) REFERENCES companion.conversations ON DELETE CASCADE
);

-- thread: SHA-256 over the client's messages including this reply; it finds the conversation of a client that names none.
CREATE TABLE companion.turns (
    user_id           uuid NOT NULL,
    turn_id           uuid NOT NULL,
    conversation_id   uuid NOT NULL,
    user_seq          integer NOT NULL,
    reply_seq         integer NOT NULL,
    idempotency_key   text,
    request_hash      bytea NOT NULL,
    thread            bytea,
    provider          text NOT NULL,
    model             text NOT NULL,
    prompt_tokens     integer NOT NULL,
    completion_tokens integer NOT NULL,
    cached_tokens     integer NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, turn_id),
    FOREIGN KEY (user_id, conversation_id, user_seq) REFERENCES companion.messages ON DELETE CASCADE,
    FOREIGN KEY (user_id, conversation_id, reply_seq) REFERENCES companion.messages ON DELETE CASCADE
);

CREATE UNIQUE INDEX turns_idempotency_key ON companion.turns (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX turns_thread ON companion.turns (user_id, thread, created_at) WHERE thread IS NOT NULL;
CREATE INDEX turns_conversation ON companion.turns (user_id, conversation_id);

-- source_*: the message it was extracted from. No foreign key: a memory outlives its conversation.
-- A memory lives while superseded_at is null and expires_at is null or ahead.
CREATE TABLE companion.memories (
    user_id             uuid NOT NULL REFERENCES companion.users ON DELETE CASCADE,
    memory_id           uuid NOT NULL,
    kind                text NOT NULL,
    text                text NOT NULL,
    lexemes             tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('english', text)) STORED,
    fingerprint         bytea NOT NULL,
    source_conversation uuid,
    source_seq          integer,
    created_at          timestamptz NOT NULL DEFAULT now(),
    superseded_at       timestamptz,
    expires_at          timestamptz,
    PRIMARY KEY (user_id, memory_id)
);

-- Each fact once, while it is held.
CREATE UNIQUE INDEX memories_fingerprint ON companion.memories (user_id, fingerprint) WHERE superseded_at IS NULL;

-- No fixed dimension: vectors of the next model are written while those of this one serve. Searches are exact scans of one
-- user's rows. PLAIN keeps a vector inside its row: reading it from TOAST makes a scan four times as slow.
CREATE TABLE companion.memory_vectors (
    user_id   uuid NOT NULL,
    memory_id uuid NOT NULL,
    model_id  text NOT NULL,
    v         halfvec NOT NULL,
    PRIMARY KEY (user_id, memory_id, model_id),
    FOREIGN KEY (user_id, memory_id) REFERENCES companion.memories ON DELETE CASCADE
);

ALTER TABLE companion.memory_vectors ALTER COLUMN v SET STORAGE PLAIN;

-- Work that follows a committed turn. A relay moves it to the job queue in batches: queueing notifies, and a NOTIFY inside the
-- turn's own transaction would hold an instance-wide lock until its commit.
CREATE TABLE companion.outbox (
    user_id         uuid NOT NULL REFERENCES companion.users ON DELETE CASCADE,
    outbox_id       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    task            text NOT NULL,
    epoch           bigint NOT NULL,
    conversation_id uuid,
    seq             integer,
    PRIMARY KEY (user_id, outbox_id)
);

CREATE INDEX outbox_order ON companion.outbox (outbox_id);
