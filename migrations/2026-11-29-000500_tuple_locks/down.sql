-- PostgreSQL lets nobody replace a function who may not execute it, and since 000400_locks nobody may.
GRANT EXECUTE ON FUNCTION post_entries_to_wallets() TO paynow_owner;

CREATE OR REPLACE FUNCTION post_entries_to_wallets() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO wallets AS wallet (wallet_id, balance)
    SELECT wallet_id, sum(points)::bigint FROM new_entries GROUP BY wallet_id ORDER BY wallet_id
    ON CONFLICT ON CONSTRAINT wallets_pkey DO UPDATE
        SET balance = wallet.balance + excluded.balance, updated_at = now();
    RETURN NULL;
EXCEPTION
    WHEN numeric_value_out_of_range THEN
        -- By name, so that the worker can tell a balance that cannot be from a database in trouble.
        RAISE EXCEPTION 'the balance would not fit into 64 bits'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallets_balance_fits';
    WHEN lock_not_available OR deadlock_detected THEN
        -- A lock on the whole table is no event's fault, so it keeps its error; everybody waits behind one
        -- that is not granted yet, too.
        IF coalesce(current_setting('paynow.name_locks', true), '') <> 'on' OR EXISTS (
            SELECT FROM pg_locks
            WHERE relation = 'wallets'::regclass
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND pid <> pg_backend_pid() AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                    'AccessExclusiveLock'))
        THEN
            RAISE;
        END IF;
        RAISE EXCEPTION 'another transaction holds one of these wallets: %',
            (SELECT string_agg(DISTINCT wallet_id::text, ', ') FROM new_entries)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_locked';
END $$;

-- contract: only the right of three statements above is taken back
REVOKE EXECUTE ON FUNCTION post_entries_to_wallets() FROM paynow_owner;
