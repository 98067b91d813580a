ALTER FUNCTION check_ledger(integer) RESET jit;
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS ' || regexp_replace(regexp_replace(
        pg_get_viewdef('ledger_violations'::regclass),
        '\s*UNION ALL\s+SELECT\s+(unaccounted_entries|unrecorded_attributions)\.check_id,\s+\1\.culprit\s+FROM\s+\1',
        '', 'g'),
        '\mFROM orders_with_points orders\M', 'FROM orders');
END $$;
DELETE FROM ledger_checks WHERE check_id IN ('spends_have_records', 'reversal_entries_have_reversals',
    'reversals_have_events', 'reversals_recompute', 'order_lines_match_entries',
    'attributions_have_actions');
DROP VIEW unrecorded_attributions, unaccounted_entries, wrong_reversals, orders_with_points, ignored_orders;

DROP TRIGGER ledger_entries_kind_of_role ON ledger_entries;
DROP FUNCTION refuse_kind();

-- Takes points from a wallet once per key. `balance` is what the wallet has now; `applied` tells
-- whether this call took the points, or an earlier one with this key had.
CREATE OR REPLACE FUNCTION spend(wallet_id bigint, points bigint, key text)
    RETURNS TABLE (balance bigint, applied boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    has bigint;
    spent record;
BEGIN
    IF spend.points IS NULL OR spend.points <= 0 THEN
        RAISE EXCEPTION 'points to spend must be positive'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_points_positive';
    END IF;
    IF spend.key IS NULL OR length(spend.key) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'a spend needs a key of 1 to 200 characters'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_key_length';
    END IF;

    -- The wallet first: from here on its other spends and the ledger's trigger wait, so the balance
    -- stays what it is. One wallet per call, so no two calls wait for each other.
    SELECT wallet.balance INTO has FROM wallets AS wallet
        WHERE wallet.wallet_id = spend.wallet_id FOR UPDATE;

    SELECT entry.wallet_id, entry.points INTO spent FROM ledger_entries AS entry
        WHERE entry.entry_key = 'spend:' || spend.key;
    IF NOT FOUND THEN
        -- Only now: a key of an older form that was used before this rule still answers as before.
        IF spend.key COLLATE "C" !~ '^[!-~]+$' THEN
            RAISE EXCEPTION 'a new spend''s key may have letters, digits and signs of ASCII, without spaces'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_key_form';
        END IF;
        IF has IS NULL OR has < spend.points THEN
            RAISE EXCEPTION 'wallet % has % points, % are needed',
                spend.wallet_id, coalesce(has, 0), spend.points
                USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_needs_balance';
        END IF;
        INSERT INTO ledger_entries (entry_key, wallet_id, kind, points)
        VALUES ('spend:' || spend.key, spend.wallet_id, 'spend', -spend.points)
        ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING;
        IF FOUND THEN
            RETURN QUERY SELECT has - spend.points, true;
            RETURN;
        END IF;
        -- Another wallet's call had the key at the same time: its entry is visible now.
        SELECT entry.wallet_id, entry.points INTO spent FROM ledger_entries AS entry
            WHERE entry.entry_key = 'spend:' || spend.key;
    END IF;

    IF (spent.wallet_id, spent.points) IS DISTINCT FROM (spend.wallet_id, -spend.points) THEN
        RAISE EXCEPTION 'key % was used before, for % points of wallet %',
            spend.key, -spent.points, spent.wallet_id
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'spend_key_reused';
    END IF;
    -- Not `has`: where the wallet came to be a moment ago, there was nothing to lock.
    RETURN QUERY SELECT wallet.balance, false FROM wallets AS wallet
        WHERE wallet.wallet_id = spend.wallet_id;
END $$;

DROP TABLE spends, upgrade_rule;
