-- A body is shown to a person of the console only with a reason, and that is recorded.
--
-- Safe while the previous version runs: everything is new.

-- What a letter's body says, to somebody who says why. Recorded in the same transaction.
CREATE FUNCTION reveal_letter(of_session bytea, of_letter bigint, with_why text) RETURNS bytea
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    person text := require_recent_role(of_session, ARRAY['operator', 'approver']);
    revealed bytea;
BEGIN
    SELECT body INTO revealed FROM dead_letters WHERE dead_letter_id = of_letter;
    IF revealed IS NOT NULL THEN
        PERFORM add_action('reveal', person, with_why, jsonb_build_object('dead_letter_id', of_letter::text),
            jsonb_build_object('dead_letter_ids', jsonb_build_array(of_letter::text)));
    END IF;
    RETURN revealed;
END $$;

REVOKE EXECUTE ON FUNCTION reveal_letter(bytea, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reveal_letter(bytea, bigint, text)
    TO paynow_console_operator, paynow_console_approver;
