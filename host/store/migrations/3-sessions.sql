-- Projects, the sessions of workers, and what is left of sessions that were deleted.

CREATE TABLE projects (
    id                TEXT PRIMARY KEY,
    name              TEXT    NOT NULL,
    -- The name as names are compared: trimmed, in lower case.
    folded_name       TEXT    NOT NULL UNIQUE,
    working_directory TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;

ALTER TABLE sessions ADD COLUMN project TEXT;
-- A session that the queue made for itself: for whom (a project's id, or `session:<id>`), and which agent.
ALTER TABLE sessions ADD COLUMN worker_owner TEXT;
ALTER TABLE sessions ADD COLUMN worker_agent TEXT;
-- Whether Codex no longer has the thread, so that ours is the only record left.
ALTER TABLE sessions ADD COLUMN thread_missing INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sessions_of_project ON sessions (project, updated_at) WHERE project IS NOT NULL;
CREATE UNIQUE INDEX sessions_of_workers ON sessions (worker_owner, worker_agent) WHERE worker_owner IS NOT NULL;

-- The controls of sessions whose creator says nothing, once somebody has changed them.
CREATE TABLE defaults (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    controls TEXT    NOT NULL
) STRICT;

-- Sessions that were deleted for good. `finished_at` is set when the child has forgotten its thread too.
CREATE TABLE tombstones (
    session     TEXT PRIMARY KEY,
    title       TEXT,
    deleted_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX tombstones_unfinished ON tombstones (deleted_at) WHERE finished_at IS NULL;
CREATE INDEX events_of_session ON events (session, seq) WHERE session IS NOT NULL;
