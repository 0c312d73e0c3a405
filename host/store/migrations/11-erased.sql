-- Whether something was erased since the file was last written anew: what SQLite has moved about lies in unused bytes until
-- then. What an earlier version erased is not known, so it counts.
ALTER TABLE log ADD COLUMN erased INTEGER NOT NULL DEFAULT 1 CHECK (erased IN (0, 1));
