-- What extensions do and keep, and what is written into transcripts beside what the child tells.

-- Who did it, and because of which event it was to be done.
ALTER TABLE events ADD COLUMN actor TEXT;
ALTER TABLE operations ADD COLUMN cause INTEGER;
ALTER TABLE operations ADD COLUMN cause_hops INTEGER;

CREATE TABLE transcript_entries (
    position     INTEGER PRIMARY KEY,
    session      TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    turn         TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    content      TEXT    NOT NULL,
    details      TEXT,
    status       TEXT    NOT NULL,
    started_at   INTEGER,
    completed_at INTEGER,
    bytes        INTEGER NOT NULL,
    UNIQUE (session, id)
) STRICT;
CREATE INDEX transcript_entries_of_session ON transcript_entries (session, position);

-- What the entries of a session come to, so that its bounds are held without a look at all of them.
CREATE TABLE transcripts (
    session TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    bytes   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE invocations (
    position     INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    extension    TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    digest       TEXT    NOT NULL,
    handler      TEXT    NOT NULL,
    event        INTEGER NOT NULL,
    session      TEXT,
    at           INTEGER NOT NULL,
    seed         BLOB    NOT NULL CHECK (length(seed) = 32),
    outcome      TEXT    NOT NULL,
    sentence     TEXT,
    actions      TEXT    NOT NULL,
    journal      TEXT    NOT NULL,
    log          TEXT    NOT NULL,
    cpu_us       INTEGER NOT NULL,
    wall_us      INTEGER NOT NULL,
    memory_bytes INTEGER NOT NULL,
    bytes        INTEGER NOT NULL
) STRICT;
-- With the bytes, so that what an extension has is added up without a look at the rows.
CREATE INDEX invocations_of_extension ON invocations (extension, position, bytes);
CREATE INDEX invocations_by_age ON invocations (at);

-- What extensions keep. The version is counted per extension, one more with each commit, and a key has the one that
-- wrote it; so a key that was removed and written again is not taken for what it was.
CREATE TABLE kv_stores (
    extension TEXT PRIMARY KEY,
    version   INTEGER NOT NULL,
    bytes     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kv (
    extension TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    PRIMARY KEY (extension, key)
) STRICT;

-- The events that an extension is done with, beyond those that its cursor has passed.
CREATE TABLE marks (
    extension TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (extension, seq)
) STRICT, WITHOUT ROWID;

-- The actions that an extension has had done, where it gave them a key so that they are done once.
CREATE TABLE action_keys (
    extension TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (extension, key)
) STRICT;
CREATE INDEX action_keys_by_age ON action_keys (at);
