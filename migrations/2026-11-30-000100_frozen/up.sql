-- What `forget_wallet` would remove, each row by its id, so that a preview can be frozen and a change until then be
-- told. `forgettable` has only the numbers.
CREATE FUNCTION forgettable_ids(of_wallet bigint, OUT event_ids bigint[], OUT letter_ids bigint[],
    OUT unsettled_letters bigint[])
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    its_orders bigint[] := orders_of_wallet(of_wallet);
BEGIN
    IF NOT is_customer(of_wallet) THEN
        RETURN;
    END IF;
    event_ids := events_about(of_wallet, its_orders);
    letter_ids := letters_about(of_wallet, its_orders, true);
    unsettled_letters := letters_about(of_wallet, its_orders, false);
END $$;

REVOKE EXECUTE ON FUNCTION forgettable_ids(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forgettable_ids(bigint) TO paynow_operator;
