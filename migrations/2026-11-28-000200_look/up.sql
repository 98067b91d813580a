-- The check of the ledger as a plain query, which PostgreSQL may run in parallel, and a rest after one that
-- failed or took long, which all workers keep.
--
-- Safe while the previous version runs: its worker calls the same function.

ALTER TABLE ledger_checks
    -- Null: nothing speaks against a check.
    ADD COLUMN not_before timestamptz;

-- Used by the function below only. PostgreSQL runs a query in parallel that PL/pgSQL returns; not one that a
-- statement contains which writes, nor one that PL/pgSQL assigns to a variable, nor that of a function in SQL.
CREATE FUNCTION count_violations() RETURNS TABLE (check_id text, violations bigint)
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT check_id, count(*) FROM ledger_violations GROUP BY check_id;
END $$;
REVOKE EXECUTE ON FUNCTION count_violations() FROM PUBLIC;

-- Checks the whole ledger unless somebody did within so many seconds or is doing so; tells whether it did.
-- One statement reads, so all invariants see the same state. The result is not given by the client, so no
-- login can make one up.
CREATE OR REPLACE FUNCTION check_ledger(max_age_seconds integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    -- The check is one long statement that is run once an hour: compiling it takes longer than it saves.
    SET jit = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_checks WHERE checked_at IS NULL
                   OR checked_at < now() - make_interval(secs => max_age_seconds))
        OR (max_age_seconds > 0 AND EXISTS (SELECT FROM ledger_checks WHERE not_before > now()))
    THEN
        RETURN false;
    END IF;
    -- Any one row does, as long as every check takes the same.
    PERFORM FROM ledger_checks WHERE check_id = 'balances_match_ledger' FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    -- After a check that took long, the database rests as long, also where that is more than the interval.
    UPDATE ledger_checks SET violations = found.violations, checked_at = now(),
        not_before = clock_timestamp() + (clock_timestamp() - now())
    FROM (SELECT check_id, coalesce(counted.violations, 0) AS violations
          FROM ledger_checks LEFT JOIN count_violations() AS counted USING (check_id)) AS found
    WHERE ledger_checks.check_id = found.check_id;
    RETURN true;
END $$;

-- A check that failed is not begun anew before this, by whichever worker. At most an hour, so that nobody
-- stops the checks with one call.
CREATE FUNCTION postpone_ledger_check(seconds integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Not while another worker's check runs: that one counts, and it must not meet a deadlock.
    PERFORM FROM ledger_checks WHERE check_id = 'balances_match_ledger' FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE ledger_checks
        SET not_before = now() + make_interval(secs => greatest(least(seconds, 3600), 0));
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION postpone_ledger_check(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION postpone_ledger_check(integer) TO paynow_worker;
