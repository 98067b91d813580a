DROP FUNCTION record_access(bytea, text, text);
DROP FUNCTION console_enrol(bytea, bytea, integer, bytea, bytea, bigint);
DROP FUNCTION console_sign_out_everywhere(bytea);
DROP FUNCTION console_sign_out(bytea);
DROP FUNCTION console_session(bytea, boolean);
DROP TRIGGER replay_runs_of_the_session ON replay_runs;
DROP FUNCTION refuse_hold_of_nobody();
DROP TRIGGER operator_actions_of_the_session ON operator_actions;
DROP FUNCTION refuse_forged_name();
DROP FUNCTION require_recent_role(bytea, text[]);
DROP FUNCTION require_role(bytea, text[]);
DROP FUNCTION live_session(bytea);
DROP FUNCTION is_console_login();
DROP TABLE console_access;
DROP FUNCTION refuse_console_access_change();
DROP TABLE console_sessions;
DROP TABLE console_people;
REVOKE EXECUTE ON FUNCTION
    set_price(bigint, bigint, timestamptz, text, text), discard_letters(bigint[], text, text, jsonb),
    hold_replay(bigint), take_letters(bigint, bigint), give_back_letters(bigint, bigint[]),
    mark_letters_sent(bigint, bigint[]), observe_replay(bigint), end_replay_run(bigint, text, text, text)
    FROM paynow_console_operator;
REVOKE SELECT (body) ON dead_letters FROM paynow_console_operator;
REVOKE SELECT (name) ON customer_identities FROM paynow_console_support;
-- The rule before knows none of these actions.
ALTER TABLE operator_actions DISABLE TRIGGER operator_actions_append_only;
DELETE FROM operator_actions
WHERE action IN ('correct_request', 'correct_decide', 'replay_control', 'reveal', 'people');
ALTER TABLE operator_actions ENABLE TRIGGER operator_actions_append_only;
DO $$
BEGIN
    EXECUTE 'ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known, '
        || 'ADD CONSTRAINT operator_actions_action_known '
        || (SELECT replace(pg_get_constraintdef(oid), ', ''correct_request''::text, ''correct_decide''::text, '
                '''replay_control''::text, ''reveal''::text, ''people''::text', '') FROM pg_constraint
            WHERE conname = 'operator_actions_action_known' AND conrelid = 'operator_actions'::regclass);
END $$;
