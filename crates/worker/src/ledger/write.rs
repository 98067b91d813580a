//! The inserts of a transaction: arrays through `unnest`, so that any number of rows is one statement
//! with the same text. A row that exists already is skipped.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use paynow_shared::ids::{OrderId, StoreId, WalletId};

use super::plan::{Plan, PlannedEntry, PlannedEvent, PlannedOrder, PlannedReversal};
use super::statement::Statement;
use crate::database::{count, time_ms};

/// Inserts the rows of a plan. Returns `false` as soon as one of them exists already.
pub(super) fn insert(connection: &mut PgConnection, plan: &Plan<'_>) -> QueryResult<bool> {
    Ok(insert_all(connection, &plan.events, insert_events)?
        && insert_all(connection, &plan.orders, insert_orders)?
        && insert_all(connection, &plan.reversals, insert_reversals)?
        && insert_all(connection, &plan.entries, insert_entries)?)
}

fn insert_all<R>(
    connection: &mut PgConnection,
    rows: &[R],
    insert: fn(&mut PgConnection, &[R]) -> QueryResult<usize>,
) -> QueryResult<bool> {
    Ok(rows.is_empty() || insert(connection, rows)? == rows.len())
}

/// One value of each row.
fn column<'a, R, V>(rows: &'a [R], value: impl Fn(&'a R) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

fn insert_events(connection: &mut PgConnection, events: &[PlannedEvent<'_>]) -> QueryResult<usize> {
    let headers = column(events, |planned| &planned.decoded.message.headers);
    Statement::new(
        "INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, \
             payload, secret_id, signed_at, received_at, attempts, signature, vouched_by) \
         SELECT event_id, event_type, outcome::event_outcome, order_id, body_sha256, payload, \
             secret_id, to_timestamp(signed_at_ms / 1000.0), \
             to_timestamp(received_at_ms / 1000.0), attempts, signature, vouched_by \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS event (event_id, event_type, \
             outcome, order_id, body_sha256, payload, secret_id, signed_at_ms, received_at_ms, \
             attempts, signature, vouched_by) \
         ORDER BY event_id \
         ON CONFLICT ON CONSTRAINT webhook_events_pkey DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(events, |planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(column(events, |planned| planned.event.event_type.as_str()))
    .bind::<Array<Text>, _>(column(events, |planned| planned.outcome.code()))
    .bind::<Array<Nullable<BigInt>>, _>(column(events, |planned| {
        planned.order_id.map(OrderId::get)
    }))
    .bind::<Array<Binary>, _>(column(events, |planned| planned.decoded.digest.as_bytes()))
    .bind::<Array<Binary>, _>(column(events, |planned| {
        planned.decoded.message.body.as_slice()
    }))
    .bind::<Array<Nullable<Text>>, _>(column(events, |planned| planned.decoded.secret_id()))
    .bind::<Array<Nullable<BigInt>>, _>(column(&headers, |headers| time_ms(headers.signed_at_ms)))
    .bind::<Array<Nullable<BigInt>>, _>(column(&headers, |headers| time_ms(headers.received_at_ms)))
    .bind::<Array<Integer>, _>(column(&headers, |headers| count(headers.attempt)))
    .bind::<Array<Nullable<Binary>>, _>(column(events, |planned| {
        let verified = planned.decoded.signature();
        verified.map(|verified| verified.signature.as_bytes())
    }))
    .bind::<Array<Nullable<BigInt>>, _>(column(events, |planned| planned.decoded.vouched_by()))
    .execute(connection)
}

fn insert_orders(connection: &mut PgConnection, orders: &[PlannedOrder<'_>]) -> QueryResult<usize> {
    Statement::new(
        "INSERT INTO orders (order_id, event_id, store_id, buyer_wallet_id, total_amount_minor, \
             currency) \
         SELECT * FROM unnest(?, ?, ?, ?, ?, ?) AS new_order (order_id, event_id, store_id, \
             buyer_wallet_id, total_amount_minor, currency) \
         ORDER BY order_id \
         ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(orders, |planned| planned.order.id.get()))
    .bind::<Array<BigInt>, _>(column(orders, |planned| planned.event.id.get()))
    .bind::<Array<Nullable<BigInt>>, _>(column(orders, |planned| {
        planned.order.store_id.map(StoreId::get)
    }))
    .bind::<Array<Nullable<BigInt>>, _>(column(orders, |planned| {
        planned.order.customer_id.map(WalletId::get)
    }))
    .bind::<Array<Nullable<BigInt>>, _>(column(orders, |planned| planned.order.total_amount_minor))
    .bind::<Array<Nullable<Text>>, _>(column(orders, |planned| planned.order.currency.as_deref()))
    .execute(connection)
}

/// The trigger of `ledger_entries` adds the points of the inserted entries to `wallets`.
fn insert_entries(
    connection: &mut PgConnection,
    entries: &[PlannedEntry<'_>],
) -> QueryResult<usize> {
    Statement::new(
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
         SELECT entry_key, wallet_id, order_id, event_id, kind::ledger_entry_kind, points \
         FROM unnest(?, ?, ?, ?, ?, ?) AS entry (entry_key, wallet_id, order_id, event_id, \
             kind, points) \
         ORDER BY entry_key \
         ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING",
    )
    .bind::<Array<Text>, _>(column(entries, |planned| planned.entry.key.as_str()))
    .bind::<Array<BigInt>, _>(column(entries, |planned| planned.entry.wallet_id.get()))
    .bind::<Array<BigInt>, _>(column(entries, |planned| planned.entry.order_id.get()))
    .bind::<Array<BigInt>, _>(column(entries, |planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(column(entries, |planned| planned.entry.kind.code()))
    .bind::<Array<BigInt>, _>(column(entries, |planned| planned.entry.points.get()))
    .execute(connection)
}

/// Skips a reversal whose sequence number is taken in its order, or that is recorded already.
fn insert_reversals(
    connection: &mut PgConnection,
    reversals: &[PlannedReversal<'_>],
) -> QueryResult<usize> {
    Statement::new(
        "INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, amount_minor) \
         SELECT order_id, sequence, kind::reversal_kind, reference_id, event_id, amount_minor \
         FROM unnest(?, ?, ?, ?, ?, ?) AS reversal (order_id, sequence, kind, reference_id, \
             event_id, amount_minor) \
         ORDER BY order_id, sequence \
         ON CONFLICT DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(reversals, |planned| planned.record.order_id.get()))
    .bind::<Array<Integer>, _>(column(reversals, |planned| planned.sequence))
    .bind::<Array<Text>, _>(column(reversals, |planned| planned.record.kind.code()))
    .bind::<Array<BigInt>, _>(column(reversals, |planned| planned.record.reference_id))
    .bind::<Array<BigInt>, _>(column(reversals, |planned| planned.event.id.get()))
    .bind::<Array<Nullable<BigInt>>, _>(column(reversals, |planned| planned.record.amount_minor))
    .execute(connection)
}
