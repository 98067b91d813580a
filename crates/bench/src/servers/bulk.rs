//! Loads a ledger of two years: orders of many customers, each with its event and its entry. Triggers are
//! off during the load. Indexes and constraints stay on, so that pages are filled as by a worker.

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::BigInt;
use paynow_process::clock::now_ms;
use paynow_shared::ids::flake_floor;

use crate::failure::{Doing, Result};
use crate::orders::FIRST_WALLET;

const ORDERS_PER_INSERT: i64 = 250_000;
const TWO_YEARS_MS: i64 = 2 * 365 * 86_400_000;
const WALLETS: i64 = 100_000;

/// `$1` and `$2` are the numbers of the first and the last order, `$3` the first id, `$4` the
/// distance between two orders' ids. The payloads have been deleted by retention.
const EVENTS: &str = "INSERT INTO webhook_events (event_id, event_type, outcome, order_id, \
        body_sha256, secret_id, signed_at, received_at, attempts) \
    SELECT $3 + $4 * number + 4, 'ON_ORDER_COMPLETED', 'credited', $3 + $4 * number + 2, \
        sha256(int8send(number)), 'orders', now(), now(), 1 FROM generate_series($1, $2) AS number";
const ORDERS: &str = "INSERT INTO orders (order_id, event_id, store_id, buyer_wallet_id, \
        total_amount_minor, currency) \
    SELECT $3 + $4 * number + 2, $3 + $4 * number + 4, 600000000000000002, \
        $5 + abs(hashint8(number)::bigint) % $6, 499, 'EUR' FROM generate_series($1, $2) AS number";
/// The product's id is in the text, because every row has the same.
const LINES: &str = "INSERT INTO order_lines (order_id, line_id, product_id, quantity, \
        total_amount_minor, tax_amount_minor) \
    SELECT $3 + $4 * number + 2, $3 + $4 * number + 3, 600000000000000040, 1, 499, 0 \
    FROM generate_series($1, $2) AS number";
const ENTRIES: &str = "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, \
        points) \
    SELECT 'order-line:' || ($3 + $4 * number + 3), $5 + abs(hashint8(number)::bigint) % $6, \
        $3 + $4 * number + 2, $3 + $4 * number + 4, 'order_line', 500 \
    FROM generate_series($1, $2) AS number";
const FINISH: &str = "INSERT INTO wallets (wallet_id, balance) \
        SELECT wallet_id, sum(points)::bigint FROM ledger_entries GROUP BY wallet_id;
    SET session_replication_role = origin;
    UPDATE ledger_checks SET violations = 0, checked_at = now();";

pub(super) fn load(connection: &mut PgConnection, orders: i64) -> Result<()> {
    let began_ms = now_ms() - TWO_YEARS_MS;
    let first_id = flake_floor(began_ms);
    let distance = (flake_floor(began_ms + TWO_YEARS_MS / 2) - first_id) * 2 / orders.max(1);
    connection
        .batch_execute("SET session_replication_role = replica")
        .doing("turning triggers off for the load")?;
    let mut first = 0;
    while first < orders {
        let last = (first + ORDERS_PER_INSERT).min(orders) - 1;
        // An order and its entries have one time, as in a worker's transaction.
        connection
            .batch_execute("BEGIN")
            .doing("loading past orders")?;
        for rows in [EVENTS, ORDERS, LINES, ENTRIES] {
            let numbers = diesel::sql_query(rows)
                .bind::<BigInt, _>(first)
                .bind::<BigInt, _>(last)
                .bind::<BigInt, _>(first_id)
                .bind::<BigInt, _>(distance);
            let loaded = if rows == EVENTS || rows == LINES {
                numbers.execute(connection)
            } else {
                let numbers = numbers.bind::<BigInt, _>(FIRST_WALLET);
                numbers.bind::<BigInt, _>(WALLETS).execute(connection)
            };
            loaded.doing("loading past orders")?;
        }
        connection
            .batch_execute("COMMIT")
            .doing("loading past orders")?;
        first = last + 1;
    }
    connection
        .batch_execute(FINISH)
        .doing("computing the balances of past orders")?;
    // What autovacuum would have done by then; not within a transaction.
    for command in ["VACUUM ANALYZE", "CHECKPOINT"] {
        let done = connection.batch_execute(command);
        done.doing("tidying up after the load")?;
    }
    Ok(())
}
