//! What a batch writes. Each function inserts what is not there yet and tells how much that was.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use paynow_shared::event::Order;
use paynow_shared::ids::{OrderId, WalletId};

use super::plan::{PlannedEntry, PlannedEvent, PlannedOrder, PlannedReversal};
use super::statement::Statement;
use crate::database::DatabaseError;
use crate::database::{count, time_ms};

/// Inserts events that are not there yet; the number that were not.
pub(crate) fn insert_events(
    connection: &mut PgConnection,
    events: &[PlannedEvent<'_>],
) -> Result<usize, DatabaseError> {
    if events.is_empty() {
        return Ok(0);
    }
    let column = |value: fn(&PlannedEvent<'_>) -> i64| events.iter().map(value).collect::<Vec<_>>();
    let headers = || {
        events
            .iter()
            .map(|planned| &planned.incoming.received.headers)
    };
    let inserted = Statement::new(
        "INSERT INTO webhook_events (event_id, event_type, outcome, order_id, body_sha256, \
             payload, secret_id, signed_at, received_at, attempts) \
         SELECT event_id, event_type, outcome::event_outcome, order_id, body_sha256, payload, \
             secret_id, to_timestamp(signed_at_ms / 1000.0), \
             to_timestamp(received_at_ms / 1000.0), attempts \
         FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS event (event_id, event_type, \
             outcome, order_id, body_sha256, payload, secret_id, signed_at_ms, received_at_ms, \
             attempts) \
         ORDER BY event_id \
         ON CONFLICT ON CONSTRAINT webhook_events_pkey DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(column(|planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(texts(events, |planned| planned.event.event_type.as_str()))
    .bind::<Array<Text>, _>(texts(events, |planned| planned.outcome.code()))
    .bind::<Array<Nullable<BigInt>>, _>(
        events
            .iter()
            .map(|planned| planned.order_id.map(OrderId::get))
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Binary>, _>(
        events
            .iter()
            .map(|planned| planned.incoming.digest.as_bytes())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Binary>, _>(
        events
            .iter()
            .map(|p| p.incoming.received.body.as_slice())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Text>>, _>(
        headers()
            .map(|headers| headers.secret_id.as_deref())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(
        headers()
            .map(|headers| time_ms(headers.signed_at_ms))
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(
        headers()
            .map(|headers| time_ms(headers.received_at_ms))
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Integer>, _>(
        headers()
            .map(|headers| count(headers.attempt))
            .collect::<Vec<_>>(),
    )
    .execute(connection)?;
    Ok(inserted)
}

fn texts<'a, 'p>(
    events: &'a [PlannedEvent<'p>],
    text: fn(&'a PlannedEvent<'p>) -> &'a str,
) -> Vec<&'a str> {
    events.iter().map(text).collect()
}

/// Inserts orders that are not there yet; the number that were not.
pub(crate) fn insert_orders(
    connection: &mut PgConnection,
    orders: &[PlannedOrder<'_>],
) -> Result<usize, DatabaseError> {
    if orders.is_empty() {
        return Ok(0);
    }
    let numbers = |value: fn(&Order) -> Option<i64>| {
        orders
            .iter()
            .map(|planned| value(planned.order))
            .collect::<Vec<Option<i64>>>()
    };
    let inserted = Statement::new(
        "INSERT INTO orders (order_id, event_id, store_id, buyer_wallet_id, total_amount_minor, \
             currency) \
         SELECT * FROM unnest(?, ?, ?, ?, ?, ?) AS new_order (order_id, event_id, store_id, \
             buyer_wallet_id, total_amount_minor, currency) \
         ORDER BY order_id \
         ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING",
    )
    .bind::<Array<Nullable<BigInt>>, _>(numbers(|order| Some(order.id.get())))
    .bind::<Array<BigInt>, _>(
        orders
            .iter()
            .map(|planned| planned.event.id.get())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(numbers(|order| order.store_id.map(|id| id.get())))
    .bind::<Array<Nullable<BigInt>>, _>(numbers(|order| order.customer_id.map(WalletId::get)))
    .bind::<Array<Nullable<BigInt>>, _>(numbers(|order| order.total_amount_minor))
    .bind::<Array<Nullable<Text>>, _>(
        orders
            .iter()
            .map(|planned| planned.order.currency.as_deref())
            .collect::<Vec<_>>(),
    )
    .execute(connection)?;
    Ok(inserted)
}

/// Inserts entries whose keys are not there yet; the number that were not. The trigger on the
/// table adds them up into `wallets`.
pub(crate) fn insert_entries(
    connection: &mut PgConnection,
    entries: &[PlannedEntry<'_>],
) -> Result<usize, DatabaseError> {
    if entries.is_empty() {
        return Ok(0);
    }
    let numbers =
        |value: fn(&PlannedEntry<'_>) -> i64| entries.iter().map(value).collect::<Vec<i64>>();
    let keys: Vec<&str> = entries
        .iter()
        .map(|planned| planned.entry.key.as_str())
        .collect();
    let kinds: Vec<&str> = entries
        .iter()
        .map(|planned| planned.entry.kind.code())
        .collect();
    let inserted = Statement::new(
        "INSERT INTO ledger_entries (entry_key, wallet_id, order_id, event_id, kind, points) \
         SELECT entry_key, wallet_id, order_id, event_id, kind::ledger_entry_kind, points \
         FROM unnest(?, ?, ?, ?, ?, ?) AS entry (entry_key, wallet_id, order_id, event_id, \
             kind, points) \
         ORDER BY entry_key \
         ON CONFLICT ON CONSTRAINT ledger_entries_entry_key_key DO NOTHING",
    )
    .bind::<Array<Text>, _>(keys)
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.entry.wallet_id.get()))
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.entry.order_id.get()))
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.event.id.get()))
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.entry.points.get()))
    .execute(connection)?;
    Ok(inserted)
}

/// Inserts reversals whose place in their order, and whose happening, are not there yet.
pub(crate) fn insert_reversals(
    connection: &mut PgConnection,
    reversals: &[PlannedReversal<'_>],
) -> Result<usize, DatabaseError> {
    if reversals.is_empty() {
        return Ok(0);
    }
    let numbers =
        |value: fn(&PlannedReversal<'_>) -> i64| reversals.iter().map(value).collect::<Vec<i64>>();
    let kinds: Vec<&str> = reversals
        .iter()
        .map(|planned| planned.record.kind.code())
        .collect();
    let inserted = Statement::new(
        "INSERT INTO reversals (order_id, sequence, kind, reference_id, event_id, amount_minor) \
         SELECT order_id, sequence, kind::reversal_kind, reference_id, event_id, amount_minor \
         FROM unnest(?, ?, ?, ?, ?, ?) AS reversal (order_id, sequence, kind, reference_id, \
             event_id, amount_minor) \
         ORDER BY order_id, sequence \
         ON CONFLICT DO NOTHING",
    )
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.record.order_id.get()))
    .bind::<Array<Integer>, _>(
        reversals
            .iter()
            .map(|planned| planned.sequence)
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Text>, _>(kinds)
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.record.reference_id))
    .bind::<Array<BigInt>, _>(numbers(|planned| planned.event.id.get()))
    .bind::<Array<Nullable<BigInt>>, _>(
        reversals
            .iter()
            .map(|planned| planned.record.amount_minor)
            .collect::<Vec<_>>(),
    )
    .execute(connection)?;
    Ok(inserted)
}
