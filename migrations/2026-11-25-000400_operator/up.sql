-- Whoever works at the desk needs no right to change the schema, an entry or a balance: `paynow_operator`
-- has what `paynowctl` does for a person, and reads as `paynow_reader`, whose member it is.

-- Bodies are PayNow's own words: a person looks at them, a replay sends them again.
GRANT SELECT (body) ON dead_letters TO paynow_operator;
GRANT UPDATE (state) ON dead_letters TO paynow_operator;
GRANT INSERT (action_id, dead_letter_id), UPDATE (state, deaths_before, updated_at) ON replays
    TO paynow_operator;
-- Not the time of an action: that is the server's.
GRANT INSERT (action, operator, why, selection, outcome) ON operator_actions TO paynow_operator;
GRANT INSERT (product_id, points), UPDATE (points, updated_at) ON products TO paynow_operator;

-- What a wallet has, and keeps until the transaction ends. To lock a row takes the right to change it,
-- which nobody needs.
CREATE FUNCTION lock_balance(of_wallet bigint) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT balance FROM wallets WHERE wallet_id = of_wallet FOR UPDATE
$$;

-- Adds a correction, and no entry of another kind; tells whether its key was free.
CREATE FUNCTION post_correction(with_key text, to_wallet bigint, of_points bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO ledger_entries (entry_key, wallet_id, kind, points)
    VALUES (with_key, to_wallet, 'correction', of_points)
    ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING;
    RETURN FOUND;
END $$;

REVOKE EXECUTE ON FUNCTION lock_balance(bigint), post_correction(text, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_balance(bigint), post_correction(text, bigint, bigint)
    TO paynow_operator;

-- A trigger needs nobody's right to its function, so nobody has one.
REVOKE EXECUTE ON FUNCTION refuse_ledger_change(), refuse_direct_wallet_write(),
    refuse_operator_action_change(), date_dead_letter() FROM PUBLIC;
