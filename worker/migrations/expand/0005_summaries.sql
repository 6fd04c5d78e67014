-- What was said in a conversation before its last messages, in few words. through_seq: the last message that is in it.
CREATE TABLE companion.summaries (
    user_id         uuid NOT NULL,
    conversation_id uuid NOT NULL,
    through_seq     integer NOT NULL,
    text            text NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, conversation_id),
    FOREIGN KEY (user_id, conversation_id) REFERENCES companion.conversations ON DELETE CASCADE
);

UPDATE companion.schema_state SET version = 5;
