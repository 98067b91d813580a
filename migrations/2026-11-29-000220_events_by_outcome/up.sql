-- Events by type and outcome, newest first. Without the credited ones, which nearly all are: they cost nothing
-- here, and are found by the primary key.
CREATE INDEX CONCURRENTLY IF NOT EXISTS webhook_events_by_outcome_idx ON webhook_events (outcome, event_type, event_id)
    WHERE outcome <> 'credited';
