-- A ledger of {rows} events and orders, and a hundredth as many dead letters and operator actions. As a
-- superuser: no trigger looks at a row.
SET session_replication_role = replica;

INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, secret_id, signed_at,
    received_at, attempts, settled_at)
SELECT 600000000000000000 + n * 1000, kind.event_type, kind.outcome::event_outcome,
    CASE WHEN kind.outcome <> 'ignored' THEN 610000000000000000 + (n - n % 100) * 1000
        + CASE kind.event_type WHEN 'ON_REFUND' THEN 0 ELSE n % 100 * 1000 END END,
    sha256(n::text::bytea), 'orders', at, at, 1, at
FROM generate_series(1, {rows}::bigint) AS n,
    LATERAL (SELECT timestamptz '2026-01-01Z' + n * interval '1 second') AS moment (at),
    LATERAL (SELECT CASE WHEN n % 100 = 1 THEN 'ON_REFUND' WHEN n % 50 = 2 THEN 'ON_TRIAL_ACTIVATED'
            ELSE 'ON_ORDER_COMPLETED' END,
        CASE WHEN n % 100 = 1 THEN 'reversed' WHEN n % 50 = 2 THEN 'ignored'
            WHEN n % 1000 = 3 THEN 'already_credited' ELSE 'credited' END) AS kind (event_type, outcome);

INSERT INTO orders (order_id, event_id, store_id, buyer_wallet_id, total_amount_minor, currency, recorded_at)
SELECT 610000000000000000 + n * 1000, 600000000000000000 + n * 1000, 2,
    630000000000000000 + n % ({rows} / 10), 1000, 'USD', timestamptz '2026-01-01Z' + n * interval '1 second'
FROM generate_series(1, {rows}::bigint) AS n;

INSERT INTO order_lines (order_id, line_id, product_id, quantity, total_amount_minor)
SELECT 610000000000000000 + n * 1000, 620000000000000000 + n, 40, 1, 1000
FROM generate_series(1, {rows}::bigint) AS n;

INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points, created_at)
SELECT 'order-line:' || 620000000000000000 + n, 630000000000000000 + n % ({rows} / 10),
    610000000000000000 + n * 1000, 600000000000000000 + n * 1000, 'order_line', 500,
    timestamptz '2026-01-01Z' + n * interval '1 second'
FROM generate_series(1, {rows}::bigint) AS n;

INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, amount_minor)
SELECT 610000000000000000 + (n - 1) * 1000, 0, 'refund', 640000000000000000 + n, 600000000000000000 + n * 1000, 500
FROM generate_series(1, {rows}::bigint, 100) AS n;

INSERT INTO wallets (wallet_id, balance)
SELECT 630000000000000000 + n, CASE WHEN n % 1000 = 0 THEN -n ELSE n % 100000 END
FROM generate_series(0, {rows}::bigint / 10 - 1) AS n;

INSERT INTO customer_identities (wallet_id, platform, external_id, name, first_seen_at, last_seen_at)
SELECT 630000000000000000 + n, 'minecraft', md5(n::text)::uuid::text, 'Player' || n, now(), now()
FROM generate_series(0, {rows}::bigint / 10 - 1) AS n;

INSERT INTO dead_letters (event_id, event_type, reason, error, body, body_sha256, attempts, first_dead_at)
SELECT 650000000000000000 + n, 'ON_ORDER_COMPLETED', 'unknown_product', 'product 99 has no points', body,
    sha256(body), 1, now()
FROM generate_series(1, {rows}::bigint / 100) AS n, LATERAL (SELECT convert_to(json_build_object(
    'event_type', 'ON_ORDER_COMPLETED', 'event_id', (650000000000000000 + n)::text, 'body', json_build_object(
        'id', (660000000000000000 + n)::text, 'customer', json_build_object('id', (670000000000000000 + n)::text),
        'lines', json_build_array(json_build_object('id', (680000000000000000 + n)::text)),
        'note', repeat('x', 1500)))::text, 'UTF8')) AS made (body);

INSERT INTO waiting_events (event_id, event_type, reason, error, attempt, rung_seconds, next_at, order_id, refund_id,
    payment_id)
SELECT 690000000000000000 + n, 'ON_REFUND', 'order_unknown', 'the order is not known', 1, 16, now() + interval '1 minute',
    700000000000000000 + n, 710000000000000000 + n, 720000000000000000 + n
FROM generate_series(1, {rows}::bigint / 100) AS n;

INSERT INTO waiting_steps (event_id, attempt, rung_seconds, reason, error, times)
SELECT 690000000000000000 + n, attempt, 16, 'order_unknown', 'the order is not known', 1
FROM generate_series(1, {rows}::bigint / 100) AS n, generate_series(1, 3) AS attempt;

INSERT INTO order_payments (payment_id, order_id, event_id)
SELECT 730000000000000000 + n, 610000000000000000 + (n - 1) * 1000, 600000000000000000 + n * 1000
FROM generate_series(1, {rows}::bigint, 100) AS n;

INSERT INTO ledger_entries (entry_key, wallet_id, kind, points)
SELECT 'spend:' || n, 630000000000000000 + n % ({rows} / 10), 'spend', -5
FROM generate_series(1, {rows}::bigint / 10) AS n;

INSERT INTO spends (entry_key, wallet_id, points, login)
SELECT 'spend:' || n, 630000000000000000 + n % ({rows} / 10), 5, 'game'
FROM generate_series(1, {rows}::bigint / 10) AS n;

INSERT INTO operator_actions (action, operator, why, selection, outcome, login, acted_at)
SELECT 'correct', 'anna', 'ticket ' || n,
    jsonb_build_object('wallet_id', (630000000000000000 + n)::text, 'points', 5, 'key', 'ticket-' || n),
    jsonb_build_object('entry_key', 'correction:ticket-' || n), 'anna',
    timestamptz '2026-01-01Z' + n * interval '1 minute'
FROM generate_series(1, {rows}::bigint / 100) AS n;

SET session_replication_role = origin;
