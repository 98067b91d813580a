-- A game's spelling of a player's id is read as PayNow's is, by the one function that does it, so that what was
-- recorded is found.
--
-- Safe while the previous version runs: its programs do not call the function, and the answers stay.

-- The wallets of a player. Used by `spend_by` and `balance_by` only.
CREATE OR REPLACE FUNCTION wallets_of(platform text, external_id text) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT known.wallet_id FROM customer_identities AS known
    WHERE known.platform = lower(clean_text(wallets_of.platform))
        AND known.external_id = normal_external_id(wallets_of.external_id)
$$;
