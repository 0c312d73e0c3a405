-- What was suggested as the next message of a session, under the key of the request for it.

CREATE TABLE suggestions (
    position   INTEGER PRIMARY KEY,
    session    TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    suggestion TEXT,
    error      TEXT,
    updated_at INTEGER NOT NULL,
    UNIQUE (session, key)
) STRICT;
CREATE INDEX suggestions_of_session ON suggestions (session, position);
