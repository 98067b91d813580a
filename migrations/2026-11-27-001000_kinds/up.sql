-- A role adds only entries of its own kinds, a spend leaves a record, and the check of the ledger finds
-- every entry that nothing accounts for.
--
-- Safe while the previous version runs: its worker adds entries of its own kinds only.

-- Nobody adds an entry while this migration runs, so that each spend is either from before it or recorded.
LOCK TABLE ledger_entries IN SHARE ROW EXCLUSIVE MODE;

-- What the function `spend` took, and for which login.
CREATE TABLE spends (
    entry_key text NOT NULL,
    wallet_id bigint NOT NULL,
    -- How many were taken, above 0.
    points bigint NOT NULL,
    login text NOT NULL,
    spent_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT spends_pkey PRIMARY KEY (entry_key)
);

-- What is older than this migration: spends up to an entry have no record, but their sum; and until a time a
-- worker of the version before may decide, by its own rules.
CREATE TABLE upgrade_rule (
    one_row boolean NOT NULL DEFAULT true,
    recorded_after_entry bigint NOT NULL,
    spends_before bigint NOT NULL,
    points_before bigint NOT NULL,
    older_workers_until timestamptz NOT NULL,
    CONSTRAINT upgrade_rule_pkey PRIMARY KEY (one_row),
    CONSTRAINT upgrade_rule_one_row CHECK (one_row)
);

INSERT INTO upgrade_rule (recorded_after_entry, spends_before, points_before, older_workers_until)
SELECT CASE WHEN is_called THEN last_value ELSE 0 END, spends.count, spends.points,
    CASE WHEN is_called THEN now() + interval '24 hours' ELSE now() END
FROM ledger_entries_entry_id_seq,
    (SELECT count(*), coalesce(sum(points), 0)::bigint AS points FROM ledger_entries WHERE kind = 'spend') AS spends;

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

-- What the owner's functions add, they add as the owner. A superuser or the owner may add anything: what they
-- add by hand, without all that accounts for it, is found by the check of the ledger.
CREATE FUNCTION refuse_kind() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        RETURN NULL;
    END IF;
    IF NEW.kind IN ('spend', 'correction') THEN
        IF current_user <> 'paynow_owner' THEN
            RAISE EXCEPTION 'an entry of kind % is added only by its function', NEW.kind
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'ledger_entries_kind_of_role';
        END IF;
        -- A call of the function before this one that waited for the migration is repeated by its caller.
        IF NEW.kind = 'spend' AND NOT EXISTS (SELECT FROM spends WHERE entry_key = NEW.entry_key) THEN
            RAISE EXCEPTION 'this spend has no record: repeat it'
                USING ERRCODE = 'serialization_failure', CONSTRAINT = 'ledger_entries_spend_recorded';
        END IF;
    ELSIF NOT pg_has_role(current_user, 'paynow_owner', 'USAGE') THEN
        RAISE EXCEPTION 'an entry of kind % is added only by a worker', NEW.kind
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'ledger_entries_kind_of_role';
    END IF;
    RETURN NULL;
END $$;

-- Not called for what a worker adds.
CREATE TRIGGER ledger_entries_kind_of_role AFTER INSERT ON ledger_entries
    FOR EACH ROW
    WHEN (NEW.kind IN ('spend', 'correction') OR NOT pg_has_role(current_user, 'paynow_worker', 'USAGE'))
    EXECUTE FUNCTION refuse_kind();

REVOKE EXECUTE ON FUNCTION refuse_kind() FROM PUBLIC;
GRANT SELECT ON spends, upgrade_rule TO paynow_reader;

-- Refunds and chargebacks whose entries do not add up to what the rows of `reversals` take back, by the
-- rules of `crates/worker/src/decide/reversal.rs`.
CREATE VIEW wrong_reversals AS
WITH payments AS (
    -- The newest step of each chargeback; a closing is newer than an opening of the same time. The version
    -- before recorded no time, so its closing counts from when PayNow made the event, by the event's id.
    SELECT DISTINCT ON (order_id, reference_id) order_id, kind <> 'chargeback_won' AS takes_all
    FROM reversals WHERE kind <> 'refund'
    ORDER BY order_id, reference_id, coalesce((extract(epoch FROM chargeback_at) * 1000000)::bigint,
        CASE WHEN kind <> 'chargeback_opened' THEN ((event_id >> 22) + 1645568542000) * 1000 END) DESC NULLS LAST,
        kind = 'chargeback_opened'
), paid_lines AS (
    -- Orders of which every line that cost something was refunded.
    SELECT order_id FROM order_lines LEFT JOIN (
        SELECT DISTINCT order_id, line_id, true AS is_refunded FROM reversals WHERE line_id IS NOT NULL
    ) AS refund USING (order_id, line_id)
    WHERE order_id IN (SELECT order_id FROM reversals WHERE line_id IS NOT NULL)
    GROUP BY order_id
    HAVING bool_or(total_amount_minor > 0)
        AND bool_and(is_refunded IS NOT NULL OR total_amount_minor IS NOT DISTINCT FROM 0)
), steps AS (
    SELECT order_id, takes_all, NULL::bigint AS of_total, NULL::bigint AS of_charged FROM payments
    UNION ALL
    SELECT order_id, true AS takes_all, NULL::bigint AS of_total, NULL::bigint AS of_charged FROM paid_lines
    UNION ALL
    SELECT order_id, attribution IS NOT DISTINCT FROM 'everything',
        -- The version before attributions took a share of the total, whatever was paid with gift cards.
        CASE WHEN attribution IS NULL THEN amount_minor END,
        CASE WHEN attribution = 'proportional' THEN amount_minor END
    FROM reversals WHERE kind = 'refund'
), reversed AS (
    SELECT order_id, coalesce(total_amount_minor, 0)::numeric AS total,
        coalesce(total_amount_minor, 0)::numeric - coalesce(giftcard_amount_minor, 0) AS charged,
        bool_or(takes_all) AS takes_all, sum(of_total) AS of_total, sum(of_charged) AS of_charged
    FROM steps LEFT JOIN orders USING (order_id)
    GROUP BY order_id, total_amount_minor, giftcard_amount_minor
), named AS (
    SELECT order_id, wallet_id, sum(points) AS points
    FROM (SELECT refund.order_id, entry.wallet_id, entry.points
          FROM reversals AS refund JOIN ledger_entries AS entry
              ON entry.entry_key = 'order-line:' || refund.line_id AND entry.order_id = refund.order_id
          WHERE refund.line_id IS NOT NULL
          UNION ALL
          SELECT order_id, wallet_id, points FROM reversals WHERE points IS NOT NULL) AS refunded
    GROUP BY order_id, wallet_id
), posted AS (
    SELECT order_id, wallet_id,
        coalesce(sum(points) FILTER (WHERE kind = 'order_line'), 0) AS credited,
        coalesce(-sum(points) FILTER (WHERE kind <> 'order_line'), 0) AS taken_back,
        max(created_at) AS last_entry_at
    FROM ledger_entries WHERE order_id IN (SELECT order_id FROM reversals)
    GROUP BY order_id, wallet_id
), computed AS (
    SELECT order_id, wallet_id, taken_back, last_entry_at, CASE
        WHEN takes_all OR of_total >= total OR of_charged >= charged THEN credited
        ELSE least(credited, coalesce(named.points, 0)
            -- Rounded half up.
            + coalesce(div(2 * credited * of_total + total, 2 * total), 0)
            + coalesce(div(2 * credited * of_charged + charged, 2 * charged), 0))
        END AS expected
    FROM posted JOIN reversed USING (order_id) LEFT JOIN named USING (order_id, wallet_id)
)
SELECT 'reversals_recompute' AS check_id,
    format('order %s has taken back %s from wallet %s, its refunds and chargebacks make it %s',
        order_id, taken_back, wallet_id, expected) AS culprit
FROM computed
-- A worker of the version before may run beside this one on the day of the upgrade, and decides by its own
-- rules. The next event of the order makes it right. Nobody but the database sets the time of an entry.
WHERE taken_back <> expected AND NOT (
    last_entry_at < (SELECT older_workers_until FROM upgrade_rule) AND order_id IN (
        SELECT order_id FROM reversals GROUP BY order_id
        HAVING bool_or(attribution IS NOT NULL OR chargeback_at IS NOT NULL)
            AND (array_agg(CASE kind WHEN 'refund' THEN attribution IS NULL
                    WHEN 'chargeback_opened' THEN false ELSE chargeback_at IS NULL END
                ORDER BY sequence DESC))[1]));

-- `ORDER_TYPES` may have an order recorded and ignored.
CREATE VIEW ignored_orders AS
SELECT orders.order_id FROM orders JOIN webhook_events AS event ON event.event_id = orders.event_id
WHERE event.outcome = 'ignored';

CREATE VIEW orders_with_points AS
SELECT order_id FROM orders
WHERE NOT EXISTS (SELECT FROM ignored_orders WHERE ignored_orders.order_id = orders.order_id);

CREATE VIEW unaccounted_entries AS
SELECT 'spends_have_records' AS check_id, entry_key AS culprit
FROM (SELECT entry_key, wallet_id, -points::numeric AS points FROM ledger_entries
      WHERE kind = 'spend' AND entry_id > (SELECT recorded_after_entry FROM upgrade_rule)) AS entry
FULL JOIN spends AS record USING (entry_key)
WHERE (entry.wallet_id, entry.points) IS DISTINCT FROM (record.wallet_id, record.points::numeric)
UNION ALL
SELECT 'spends_have_records', format('%s spends from before there were records, and there were %s',
    found.count, rule.spends_before)
FROM upgrade_rule AS rule, LATERAL (
    SELECT count(*), coalesce(sum(points), 0) AS points FROM ledger_entries
    WHERE kind = 'spend' AND entry_id <= rule.recorded_after_entry) AS found
WHERE (found.count, found.points) IS DISTINCT FROM (rule.spends_before, rule.points_before)
UNION ALL
-- An action whose correction is gone.
SELECT 'corrections_have_actions', action.outcome ->> 'entry_key' FROM operator_actions AS action
WHERE action.action = 'correct' AND action.outcome ? 'entry_key' AND NOT EXISTS (
    SELECT FROM ledger_entries AS entry WHERE entry.entry_key = action.outcome ->> 'entry_key')
UNION ALL
SELECT 'reversal_entries_have_reversals', entry_key FROM ledger_entries AS entry
WHERE kind IN ('refund', 'chargeback', 'chargeback_won') AND NOT EXISTS (
    SELECT FROM reversals AS step JOIN webhook_events AS event USING (event_id, order_id)
    WHERE step.event_id = entry.event_id AND step.order_id = entry.order_id
        AND event.outcome IN ('reversed', 'restored')
        AND entry.kind = CASE step.kind WHEN 'refund' THEN 'refund'::ledger_entry_kind
            WHEN 'chargeback_won' THEN 'chargeback_won' ELSE 'chargeback' END)
UNION ALL
SELECT 'reversals_have_events', format('order %s, reversal %s', order_id, sequence)
FROM reversals AS step
WHERE NOT EXISTS (
    SELECT FROM webhook_events AS event
    WHERE event.event_id = step.event_id AND event.order_id = step.order_id
        AND event.outcome IN ('reversed', 'restored', 'noted'))
UNION ALL
-- An order is posted in one transaction.
SELECT 'order_lines_match_entries', entry_key
FROM ledger_entries AS entry LEFT JOIN orders USING (order_id)
WHERE kind = 'order_line'
    AND (orders.event_id, orders.recorded_at) IS DISTINCT FROM (entry.event_id, entry.created_at)
UNION ALL
-- Orders of the version before have no lines.
SELECT 'order_lines_match_entries', entry_key
FROM (SELECT order_id, entry_key, true AS is_posted FROM ledger_entries
      WHERE kind = 'order_line' AND order_id IN (SELECT order_id FROM order_lines)) AS entry
FULL JOIN (SELECT order_id, 'order-line:' || line_id AS entry_key, true AS is_line FROM order_lines
      WHERE NOT EXISTS (SELECT FROM ignored_orders WHERE ignored_orders.order_id = order_lines.order_id)
     ) AS line
    USING (order_id, entry_key)
WHERE is_posted IS NULL OR is_line IS NULL
UNION ALL
SELECT check_id, culprit FROM wrong_reversals;

-- What a person decided about a refund, and refunds that say so.
CREATE VIEW unrecorded_attributions AS
SELECT 'attributions_have_actions' AS check_id, format('refund %s', refund_id) AS culprit
FROM refund_attributions AS decided
WHERE NOT EXISTS (
    SELECT FROM operator_actions AS action
    WHERE action.action_id = decided.action_id AND action.action = 'attribute'
        AND action.outcome ->> 'refund_id' = decided.refund_id::text
        AND action.outcome ->> 'order_id' = decided.order_id::text
        AND action.outcome ->> 'line_id' IS NOT DISTINCT FROM decided.line_id::text
        AND action.outcome ->> 'wallet_id' IS NOT DISTINCT FROM decided.wallet_id::text
        AND action.outcome ->> 'points' IS NOT DISTINCT FROM decided.points::text)
UNION ALL
SELECT 'attributions_have_actions', format('refund %s of order %s', reference_id, order_id)
FROM reversals AS refund
WHERE attribution_source = 'operator' AND NOT EXISTS (
    SELECT FROM refund_attributions AS decided
    WHERE decided.refund_id = refund.reference_id AND decided.order_id = refund.order_id
        -- Not which line: an equal one takes the place of one that an earlier refund has.
        AND (decided.line_id IS NULL) = (refund.line_id IS NULL)
        AND (decided.wallet_id, decided.points) IS NOT DISTINCT FROM (refund.wallet_id, refund.points));

INSERT INTO ledger_checks (check_id) VALUES
    ('spends_have_records'), ('reversal_entries_have_reversals'), ('reversals_have_events'),
    ('reversals_recompute'), ('order_lines_match_entries'), ('attributions_have_actions');

-- Added to the view as it stands, so that this migration repeats none of its other invariants.
DO $$
DECLARE
    before text := rtrim(pg_get_viewdef('ledger_violations'::regclass), ';');
    narrowed text := regexp_replace(before, '\mFROM orders\M', 'FROM orders_with_points orders');
BEGIN
    IF narrowed = before THEN
        RAISE EXCEPTION 'the invariant orders_have_entries is not as expected';
    END IF;
    EXECUTE 'CREATE OR REPLACE VIEW ledger_violations AS ' || narrowed
        || ' UNION ALL SELECT check_id, culprit FROM unaccounted_entries'
        || ' UNION ALL SELECT check_id, culprit FROM unrecorded_attributions';
END $$;

-- The check is one long statement that is run once an hour: compiling it takes longer than it saves.
ALTER FUNCTION check_ledger(integer) SET jit = off;
