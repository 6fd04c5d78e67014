-- What was brought over from another service: rows of it that were looked at before are neither brought twice nor brought back
-- after their user edited or deleted them here.
CREATE TABLE companion.imports (
    user_id uuid NOT NULL REFERENCES companion.users ON DELETE CASCADE,
    item_id uuid NOT NULL,
    PRIMARY KEY (user_id, item_id)
);

UPDATE companion.schema_state SET version = 7;
