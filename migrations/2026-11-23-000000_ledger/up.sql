-- The ledger and the wallets it adds up to. WALLET_CONTRACT.md states the rules in words.

CREATE TYPE ledger_entry_kind AS ENUM (
    'order_line',     -- points of a line of a paid order
    'refund',         -- points a refund took back
    'chargeback',     -- points an open or lost chargeback took back
    'chargeback_won', -- points a won chargeback restored
    'spend',          -- points a game backend took for something
    'correction'      -- points a person gave or took, with a reason
);

CREATE TABLE ledger_entries (
    -- Rising with time, for a history in order; not the key, so it costs no index of its own.
    entry_id bigint GENERATED ALWAYS AS IDENTITY,
    entry_key text NOT NULL,
    wallet_id bigint NOT NULL,
    order_id bigint,
    -- The event that told us; the same entry told by another event keeps the first one here.
    event_id bigint,
    kind ledger_entry_kind NOT NULL,
    points bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ledger_entries_entry_key_key UNIQUE (entry_key),
    CONSTRAINT ledger_entries_wallet_id_positive CHECK (wallet_id > 0),
    CONSTRAINT ledger_entries_order_line_key_form
        CHECK (kind <> 'order_line' OR entry_key ~ '^order-line:[1-9][0-9]*$'),
    CONSTRAINT ledger_entries_order_line_names_its_order
        CHECK (kind <> 'order_line' OR (order_id IS NOT NULL AND points >= 0)),
    CONSTRAINT ledger_entries_reversal_names_its_order
        CHECK (kind NOT IN ('refund', 'chargeback', 'chargeback_won') OR order_id IS NOT NULL),
    CONSTRAINT ledger_entries_refund_and_chargeback_take
        CHECK (kind NOT IN ('refund', 'chargeback') OR points < 0),
    CONSTRAINT ledger_entries_chargeback_won_gives CHECK (kind <> 'chargeback_won' OR points > 0)
);

CREATE INDEX ledger_entries_wallet_id_entry_id_idx ON ledger_entries (wallet_id, entry_id);
CREATE INDEX ledger_entries_order_id_idx ON ledger_entries (order_id);

CREATE TABLE wallets (
    wallet_id bigint NOT NULL,
    balance bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT wallets_pkey PRIMARY KEY (wallet_id)
);

-- Once per statement, wallets in order: two batches that touch the same wallets wait for each
-- other instead of deadlocking. SECURITY DEFINER, so that nobody else needs a right on wallets.
CREATE FUNCTION post_entries_to_wallets() RETURNS trigger
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

-- Anybody may make a trigger on a temporary table of their own; with this function on it they would
-- write balances as its owner.
REVOKE EXECUTE ON FUNCTION post_entries_to_wallets() FROM PUBLIC;

CREATE TRIGGER ledger_entries_post_to_wallets AFTER INSERT ON ledger_entries
    REFERENCING NEW TABLE AS new_entries
    FOR EACH STATEMENT EXECUTE FUNCTION post_entries_to_wallets();

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are append-only: % is refused', TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_entries_append_only';
END $$;

-- Privileges stop every role but the owner; this stops the owner too.
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE FUNCTION refuse_direct_wallet_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Depth 1 is this trigger under a client's own statement; the ledger's trigger makes it 2.
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'a balance changes only by a ledger entry: % is refused', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'wallets_follow_the_ledger';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER wallets_follow_the_ledger BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON wallets
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_direct_wallet_write();

-- Debts are few: counting them must not read every wallet, nor need a right to read any.
CREATE INDEX wallets_in_debt_idx ON wallets (balance) WHERE balance < 0;

CREATE FUNCTION debts(OUT wallets bigint, OUT points bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*), least(coalesce(-sum(balance), 0), 9223372036854775807)::bigint
    FROM wallets WHERE balance < 0
$$;
REVOKE EXECUTE ON FUNCTION debts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION debts() TO paynow_worker, paynow_reader;

GRANT SELECT ON ledger_entries, wallets TO paynow_reader;
GRANT SELECT ON ledger_entries TO paynow_worker;
-- By column: created_at and entry_id are the database's to set.
GRANT INSERT (entry_key, wallet_id, order_id, event_id, kind, points)
    ON ledger_entries TO paynow_worker;
