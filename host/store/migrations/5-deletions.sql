-- Whether a deleted session was a worker's: what is told of it afterwards is for those who ask for it by name.
ALTER TABLE tombstones ADD COLUMN of_worker INTEGER NOT NULL DEFAULT 0;
-- When the child last said that it will not delete the thread yet.
ALTER TABLE tombstones ADD COLUMN refused_at INTEGER;
