-- Approvals become one kind of interaction among three: beside them questions to the user, and calls of tools that are ours
-- to run. Operations that answer one keep their reference; SQLite renames what refers to a table with it.

ALTER TABLE approvals RENAME TO interactions;
ALTER TABLE interactions ADD COLUMN kind TEXT NOT NULL DEFAULT 'approval';
-- What was answered, where the decision's word does not say it all.
ALTER TABLE interactions ADD COLUMN response TEXT;
ALTER TABLE operations RENAME COLUMN approval TO interaction;

DROP INDEX approvals_by_age;
DROP INDEX approvals_by_state;
DROP INDEX approvals_of_session;
DROP INDEX approvals_by_request;
CREATE INDEX interactions_by_kind ON interactions (kind, position);
CREATE INDEX interactions_by_state ON interactions (state, kind, position);
CREATE INDEX interactions_of_session ON interactions (session, kind, position);
CREATE INDEX interactions_by_request ON interactions (generation, request_id, position);
