-- What was asked for and how it was answered, in order. Numbers are never used again, so that a page that was read stays
-- where it is.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    -- A JSON object of ids.
    targets TEXT NOT NULL,
    -- NULL when nobody waited for the answer.
    status INTEGER,
    request_id TEXT NOT NULL
) STRICT;
