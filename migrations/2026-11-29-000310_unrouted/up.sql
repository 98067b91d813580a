-- A person moves messages that no binding routed to the workers, and that is recorded.
--
-- Safe while the previous version runs: it adds no such action, and shows the names of actions as they are.

-- Widened as it stands, so that this migration repeats none of its other words.
DO $$
DECLARE
    before text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conname = 'operator_actions_action_known' AND conrelid = 'operator_actions'::regclass);
    widened text := replace(before, ']))', ', ''unrouted_move''::text]))');
BEGIN
    IF widened IS NOT DISTINCT FROM before THEN
        RAISE EXCEPTION 'the rule operator_actions_action_known is not as expected';
    END IF;
    -- contract: the rule is only widened, and put back in the same statement
    EXECUTE 'ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known, '
        || 'ADD CONSTRAINT operator_actions_action_known ' || widened;
END $$;

-- Records that messages will be moved, or what became of them. The worker treats them like any other, so the
-- record is all that is written here.
CREATE FUNCTION record_unrouted_move(by_operator text, with_why text, with_selection jsonb,
    with_outcome jsonb) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT add_action('unrouted_move', by_operator, with_why, with_selection, with_outcome)
$$;

REVOKE EXECUTE ON FUNCTION record_unrouted_move(text, text, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_unrouted_move(text, text, jsonb, jsonb) TO paynow_operator;
