-- What a login could hold, lend or delete with the rights that it has anyway.

-- An advisory lock needs no right, so any login could take the number that kept two looks apart, and keep
-- it. A row can be locked only by who may change it, and only this function may.
CREATE OR REPLACE FUNCTION check_ledger(max_age_seconds integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_checks WHERE checked_at IS NULL
                   OR checked_at < now() - make_interval(secs => max_age_seconds))
    THEN
        RETURN false;
    END IF;
    -- Any one row does, as long as every look takes the same.
    PERFORM FROM ledger_checks WHERE check_id = 'balances_match_ledger' FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE ledger_checks SET violations = found.violations, checked_at = now()
    FROM (SELECT check_id, count(culprit) AS violations
          FROM ledger_checks LEFT JOIN ledger_violations USING (check_id) GROUP BY check_id) found
    WHERE ledger_checks.check_id = found.check_id;
    RETURN true;
END $$;

-- Nobody adds an entry while the two functions below change, so that none meets one old and one new.
LOCK TABLE ledger_entries IN SHARE ROW EXCLUSIVE MODE;

-- The depth of triggers says nothing about which trigger is above: one on a temporary table of one's own
-- counts too. The role of the posting function can be had by that function, or by an explicit SET ROLE.
-- The search path is fixed, so that no operator of somebody else's answers here.
CREATE OR REPLACE FUNCTION refuse_direct_wallet_write() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_user <> 'paynow_ledger' THEN
        RAISE EXCEPTION 'a balance changes only by a ledger entry: % is refused', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'wallets_follow_the_ledger';
    END IF;
    RETURN NULL;
END $$;

GRANT SELECT, INSERT, UPDATE ON wallets TO paynow_ledger;
ALTER FUNCTION post_entries_to_wallets() OWNER TO paynow_ledger;
-- A trigger that exists needs nobody's right to its function; a new one does, so even the owner of the
-- tables cannot put this function on a table of its own.
REVOKE EXECUTE ON FUNCTION post_entries_to_wallets() FROM paynow_ledger;

-- EVENT_RETENTION_DAYS is at least 1, so nothing younger than a day is ever to be forgotten, whoever
-- asks. STRICT: without a number nothing is.
CREATE OR REPLACE FUNCTION forget_payloads(before bigint, at_once integer) RETURNS bigint
    LANGUAGE sql STRICT SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH old AS (
        SELECT event_id FROM webhook_events
        WHERE payload IS NOT NULL AND event_id < before
            -- An id holds the milliseconds since 1645568542000 above its lowest 22 bits.
            AND event_id < ((extract(epoch FROM now() - interval '1 day') * 1000)::bigint
                            - 1645568542000) << 22
        ORDER BY event_id LIMIT greatest(least(at_once, 10000), 0) FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        UPDATE webhook_events SET payload = NULL
        FROM old WHERE webhook_events.event_id = old.event_id RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;

CREATE OR REPLACE FUNCTION forget_bodies(retention_days integer, at_once integer) RETURNS bigint
    LANGUAGE sql STRICT SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH old AS (
        SELECT dead_letter_id FROM dead_letters
        WHERE body IS NOT NULL AND state IN ('discarded', 'resolved')
            AND settled_at < now() - make_interval(days => greatest(least(retention_days, 36500), 1))
        ORDER BY settled_at LIMIT greatest(least(at_once, 10000), 0) FOR UPDATE SKIP LOCKED
    ), forgotten AS (
        UPDATE dead_letters SET body = NULL FROM old
        WHERE dead_letters.dead_letter_id = old.dead_letter_id RETURNING 1
    )
    SELECT count(*) FROM forgotten
$$;

-- A function of a later migration belongs to nobody until it is granted, also when it is forgotten there.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
