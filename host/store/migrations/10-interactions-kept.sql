-- Interactions that are over go with time, once no operation refers to them any more; and what is open of a session is
-- found without a look at all that is.
CREATE INDEX interactions_over ON interactions (state, resolved_at) WHERE state IN ('performed', 'expired');
CREATE INDEX operations_of_interaction ON operations (interaction) WHERE interaction IS NOT NULL;
CREATE INDEX operations_open ON operations (session, position) WHERE state IN ('recorded', 'sending', 'unknown');
