DROP FUNCTION record_unrouted_move(text, text, jsonb, jsonb);
-- The rule before knows no moves.
ALTER TABLE operator_actions DISABLE TRIGGER operator_actions_append_only;
DELETE FROM operator_actions WHERE action = 'unrouted_move';
ALTER TABLE operator_actions ENABLE TRIGGER operator_actions_append_only;
DO $$
BEGIN
    EXECUTE 'ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known, '
        || 'ADD CONSTRAINT operator_actions_action_known '
        || (SELECT replace(pg_get_constraintdef(oid), ', ''unrouted_move''::text', '') FROM pg_constraint
            WHERE conname = 'operator_actions_action_known' AND conrelid = 'operator_actions'::regclass);
END $$;
