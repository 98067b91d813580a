ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;

CREATE OR REPLACE FUNCTION forget_bodies(retention_days integer, at_once integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH old AS (
        SELECT dead_letter_id FROM dead_letters
        WHERE body IS NOT NULL AND state IN ('discarded', 'resolved')
            AND settled_at < now() - make_interval(days => retention_days)
        ORDER BY settled_at LIMIT at_once FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        UPDATE dead_letters SET body = NULL FROM old
        WHERE dead_letters.dead_letter_id = old.dead_letter_id RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;

CREATE OR REPLACE FUNCTION forget_payloads(before bigint, at_once integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH old AS (
        SELECT event_id FROM webhook_events
        WHERE payload IS NOT NULL AND event_id < before
        ORDER BY event_id LIMIT at_once FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        UPDATE webhook_events SET payload = NULL
        FROM old WHERE webhook_events.event_id = old.event_id RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;

ALTER FUNCTION post_entries_to_wallets() OWNER TO paynow_owner;
GRANT EXECUTE ON FUNCTION post_entries_to_wallets() TO paynow_owner;
REVOKE SELECT, INSERT, UPDATE ON wallets FROM paynow_ledger;

CREATE OR REPLACE FUNCTION refuse_direct_wallet_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Depth 1 is this trigger under a client's own statement; the ledger's trigger makes it 2.
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'a balance changes only by a ledger entry: % is refused', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'wallets_follow_the_ledger';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_ledger(max_age_seconds integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_checks WHERE checked_at IS NULL
                   OR checked_at < now() - make_interval(secs => max_age_seconds))
        -- "ledgch" in ASCII.
        OR NOT pg_try_advisory_xact_lock(x'6c6564676368'::bigint)
    THEN
        RETURN false;
    END IF;
    UPDATE ledger_checks SET violations = found.violations, checked_at = now()
    FROM (SELECT check_id, count(culprit) AS violations
          FROM ledger_checks LEFT JOIN ledger_violations USING (check_id) GROUP BY check_id) found
    WHERE ledger_checks.check_id = found.check_id;
    RETURN true;
END $$;
