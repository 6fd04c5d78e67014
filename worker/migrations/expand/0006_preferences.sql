-- What users want to be called, and where they are. revision: counts edits.
CREATE TABLE companion.preferences (
    user_id    uuid PRIMARY KEY REFERENCES companion.users ON DELETE CASCADE,
    name       text,
    pronouns   text,
    language   text,
    time_zone  text,
    revision   integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now()
);

UPDATE companion.schema_state SET version = 6;
