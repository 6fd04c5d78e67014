-- Conversations that can be listed and named. `revision` counts edits: an edit of what was edited meanwhile is refused.
ALTER TABLE companion.conversations
    ADD COLUMN title    text,
    ADD COLUMN revision integer NOT NULL DEFAULT 1;

CREATE INDEX conversations_created ON companion.conversations (user_id, created_at, conversation_id);

-- Why the model ended, or how the reply broke off: a reply that is asked for again ends as it did the first time.
ALTER TABLE companion.turns ADD COLUMN finish text NOT NULL DEFAULT 'stop';

UPDATE companion.schema_state SET version = 2;
