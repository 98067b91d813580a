-- A game backend gives a spend back, once, and spends by what it knows of a player: a platform and an id.
--
-- What is given back is an entry of kind `spend` with positive points and the key `unspend:<key>`, and a record
-- in `spends` with negative points. Not a kind of its own: a new value of the enum could never be taken back,
-- and every sum over the kind `spend`, in this version, the one before and in a shop's reports, stays what was
-- spent in the end. The check of the version before compares entries with their records, and so finds these
-- accounted for too.
--
-- Safe while the previous version runs: none of its programs adds or reads such an entry by itself, and
-- `paynowctl` prints kinds and keys as they are.

ALTER TABLE ledger_entries
    -- contract: the rule is only widened, and put back in the same statement
    DROP CONSTRAINT ledger_entries_spend_form,
    -- NOT VALID: all older entries have passed the narrower rule, and reading them would block the table.
    ADD CONSTRAINT ledger_entries_spend_form CHECK (kind <> 'spend' OR (order_id IS NULL
        AND (entry_key LIKE 'spend:_%' AND points < 0 OR entry_key LIKE 'unspend:_%' AND points > 0))) NOT VALID;

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
    -- `applied` false would say that the points were taken, and they were given back since. Giving back takes
    -- the wallet's lock, which is held here, so the answer is that of the moment.
    IF EXISTS (SELECT FROM ledger_entries AS entry WHERE entry.entry_key = 'unspend:' || spend.key) THEN
        RAISE EXCEPTION 'the spend with key % was given back: a new spend needs a new key', spend.key
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'spend_key_given_back';
    END IF;
    -- Not `has`: where the wallet came to be a moment ago, there was nothing to lock.
    RETURN QUERY SELECT wallet.balance, false FROM wallets AS wallet
        WHERE wallet.wallet_id = spend.wallet_id;
END $$;

-- Gives the points of a spend back, once. `balance` is what the wallet has now; `applied` tells whether this
-- call gave them back, or an earlier one had.
CREATE FUNCTION unspend(key text)
    RETURNS TABLE (balance bigint, applied boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    spent record;
    has bigint;
BEGIN
    -- An entry never changes, so it is read before its wallet is locked.
    SELECT entry.wallet_id, entry.points, taken.login INTO spent
        FROM ledger_entries AS entry LEFT JOIN spends AS taken USING (entry_key)
        WHERE entry.entry_key = 'spend:' || unspend.key;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing was spent with key %', unspend.key
            USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_key_unknown';
    END IF;
    -- Keys can be guessed. A login that takes the place of another is made a member of it. All of them are
    -- members of paynow_spender, which says nothing. Whose a spend from before the records was, nobody knows:
    -- a person corrects it.
    IF spent.login IS DISTINCT FROM session_user AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_roles AS role
        WHERE role.rolname = spent.login AND role.rolname <> 'paynow_spender'
            AND pg_has_role(session_user, role.oid, 'MEMBER'))
    THEN
        RAISE EXCEPTION 'key % is a spend of another login', unspend.key
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'spend_of_another_login';
    END IF;

    -- The wallet first, as in `spend`: a repeat of the spend waits here, and then finds it given back.
    SELECT wallet.balance INTO has FROM wallets AS wallet
        WHERE wallet.wallet_id = spent.wallet_id FOR UPDATE;
    -- One statement, so that the entry's trigger finds the record.
    WITH entry AS (
        INSERT INTO ledger_entries (entry_key, wallet_id, kind, points)
        VALUES ('unspend:' || unspend.key, spent.wallet_id, 'spend', -spent.points)
        ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING
        RETURNING entry_key, wallet_id, points
    )
    INSERT INTO spends (entry_key, wallet_id, points, login)
    SELECT entry.entry_key, entry.wallet_id, -entry.points, session_user FROM entry;
    IF FOUND THEN
        RETURN QUERY SELECT has - spent.points, true;
    ELSE
        RETURN QUERY SELECT has, false;
    END IF;
END $$;

-- The wallets of a player. A UUID is found with or without dashes and in capitals, as games write it. Used by
-- the functions below only.
CREATE FUNCTION wallets_of(platform text, external_id text) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT known.wallet_id FROM customer_identities AS known
    WHERE known.platform = lower(wallets_of.platform) AND known.external_id = CASE
        WHEN wallets_of.external_id ~* '^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$'
        THEN wallets_of.external_id::uuid::text ELSE wallets_of.external_id END
$$;

-- `spend` from the one wallet of a player. The messages name no player, because the server logs them.
CREATE FUNCTION spend_by(platform text, external_id text, points bigint, key text)
    RETURNS TABLE (wallet_id bigint, balance bigint, applied boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    candidates bigint[] := ARRAY(SELECT wallets_of(spend_by.platform, spend_by.external_id));
BEGIN
    IF cardinality(candidates) = 0 THEN
        RAISE EXCEPTION 'this player has no wallet'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_identity_unknown';
    END IF;
    IF cardinality(candidates) > 1 THEN
        -- A repeat is answered as the first call was, also when the second wallet is newer than that one.
        candidates := ARRAY(SELECT entry.wallet_id FROM ledger_entries AS entry
            WHERE entry.entry_key = 'spend:' || spend_by.key AND entry.wallet_id = ANY (candidates));
        IF cardinality(candidates) = 0 THEN
            RAISE EXCEPTION 'this player has several wallets: name one with spend'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'spend_identity_ambiguous';
        END IF;
    END IF;
    RETURN QUERY SELECT candidates[1], answer.balance, answer.applied
        FROM spend(candidates[1], spend_by.points, spend_by.key) AS answer;
END $$;

-- Each wallet of a player with its balance: none, one, or several.
CREATE FUNCTION balance_by(platform text, external_id text)
    RETURNS TABLE (wallet_id bigint, balance bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT known.id, coalesce(wallets.balance, 0)
    FROM wallets_of(balance_by.platform, balance_by.external_id) AS known (id)
        LEFT JOIN wallets ON wallets.wallet_id = known.id
    ORDER BY known.id
$$;

REVOKE EXECUTE ON FUNCTION unspend(text), wallets_of(text, text), spend_by(text, text, bigint, text),
    balance_by(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unspend(text), spend_by(text, text, bigint, text), balance_by(text, text)
    TO paynow_spender;

-- What was given back, without a spend of the same wallet and as many points. That each has its entry is part
-- of the invariant already.
CREATE VIEW unmatched_unspends AS
SELECT 'spends_have_records' AS check_id, entry_key AS culprit FROM spends AS back
WHERE points < 0 AND NOT EXISTS (
    SELECT FROM ledger_entries AS spent
    WHERE spent.entry_key = 'spend:' || substr(back.entry_key, length('unspend:') + 1) AND spent.kind = 'spend'
        AND spent.wallet_id = back.wallet_id AND spent.points = back.points);

-- Added to the view as it stands, so that this migration repeats none of its other invariants.
DO $$
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS '
        || rtrim(pg_get_viewdef('ledger_violations'::regclass), ';')
        || ' UNION ALL SELECT check_id, culprit FROM unmatched_unspends';
END $$;
