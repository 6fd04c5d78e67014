-- Memories that their user edits and pins. `revision` counts edits: an edit of what was edited meanwhile is refused.
ALTER TABLE companion.memories
    ADD COLUMN pinned     boolean NOT NULL DEFAULT false,
    ADD COLUMN revision   integer NOT NULL DEFAULT 1,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

-- Which memories stood in the prompt of a turn, and why. No foreign key to the memory: one that is deleted while a turn is
-- being stored must not fail it. Whoever reads joins what is left.
CREATE TABLE companion.recalls (
    user_id   uuid NOT NULL,
    turn_id   uuid NOT NULL,
    memory_id uuid NOT NULL,
    score     double precision NOT NULL,
    why       text NOT NULL,
    PRIMARY KEY (user_id, turn_id, memory_id),
    FOREIGN KEY (user_id, turn_id) REFERENCES companion.turns ON DELETE CASCADE
);

UPDATE companion.schema_state SET version = 4;
