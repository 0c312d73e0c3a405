-- Whether an event concerns the session of a worker. Such events are told to those who ask for that session by name, also
-- when the session itself is gone; so it stands with the event.
ALTER TABLE events ADD COLUMN of_worker INTEGER NOT NULL DEFAULT 0;
