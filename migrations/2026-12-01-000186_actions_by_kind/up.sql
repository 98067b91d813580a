-- Actions of one kind, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS operator_actions_action_idx ON operator_actions (action, action_id);
