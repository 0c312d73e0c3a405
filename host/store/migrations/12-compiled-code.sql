-- What came of compiling each component of an extension, for the engine that would run it. What is named here is loaded as
-- machine code: it is a fact of this folder and this machine, and is in no backup that is restored.

CREATE TABLE compiled_code (
    -- A later one has a higher number.
    position  INTEGER PRIMARY KEY,
    engine    TEXT    NOT NULL,
    component TEXT    NOT NULL,
    -- The digest of its code, or why it has none.
    code      TEXT,
    refusal   TEXT,
    UNIQUE (engine, component),
    CHECK ((code IS NULL) <> (refusal IS NULL))
) STRICT;
