-- Everything the daemon keeps. Times are microseconds since 1970, enums are the words of the model, JSON is text.
-- Rows are told by the child in whatever order it likes, a turn before its session for one, so only what we make
-- ourselves refers to other rows.

PRAGMA application_id = 0x434d4752; -- "CMGR"

-- The log's own facts, one row. `head` outlives the events that retention removes: a number is never given twice.
CREATE TABLE log (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch    TEXT    NOT NULL,
    head     INTEGER NOT NULL,
    bytes    INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    seq       INTEGER PRIMARY KEY,
    kind      TEXT    NOT NULL,
    session   TEXT,
    turn      TEXT,
    payload   TEXT,
    bytes     INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    caused_by INTEGER,
    hops      INTEGER NOT NULL
) STRICT;

-- How far each named reader has read.
CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id             TEXT PRIMARY KEY,
    title          TEXT,
    preview        TEXT    NOT NULL,
    cwd            TEXT    NOT NULL,
    source         TEXT    NOT NULL,
    model_provider TEXT    NOT NULL,
    materialized   INTEGER NOT NULL,
    archived       INTEGER NOT NULL,
    controls       TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_update ON sessions (archived, updated_at, created_at, id);

-- `position` is the order of first appearance, here and below.
CREATE TABLE turns (
    position     INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL,
    session      TEXT    NOT NULL,
    generation   TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    completed_at INTEGER,
    UNIQUE (session, id)
) STRICT;
CREATE INDEX turns_of_session ON turns (session, position);
CREATE INDEX turns_open ON turns (position) WHERE status = 'inProgress';

CREATE TABLE items (
    position     INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL,
    session      TEXT    NOT NULL,
    turn         TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    completed_at INTEGER,
    UNIQUE (session, id)
) STRICT;
CREATE INDEX items_of_session ON items (session, position);
CREATE INDEX items_open ON items (session, turn, position) WHERE status = 'streaming';

CREATE TABLE approvals (
    position    INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    generation  TEXT    NOT NULL,
    request_id  TEXT    NOT NULL,
    method      TEXT    NOT NULL,
    session     TEXT    NOT NULL,
    turn        TEXT,
    item        TEXT,
    summary     TEXT    NOT NULL,
    details     TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    decision    TEXT,
    scope       TEXT,
    decided_by  TEXT,
    created_at  INTEGER NOT NULL,
    resolved_at INTEGER
) STRICT;
CREATE INDEX approvals_by_age ON approvals (created_at, position);
CREATE INDEX approvals_by_state ON approvals (state, created_at, position);
CREATE INDEX approvals_of_session ON approvals (session, created_at, position);
CREATE INDEX approvals_by_request ON approvals (generation, request_id, position);

-- The outbox: what is to be done by the child, recorded before it is sent.
CREATE TABLE operations (
    position   INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,
    method     TEXT    NOT NULL,
    session    TEXT,
    approval   TEXT REFERENCES approvals (id),
    generation TEXT,
    body       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    outcome    TEXT,
    actor      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX operations_by_state ON operations (state, position);
CREATE INDEX operations_settled ON operations (state, updated_at) WHERE state IN ('answered', 'failed', 'void');

CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;
