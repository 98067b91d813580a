CREATE OR REPLACE FUNCTION wallets_of(platform text, external_id text) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT known.wallet_id FROM customer_identities AS known
    WHERE known.platform = lower(wallets_of.platform) AND known.external_id = CASE
        WHEN wallets_of.external_id ~* '^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$'
        THEN wallets_of.external_id::uuid::text ELSE wallets_of.external_id END
$$;
