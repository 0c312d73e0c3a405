-- Requests that their senders gave a name, so that each is done once.

CREATE TABLE request_keys (
    -- Who sent it: two tokens may use the same name.
    owner       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    -- Of method, path and body: another request may not use the name.
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    -- The session that it speaks of, whose end is the end of the answer too.
    session     TEXT,
    -- The answer, once there is one.
    status      INTEGER,
    media       TEXT,
    body        BLOB,
    at          INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT;
CREATE INDEX request_keys_by_age ON request_keys (at);
CREATE INDEX request_keys_of_session ON request_keys (session) WHERE session IS NOT NULL;

-- What was recorded while it was being done, so that doing it again finds it and does it no second time.
CREATE TABLE request_steps (
    owner     TEXT NOT NULL,
    key       TEXT NOT NULL,
    name      TEXT NOT NULL,
    -- The operation that was recorded, or what was made, as JSON.
    operation TEXT,
    made      TEXT,
    PRIMARY KEY (owner, key, name),
    FOREIGN KEY (owner, key) REFERENCES request_keys (owner, key) ON DELETE CASCADE
) STRICT;
