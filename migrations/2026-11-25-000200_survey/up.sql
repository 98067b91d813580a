-- What must hold in the ledger, as one view: `paynowctl check` names what breaks it, and the workers
-- look at it now and then, so that monitoring hears of it before a player does.

CREATE VIEW ledger_violations AS
SELECT 'balances_match_ledger' AS check_id,
    format('wallet %s has %s, its entries add up to %s', wallet_id,
        coalesce(balance::text, 'no row'), coalesce(total::text, 'nothing')) AS culprit
FROM wallets
FULL JOIN (SELECT wallet_id, sum(points) AS total FROM ledger_entries GROUP BY wallet_id) ledger
    USING (wallet_id)
WHERE balance IS DISTINCT FROM total
UNION ALL
SELECT 'entry_keys_unique', entry_key FROM ledger_entries GROUP BY entry_key HAVING count(*) > 1
UNION ALL
SELECT 'credited_events_have_entries', event_id::text FROM webhook_events event
WHERE outcome = 'credited' AND NOT EXISTS (
    SELECT FROM ledger_entries entry
    WHERE entry.order_id = event.order_id AND entry.event_id = event.event_id)
UNION ALL
SELECT 'entries_have_events', entry_key FROM ledger_entries entry
WHERE kind = 'order_line' AND NOT EXISTS (
    SELECT FROM webhook_events event
    WHERE event.event_id = entry.event_id AND event.outcome = 'credited')
UNION ALL
SELECT 'orders_have_entries', order_id::text FROM orders
WHERE NOT EXISTS (SELECT FROM ledger_entries entry WHERE entry.order_id = orders.order_id)
UNION ALL
SELECT 'reversals_within_credit',
    format('order %s has %s left in wallet %s', order_id, sum(points), wallet_id)
FROM ledger_entries
WHERE order_id IS NOT NULL GROUP BY order_id, wallet_id
HAVING sum(points) < 0
    OR sum(points) > coalesce(sum(points) FILTER (WHERE kind = 'order_line'), 0)
UNION ALL
SELECT 'reversals_have_entries', event_id::text FROM webhook_events event
WHERE outcome IN ('reversed', 'restored') AND NOT EXISTS (
    SELECT FROM ledger_entries entry
    WHERE entry.order_id = event.order_id AND entry.event_id = event.event_id);

-- When each was last looked at by a worker, and what was found: one look serves all workers.
CREATE TABLE ledger_checks (
    check_id text NOT NULL,
    violations bigint NOT NULL DEFAULT 0,
    -- Null before the first look.
    checked_at timestamptz,
    CONSTRAINT ledger_checks_pkey PRIMARY KEY (check_id)
);

INSERT INTO ledger_checks (check_id) VALUES
    ('balances_match_ledger'), ('entry_keys_unique'), ('credited_events_have_entries'),
    ('entries_have_events'), ('orders_have_entries'), ('reversals_within_credit'),
    ('reversals_have_entries');

-- Looks at the whole ledger unless somebody did within so many seconds or is doing so; tells whether
-- it did. One statement, so all invariants see the same state.
CREATE FUNCTION check_ledger(max_age_seconds integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_checks WHERE checked_at IS NULL
                   OR checked_at < now() - make_interval(secs => max_age_seconds))
        -- "ledgch" in ASCII.
        OR NOT pg_try_advisory_xact_lock(x'6c6564676368'::bigint)
    THEN
        RETURN false;
    END IF;
    UPDATE ledger_checks SET violations = found.violations, checked_at = now()
    FROM (SELECT check_id, count(culprit) AS violations
          FROM ledger_checks LEFT JOIN ledger_violations USING (check_id) GROUP BY check_id) found
    WHERE ledger_checks.check_id = found.check_id;
    RETURN true;
END $$;

REVOKE EXECUTE ON FUNCTION check_ledger(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION check_ledger(integer) TO paynow_worker;
GRANT SELECT ON ledger_checks TO paynow_worker, paynow_reader;
GRANT SELECT ON ledger_violations TO paynow_reader;
-- How many letters are open, and since when.
GRANT SELECT (state) ON dead_letters TO paynow_worker;
