CREATE OR REPLACE FUNCTION post_entries_to_wallets() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO wallets AS wallet (wallet_id, balance)
    SELECT wallet_id, sum(points)::bigint FROM new_entries GROUP BY wallet_id ORDER BY wallet_id
    ON CONFLICT ON CONSTRAINT wallets_pkey DO UPDATE
        SET balance = wallet.balance + excluded.balance, updated_at = now();
    RETURN NULL;
EXCEPTION WHEN numeric_value_out_of_range THEN
    -- By name, so that the worker can tell a balance that cannot be from a database in trouble.
    RAISE EXCEPTION 'the balance would not fit into 64 bits'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'wallets_balance_fits';
END $$;
