-- How the runs of a replay ended, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS operator_actions_ends_idx ON operator_actions ((selection ->> 'replay'), action_id)
    WHERE action = 'replay' AND selection ? 'replay';
