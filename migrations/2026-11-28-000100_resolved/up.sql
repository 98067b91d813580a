-- A discarded dead letter is resolved like an open one when another copy of its event is applied: nothing
-- is left that somebody gave up. Who discarded it and why stays in `operator_actions`.
--
-- Safe while the previous version runs: its housekeeping calls the same function.

-- What is not resolved, so that nobody walks over what is.
CREATE INDEX dead_letters_unresolved_idx ON dead_letters (dead_letter_id)
    WHERE state IN ('open', 'replayed', 'discarded');

-- Looks at the next letters by number that are not resolved, and resolves those whose event was applied
-- with just this body. Several at once pass over each other's rows.
CREATE OR REPLACE FUNCTION resolve_applied_letters(after bigint, at_once integer,
    OUT last bigint, OUT resolved bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH looked_at AS (
        SELECT dead_letter_id FROM dead_letters
        WHERE state IN ('open', 'replayed', 'discarded') AND dead_letter_id > after
        ORDER BY dead_letter_id LIMIT at_once
    ), applied AS (
        SELECT letter.dead_letter_id FROM dead_letters AS letter
        JOIN looked_at ON looked_at.dead_letter_id = letter.dead_letter_id
        WHERE letter.state IN ('open', 'replayed', 'discarded')
            AND is_applied(letter.event_id, letter.body_sha256)
        ORDER BY letter.dead_letter_id FOR UPDATE OF letter SKIP LOCKED
    ), done AS (
        UPDATE dead_letters SET state = 'resolved' FROM applied
        WHERE dead_letters.dead_letter_id = applied.dead_letter_id RETURNING 1
    )
    SELECT (SELECT max(dead_letter_id) FROM looked_at), (SELECT count(*) FROM done)
$$;

-- Housekeeping resolves such letters every minute. Not `is_applied`, which would keep the check from being
-- run in parallel.
CREATE VIEW unresolved_letters AS
SELECT 'applied_letters_are_resolved' AS check_id,
    format('dead letter %s is %s', dead_letter_id, state) AS culprit
FROM dead_letters AS letter
JOIN webhook_events AS event ON event.body_sha256 = letter.body_sha256
    -- A body that names no event has a digest here, which is no number.
    AND event.event_id = CASE WHEN letter.event_id !~ '^[0-9]{1,19}$' THEN NULL
                              WHEN letter.event_id::numeric > 9223372036854775807 THEN NULL
                              ELSE letter.event_id::bigint END
WHERE state IN ('open', 'replayed', 'discarded')
    AND greatest(letter.last_dead_at, letter.settled_at, event.settled_at) < now() - interval '15 minutes';

-- Since no worker of the version before lines runs, each entry of an order comes from a line of it.
CREATE VIEW entries_without_lines AS
SELECT 'order_lines_match_entries' AS check_id, entry_key AS culprit
FROM ledger_entries AS entry
WHERE kind = 'order_line' AND created_at > (SELECT older_workers_until FROM upgrade_rule)
    AND NOT EXISTS (SELECT FROM order_lines WHERE order_lines.order_id = entry.order_id);

-- Not due at once: housekeeping first resolves the letters that are older than this rule.
INSERT INTO ledger_checks (check_id, checked_at) VALUES ('applied_letters_are_resolved', now());

-- Added to the view as it stands, so that this migration repeats none of its other invariants.
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS '
        || rtrim(pg_get_viewdef('ledger_violations'::regclass), ';')
        || ' UNION ALL SELECT check_id, culprit FROM unresolved_letters'
        || ' UNION ALL SELECT check_id, culprit FROM entries_without_lines';
END $$;
