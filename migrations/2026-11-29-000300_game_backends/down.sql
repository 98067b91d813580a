DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS ' || regexp_replace(
        pg_get_viewdef('ledger_violations'::regclass),
        '\s*UNION ALL\s+SELECT\s+unmatched_unspends\.check_id,\s+unmatched_unspends\.culprit\s+FROM\s+unmatched_unspends',
        '');
END $$;
DROP VIEW unmatched_unspends;

DROP FUNCTION balance_by(text, text);
DROP FUNCTION spend_by(text, text, bigint, text);
DROP FUNCTION wallets_of(text, text);
DROP FUNCTION unspend(text);

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
        -- One statement, so that the entry's trigger finds the record.
        WITH entry AS (
            INSERT INTO ledger_entries (entry_key, wallet_id, kind, points)
            VALUES ('spend:' || spend.key, spend.wallet_id, 'spend', -spend.points)
            ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING
            RETURNING entry_key, wallet_id, points
        )
        INSERT INTO spends (entry_key, wallet_id, points, login)
        SELECT entry.entry_key, entry.wallet_id, -entry.points, session_user FROM entry;
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

-- What was given back stays, and is accounted for: the rule before is then one for new entries only.
ALTER TABLE ledger_entries
    DROP CONSTRAINT ledger_entries_spend_form,
    ADD CONSTRAINT ledger_entries_spend_form
        CHECK (kind <> 'spend' OR (entry_key LIKE 'spend:_%' AND points < 0 AND order_id IS NULL)) NOT VALID;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entries WHERE kind = 'spend' AND points > 0) THEN
        ALTER TABLE ledger_entries VALIDATE CONSTRAINT ledger_entries_spend_form;
    END IF;
END $$;
