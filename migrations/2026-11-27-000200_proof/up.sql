-- PayNow's signature is kept with each event and each dead letter, so that the worker and everybody
-- later can see that points came from a signed webhook, or which person vouched for them.
--
-- Safe while the previous version runs: its worker leaves the new columns empty.

ALTER TABLE webhook_events
    ADD COLUMN signature bytea,
    -- The replay, of operator_actions, in which a person vouched for the body.
    ADD COLUMN vouched_by bigint,
    ADD CONSTRAINT webhook_events_signature_length CHECK (octet_length(signature) = 32) NOT VALID;

ALTER TABLE dead_letters
    ADD COLUMN signature bytea,
    ADD CONSTRAINT dead_letters_signature_length CHECK (octet_length(signature) = 32) NOT VALID;

-- For `is_vouched`, which is asked about each message of a replay.
CREATE INDEX dead_letters_body_sha256_idx ON dead_letters (body_sha256);

-- From when on a message needs a proof. Messages that were in the queues when the signature was
-- introduced have none, and get a day to be applied.
CREATE TABLE proof_rule (
    one_row boolean NOT NULL DEFAULT true,
    required_from timestamptz NOT NULL,
    CONSTRAINT proof_rule_pkey PRIMARY KEY (one_row),
    CONSTRAINT proof_rule_one_row CHECK (one_row)
);

INSERT INTO proof_rule (required_from)
SELECT CASE WHEN EXISTS (SELECT FROM webhook_events) OR EXISTS (SELECT FROM dead_letters)
            THEN now() + interval '24 hours' ELSE now() END;

-- Whether a person vouched for exactly this body, in a replay of a letter that has it. A letter that
-- was applied is the same event again, and one that was skipped was not sent.
CREATE FUNCTION is_vouched(of_replay bigint, with_sha256 bytea) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM operator_actions AS action
        JOIN replays AS replayed ON replayed.action_id = action.action_id
        JOIN dead_letters AS letter ON letter.dead_letter_id = replayed.dead_letter_id
        WHERE action.action_id = of_replay AND action.action = 'replay'
            AND action.selection -> 'without_proof' = 'true'::jsonb
            AND replayed.state IN ('waiting', 'sent', 'applied')
            AND replayed.deaths_before IS NOT NULL
            AND letter.body_sha256 = with_sha256
    )
$$;

-- Adds a dead letter. If it died before with the same body, its row counts one more death, and it gets
-- its body back if that was forgotten. Anybody may send a letter with any signature, so one that is in
-- the row gives way only to a signature that the worker has verified.
CREATE FUNCTION archive_dead_letter(of_event text, of_type text, with_reason text, with_error text,
    with_body bytea, with_signature bytea, is_proven boolean, by_secret text,
    signed timestamptz, received timestamptz, after_attempts integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO dead_letters AS letter (event_id, event_type, reason, error, body, body_sha256,
        signature, secret_id, signed_at, received_at, attempts, state)
    VALUES (of_event, of_type, with_reason, with_error, with_body, sha256(with_body),
        with_signature, by_secret, signed, received, after_attempts,
        CASE WHEN is_applied(of_event, sha256(with_body)) THEN 'resolved' ELSE 'open' END)
    ON CONFLICT ON CONSTRAINT dead_letters_event_id_body_sha256_key DO UPDATE
    SET reason = excluded.reason, error = excluded.error, state = excluded.state,
        body = coalesce(letter.body, excluded.body),
        attempts = excluded.attempts, deaths = letter.deaths + 1, last_dead_at = now(),
        history = letter.history || jsonb_build_object('reason', letter.reason,
            'error', letter.error, 'dead_at', letter.last_dead_at),
        (signature, secret_id, signed_at) = (SELECT
            CASE WHEN takes_over THEN excluded.signature ELSE letter.signature END,
            CASE WHEN takes_over THEN excluded.secret_id ELSE letter.secret_id END,
            CASE WHEN takes_over THEN excluded.signed_at ELSE letter.signed_at END
            FROM (SELECT excluded.signature IS NOT NULL
                      AND (is_proven OR letter.signature IS NULL) AS takes_over) AS decided)
$$;

REVOKE EXECUTE ON FUNCTION is_vouched(bigint, bytea), archive_dead_letter(text, text, text, text,
    bytea, bytea, boolean, text, timestamptz, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_vouched(bigint, bytea), archive_dead_letter(text, text, text, text,
    bytea, bytea, boolean, text, timestamptz, timestamptz, integer) TO paynow_worker;
GRANT SELECT ON proof_rule TO paynow_worker, paynow_reader;
GRANT SELECT (signature, vouched_by) ON webhook_events TO paynow_reader;
GRANT SELECT (signature) ON dead_letters TO paynow_reader;

-- Events that moved points without a signature, and that nobody vouched for. What was settled before a
-- proof was required may have none.
CREATE VIEW unproven_credits AS
SELECT 'credited_events_have_proof' AS check_id, event_id::text AS culprit
FROM webhook_events AS event
WHERE outcome IN ('credited', 'reversed', 'restored') AND signature IS NULL
    AND settled_at >= (SELECT required_from FROM proof_rule)
    AND NOT EXISTS (
        SELECT FROM operator_actions AS action
        WHERE action.action_id = event.vouched_by AND action.action = 'replay'
            AND action.selection -> 'without_proof' = 'true'::jsonb);

INSERT INTO ledger_checks (check_id) VALUES ('credited_events_have_proof');

-- Added to the view as it stands, so that this migration repeats none of its other invariants.
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS '
        || rtrim(pg_get_viewdef('ledger_violations'::regclass), ';')
        || ' UNION ALL SELECT check_id, culprit FROM unproven_credits';
END $$;
